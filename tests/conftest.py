"""Fixtures of all tests: small configs, the program as a subprocess, runs without training."""

import gc
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import hypothesis
import pytest

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.run import Run
from tests.helpers import forked_cli
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.processes import handle_ignored_signals
from tests.helpers.settings import ROOT, RUN_ALL_CASES
from tests.helpers.untrained_runs import make_run_directory

# The collector would walk all objects again and again while they are imported, which takes a second.
gc.disable()

# Tests leave the user's cache alone. The workers of pytest-xdist inherit the variable, and share the directory.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _cache = tempfile.TemporaryDirectory(prefix="dnn-tests-")
    os.environ["XDG_CACHE_HOME"] = _cache.name

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Each process that tests start would compile all its modules again, which takes a third of the time of a short command.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

pytest_plugins = [
    "tests.helpers.cuda_machine",
    "tests.helpers.explained_runs",
    "tests.helpers.scored_runs",
    "tests.helpers.untrained_studies",
    "tests.helpers.study_programs",
    "tests.helpers.settle_programs",
    "tests.helpers.trained_runs",
]

handle_ignored_signals()

# Other processes slow tests down.
hypothesis.settings.register_profile("dnn", deadline=None, max_examples=100 if RUN_ALL_CASES else 50)
hypothesis.settings.load_profile("dnn")


def pytest_configure(config: pytest.Config) -> None:
    """Import Keras in a process that runs tests, and not in a process that only distributes tests.

    Processes that run tests share the fork server of the process that distributes tests.
    """
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        gc.enable()
        forked_cli.start_shared_server()
        return
    if address := os.environ.get(forked_cli.SERVER_VARIABLE):
        forked_cli.use_server(address)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own imports warn, and dnn cannot change that
        config.pluginmanager.import_plugin("tests.helpers.training_runs")


def pytest_collection_finish() -> None:
    """Hide the objects of TensorFlow and of all tests from the garbage collector, which each new model starts."""
    _hide_objects()
    gc.enable()
    # By default, 700 new objects start the collector. Each trace of a network makes many thousands.
    gc.set_threshold(50_000)


def _hide_objects() -> None:
    """Collect garbage, and hide all other objects from the garbage collector."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _hide_objects_of_module() -> Iterator[None]:
    """Hide the objects that a module of tests leaves. Else a cache of syntax trees adds 0.3 s to each new model."""
    yield
    _hide_objects()


@pytest.fixture(autouse=True)
def _end_commands() -> Iterator[None]:
    """Kill the commands that a test has started and not ended, because the test failed."""
    yield
    forked_cli.kill_commands()


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a config and returns its path."""

    def write_config(text: str = DIGITS_YAML, name: str = "digits.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write_config


@pytest.fixture
def experiment(config: Callable[..., str]) -> Callable[..., Experiment]:
    """Return a function that loads an experiment on digits with overrides."""
    return lambda *overrides, text=DIGITS_YAML: load_experiment(config(text), overrides).experiment


@pytest.fixture
def dnn(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `dnn` in an empty directory, in a process with all modules imported already."""
    return partial(forked_cli.run_command, tmp_path)


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `dnn` as a new process in an empty directory.

    The fixture `dnn` is faster. This fixture is for tests of start-up, imports and standard streams.
    """

    def run_command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("DNN_", "COV_"))}
        return subprocess.run(
            [sys.executable, "-m", "dnn_cli", *words],
            cwd=tmp_path,
            env={**outside, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    return run_command


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that makes the directory of a completed run without training."""
    return partial(make_run_directory, tmp_path)
