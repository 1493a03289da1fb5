"""A stopped worker, an import that hangs, a full disk and an early exception are found from the logs of workers."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.data import examples
from dnn_cli.execution import local_executor, preparation
from dnn_cli.execution.messages import EpochDone, Task
from dnn_cli.execution.scheduler import FixedSearch, train_all
from dnn_cli.execution.worker import serve_tasks
from dnn_cli.terminal.progress import ScreenReporter
from dnn_cli.terminal.sweep_progress import open_sweep_progress
from tests.helpers.digits import UNVALIDATED_YAML
from tests.helpers.fault_injection import FaultInjector
from tests.helpers.hanging_import import write_hanging_tensorflow

TIMEOUT = 60


@pytest.fixture
def executor():
    executor = local_executor.LocalExecutor(1)
    yield executor
    executor.kill_workers()


@pytest.fixture
def task(config, tmp_path):
    """Builds a task of digits with overrides."""

    def build(*overrides):
        loaded = load_experiment(config(UNVALIDATED_YAML), overrides)
        return Task(0, loaded, tmp_path / "runs", compute_network_digest(loaded.experiment))

    return build


@pytest.fixture
def sweep(executor, tmp_path, monkeypatch):
    """Trains a task, and returns the result, the text on the screen, and the log of the worker.

    `at_first_epoch` is called once, with the worker. From then on, the training stops when `should_stop` returns true
    for the text on the screen and the text of the log.
    """
    monkeypatch.chdir(tmp_path)

    def run(task, at_first_epoch=lambda worker: None, should_stop=lambda screen, log: False):
        stream, epochs, deadline = io.StringIO(), [], time.monotonic() + TIMEOUT

        def read_log():
            return "".join(path.read_text() for path in (tmp_path / "runs" / ".logs").glob("*-worker-1.log"))

        def get_stop_reason():
            assert time.monotonic() < deadline, (stream.getvalue(), read_log())
            return "enough" if epochs and should_stop(stream.getvalue(), read_log()) else ""

        with open_sweep_progress(ScreenReporter(stream), {0: "seed=1"}, 1) as display:
            show_event = display.on_event

            def on_event(event):
                if isinstance(event, EpochDone) and not epochs:
                    at_first_epoch(executor.busy[0])
                    epochs.append(event)
                show_event(event)

            display.on_event = on_event
            (result,) = train_all(FixedSearch([task]), executor, display, get_stop_reason)
        return result, stream.getvalue(), read_log()

    return run


def serve_with_broken_loader(*arguments, **options):
    def load_examples(*_):
        os.write(2, b"words of a native library\n")
        raise RuntimeError("the loader is broken")

    preparation.load_examples = examples.load_examples = load_examples
    serve_tasks(*arguments, **options)


def serve_on_full_disk(connection, directory, environment, *, log_path, **options):
    # Hidden directories of new runs begin with the year. The log is created before, and has a reserved block.
    with FaultInjector(f"{log_path.parent.parent}/.2", nth=1, lasting=True).inject_faults():
        serve_tasks(connection, directory, environment, log_path=log_path, **options)


def test_stopped_worker_is_named(sweep, task, monkeypatch):
    monkeypatch.setattr("dnn_cli.execution.local_executor.STOP_TIMEOUT", 0.2)

    def stop_process(worker):
        os.kill(worker.process.pid, signal.SIGSTOP)
        # Set here, because the worker may need more time to start.
        monkeypatch.setattr("dnn_cli.execution.scheduler.SILENCE_SECONDS", 0.4)

    result, screen, log = sweep(
        task("epochs=1000000"),
        stop_process,
        lambda screen, log: "no event" in screen and "training starts" in log,
    )
    assert result.exit_reason == "enough"
    (line,) = [line for line in screen.splitlines() if "no event" in line and "has no log" not in line]
    assert line.startswith("seed=1: no event for ") and line.endswith("-worker-1.log")
    assert os.path.exists(line.rpartition(" ")[2])
    assert "training.train: training starts" in log.splitlines()[-1]


def test_worker_writes_stacks_and_continues(sweep, task):
    result, _, log = sweep(
        task("epochs=1000000"),
        lambda worker: os.kill(worker.process.pid, signal.SIGUSR2),
        lambda screen, log: "serve_tasks" in log,
    )
    assert (result.status, result.exit_reason) == ("interrupted", "enough")
    assert "most recent call first" in log and "in fit" in log


def test_exception_before_the_run_keeps_its_traceback(sweep, task, monkeypatch):
    monkeypatch.setattr(local_executor, "serve_tasks", serve_with_broken_loader)
    result, screen, log = sweep(task())
    assert (result.run_directory, result.exit_reason) == (None, "RuntimeError: the loader is broken")
    assert "Traceback" in log and "in load_examples" in log and "words of a native library" in log
    line = screen.splitlines()[-1].strip()
    assert line.startswith("log of its worker: runs/.logs/") and os.path.exists(line.rpartition(" ")[2])


def test_full_disk_is_named_in_the_log(sweep, task, monkeypatch):
    monkeypatch.setattr(local_executor, "serve_tasks", serve_on_full_disk)
    result, screen, log = sweep(task())
    assert result.status == "failed"
    assert "task 0 ended: runs cannot be created" in log and "No space left on device" in log
    assert "No space left on device" in screen and "log of its worker: runs/.logs/" in screen


@pytest.fixture
def hanging_tensorflow(tmp_path):
    """Environment in which the import of TensorFlow does not end."""
    return write_hanging_tensorflow(tmp_path)


def test_hanging_import_of_fork_server_is_named(config, hanging_tensorflow, tmp_path):
    config()
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.fork_server_probe", "probe_hanging_import"],
        cwd=tmp_path, env=hanging_tensorflow, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    state = json.loads(done.stdout)
    assert state["line"].startswith("seed=1: no event for ") and state["line"].endswith("-worker-1.log")
    assert "waiting for the fork server, log " in state["worker_log"]
    assert "packages/tensorflow/__init__.py" in state["server_log"] and "most recent call first" in state["server_log"]


def wait_for_text(path, text):
    deadline = time.monotonic() + TIMEOUT
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, path.exists() and path.read_text()
        time.sleep(0.05)


def test_hanging_import_of_single_process_is_named(config, hanging_tensorflow, tmp_path):
    config()
    log = tmp_path / "steps.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", "train", "digits.yaml"], cwd=tmp_path,
        env={**hanging_tensorflow, "DNN_LOG": str(log)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_text(log, "waiting for the import of TensorFlow")
        process.send_signal(signal.SIGUSR2)
        wait_for_text(log, "packages/tensorflow/__init__.py")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(TIMEOUT)
