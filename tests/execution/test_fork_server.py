"""The fork server imports TensorFlow once for all workers, and computes nothing."""

import json
import os
import signal
import subprocess
import sys
from fnmatch import fnmatch

import pytest

from dnn_cli.execution.worker_process import WorkerProcess
from tests.helpers.digits import QUICK_YAML
from tests.helpers.hanging_import import write_hanging_tensorflow
from tests.helpers.settings import ROOT


@pytest.fixture
def probe(config, tmp_path):
    """Runs a function of `fork_server_probe` in a program of its own, and returns its result."""

    def run(name, environment=None):
        config(QUICK_YAML)
        # Trainings in the process of a test set these flags.
        outside = {name: value for name, value in os.environ.items() if name != "TF_XLA_FLAGS"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.helpers.fork_server_probe", name],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
            env={**outside, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache"),
                 **(environment or {})},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_fork_server_imports_tensorflow_for_all_workers(probe):
    state = probe("probe_workers")
    assert state["results"] == [["completed", ""]] * 3, "a signal to the server ends no worker"
    assert state["waits"] == [True, True], "the program does not wait for the import"
    assert state["same_stdout"]
    # TensorFlow starts threads when it first computes. OpenBLAS, a part of numpy, ends its threads before a fork.
    assert state["server"] == {"has_tensorflow": True, "threads": 1, "nvidia": []}
    for worker in state["workers"]:
        before = {"has_tensorflow": True, "has_keras": True, "threads": 1, "nvidia": [], "flags": None}
        assert worker["before"] == before
        assert f"dnn-xla-{worker['pid']}-" in worker["after"]["flags"], "a directory of its own"
        stdin, stdout, stderr = worker["after"]["stdio"]
        assert stdin == "/dev/null"
        assert stdout == stderr and fnmatch(stdout, "*/runs/.logs/*-worker-[12].log"), "nothing reaches the terminal"
    assert sorted(worker["after"]["gpus"] for worker in state["workers"]) == ["6", "7", "8"]
    assert state["programs"]["loaded"] >= 1, "TensorFlow reads TF_XLA_FLAGS in each worker, after the fork"
    assert state["programs"]["rewritten"] == [], "the last worker finds the programs of the others"


def test_lost_fork_server_fails_the_task(probe, tmp_path):
    state = probe("probe_lost_server", write_hanging_tensorflow(tmp_path))
    reason = "its process did not start, because the process that forks workers has ended"
    assert state == {"results": [["failed", reason]], "workers": [None]}


def test_stop_does_not_wait_for_the_fork_server(probe, tmp_path):
    state = probe("probe_early_stop", write_hanging_tensorflow(tmp_path))
    assert state == {"results": [["failed", "for a test"]], "started": False}


def wait_for_message(connection):
    connection.recv()


def test_process_is_killed_at_its_start():
    process = WorkerProcess(wait_for_message, (), {})
    process.kill()
    assert process.connection.poll(120), "its end of the pipe is closed"
    process.join(30)
    assert (process.exitcode, process.is_alive()) == (-signal.SIGKILL, False)
