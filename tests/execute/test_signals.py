"""Signals end a training gently, soon, and so that it can go on; a second one at once."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from dnn_cli.runs.store import Store
from tests import forked
from tests.conftest import ROOT

SLOW = 5
"""Seconds, where the promise is two: other tests run beside this one."""

BUSY = """
import hashlib, os, sys
from dnn_cli.execute.signals import stoppable
with stoppable(lambda: os.write(1, b"left ")) as stopping, stopping.gentle():
    os.write(1, b"busy ")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in which Python hears nothing
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_a_training_so_that_it_can_go_on(config, tmp_path, number):
    store = Store(tmp_path / "runs")
    process = forked.start(tmp_path, "train", config(), "epochs=100000")
    run = wait_for_epochs(store)
    assert run.read_record().status == "running"
    begun = time.monotonic()
    os.kill(process.pid, number)
    process.join(60)
    assert time.monotonic() - begun < SLOW
    assert process.exitcode == 128 + number
    record = run.read_record()
    assert (record.status, record.reason) == ("interrupted", "stopped by a signal")
    assert record.epochs == len(run.read_metrics()) >= 1
    assert f"interrupted; dnn resume runs/{run.directory.name} goes on" in (tmp_path / "log").read_text()
    again = forked.start(tmp_path, "resume", record.id, f"epochs={record.epochs + 2}")
    again.join(60)
    assert run.read_record().status == "completed"
    assert [row["epoch"] for row in run.read_metrics()] == list(range(1, record.epochs + 3))


def test_a_signal_before_there_is_a_run_leaves_none(config, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", "train", config()],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr.readline().startswith("digits: ")
    process.terminate()
    process.communicate(timeout=SLOW)
    assert process.returncode == 143
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("signals", "least"), [(1, 1.0), (2, 0.4)], ids=["one is waited for", "a second is not"])
def test_native_code_that_takes_minutes_delays_nothing(signals, least):
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout.read(5) == b"busy "
        begun = time.monotonic()
        for _ in range(signals):
            process.terminate()
            time.sleep(0.5)
        process.wait(60)
        taken = time.monotonic() - begun
        assert process.stdout.read() == b"left "
    assert process.returncode == 143
    assert least < taken < SLOW


def test_a_signal_that_is_ignored_stays_ignored():
    code = "from dnn_cli.execute.signals import stoppable\nimport os\nwith stoppable(print): os.kill(os.getpid(), 1)"
    done = subprocess.run(
        ["nohup", sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0


def test_a_terminal_that_is_closed(config, tmp_path):
    path = config()
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        os.execve(sys.executable, [sys.executable, "-m", "dnn_cli", "train", path, "epochs=100000"], environment)
    while b"/100000" not in os.read(master, 10000):
        pass
    run = wait_for_epochs(Store(tmp_path / "runs"))
    os.close(master)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert run.read_record().reason == "stopped by a signal"


def wait_for_epochs(store):
    """The only run, once it has an epoch."""
    deadline = time.monotonic() + 120
    while not (entries := store.entries()) or not entries[0].run.metrics.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return entries[0].run
