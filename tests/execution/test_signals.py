"""Signals end a training gently, soon, and so that it can go on; a second one at once."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.digits import UNVALIDATED_YAML
from tests.helpers.processes import start_dnn, start_process
from tests.helpers.settings import ROOT, RUN_ALL_CASES

MAX_SECONDS = 5
"""Seconds in which a signal must end a training. dnn promises two, but other tests run at the same time."""

BUSY_PROGRAM = """
import hashlib, os, sys
from dnn_cli.execution.signals import handle_stop_signals
with handle_stop_signals(lambda: os.write(1, b"left ")) as stop_request, stop_request.allow_graceful_stop():
    os.write(1, b"busy ")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in which Python hears nothing
"""


TRAINING_PROGRAM = """
import os, time
from dnn_cli.execution.signals import handle_stop_signals
from dnn_cli.training.stop_request import Interrupted
with handle_stop_signals(lambda: os.write(1, b"not answered")) as stop_request, stop_request.allow_graceful_stop():
    os.write(1, b"busy ")
    while not (reason := stop_request()):
        time.sleep(0.01)
    os.write(1, reason.encode())
    raise Interrupted(reason)
"""


OTHER_SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]
"""Signals that tests below send to trainings: to one process, by a closed terminal, and to a group of processes."""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(OTHER_SIGNALS if RUN_ALL_CASES else [])], ids=lambda number: number.name
)
def test_signal_requests_a_stop(number):
    with start_process([sys.executable, "-c", TRAINING_PROGRAM], stdout=subprocess.PIPE) as process:
        assert process.stdout.read(5) == b"busy "
        process.send_signal(number)
        assert process.stdout.read() == b"stopped by a signal"
        assert process.wait(60) == 128 + number


def test_signal_saves_resumable_run(config, tmp_path):
    store, number = Store(tmp_path / "runs"), signal.SIGTERM
    words = ["train", config(UNVALIDATED_YAML), "engine=chunked", "jit=false", "epochs=100000"]
    process = forked_cli.start_command(tmp_path, *words)
    run = wait_for_first_epoch(store)
    assert run.read_record().status == "running"
    started = time.monotonic()
    os.kill(process.pid, number)
    process.join(60)
    assert time.monotonic() - started < MAX_SECONDS
    assert process.exitcode == 128 + number
    record = run.read_record()
    assert (record.status, record.reason) == ("interrupted", "stopped by a signal")
    assert record.epochs == len(run.read_metrics()) >= 1
    assert f"interrupted; dnn resume runs/{run.directory.name} continues the training" in (tmp_path / "log").read_text()
    words = ["train", words[1], *words[2:4], f"epochs={record.epochs + 2}", "--minutes", "60", "--resume"]
    assert forked_cli.run_command(tmp_path, *words).returncode == 0
    assert len(store.list_runs()) == 1
    assert run.read_record().status == "completed"
    assert [row["epoch"] for row in run.read_metrics()] == list(range(1, record.epochs + 3))


def test_early_signal_creates_no_run(config, tmp_path):
    with start_dnn(tmp_path, "train", config(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("digits: ")
        process.terminate()
        process.communicate(timeout=MAX_SECONDS)
    assert process.returncode == 143
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("signals", "least"), [(1, 1.0), (2, 0.4)], ids=["one is waited for", "a second is not"])
def test_long_native_call_does_not_delay_exit(signals, least):
    with start_process([sys.executable, "-c", BUSY_PROGRAM], stdout=subprocess.PIPE) as process:
        assert process.stdout.read(5) == b"busy "
        started = time.monotonic()
        for _ in range(signals):
            process.terminate()
            time.sleep(0.5)
        process.wait(60)
        elapsed = time.monotonic() - started
        assert process.stdout.read() == b"left "
    assert process.returncode == 143
    assert least < elapsed < MAX_SECONDS


def test_ignored_signal_stays_ignored():
    code = (
        "from dnn_cli.execution.signals import handle_stop_signals\nimport os\nwith "
        "handle_stop_signals(print): os.kill(os.getpid(), 1)"
    )
    done = subprocess.run(
        ["nohup", sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0


def run_in_session(directory, words, terminal, *arguments):
    """Run a command in a session of its own. The terminal that it opens becomes its controlling terminal."""
    os.setsid()
    os.open(terminal, os.O_RDWR)
    forked_cli.run_in_child(directory, words, terminal, *arguments)


def test_closed_terminal_interrupts_run(config, tmp_path):
    primary, secondary = pty.openpty()
    terminal = os.ttyname(secondary)
    process = forked_cli.start_command(
        tmp_path, "train", config(UNVALIDATED_YAML), "epochs=100000", out=terminal, err=terminal, target=run_in_session,
        TERM="xterm",
    )  # fmt: skip
    while b"/100000" not in os.read(primary, 10000):
        pass
    run = wait_for_first_epoch(Store(tmp_path / "runs"))
    os.close(primary)
    os.close(secondary)
    process.join(60)
    assert process.exitcode == 129
    assert run.read_record().reason == "stopped by a signal"


def wait_for_first_epoch(store):
    """The only run, once it has an epoch."""
    deadline = time.monotonic() + 120
    while not (runs := store.list_runs()) or not runs[0].run.metrics.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return runs[0].run


GROUP_SIGNALS = {
    "Slurm's warning": ((signal.SIGUSR1,), 138),
    "Slurm's limit": ((signal.SIGTERM,), 143),
    "a notebook's interrupt": ((signal.SIGINT, signal.SIGINT), 130),
}
"""Signals to a group of processes, with the exit code."""


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        pytest.param(*GROUP_SIGNALS[name], id=name)
        for name in (GROUP_SIGNALS if RUN_ALL_CASES else [*GROUP_SIGNALS][:1])
    ],
)
def test_process_group_signal_saves_sweep_runs(config, tmp_path, numbers, code):
    """Send signals to the program and to its workers; `test_fork_server` sends them to the third kind of process."""
    words = ["sweep", config(UNVALIDATED_YAML), "seed=1,2", "epochs=100000", "-j", "2"]
    process = forked_cli.start_command(tmp_path, *words)
    store, deadline = Store(tmp_path / "runs"), time.monotonic() + 120
    while sum(run_info.run.metrics.exists() for run_info in store.list_runs()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = [run_info.record.process.pid for run_info in store.list_runs()]
    for number in numbers:
        for pid in (process.pid, *workers):
            os.kill(pid, number)
        time.sleep(0.05)
    process.join(30)
    screen = (tmp_path / "log").read_text()
    assert process.exitcode == code, screen
    assert "interrupted; the same command continues the sweep" in screen
    records = [run_info.record for run_info in store.list_runs()]
    assert [record.status for record in records] == ["interrupted"] * 2
    assert {record.reason for record in records} <= {"stopped by a signal"}


def test_time_limit_saves_resumable_run(config, tmp_path):
    store = Store(tmp_path / "runs")
    stopped = forked_cli.run_command(tmp_path, "train", config(UNVALIDATED_YAML), "epochs=100000", "--minutes", "0.05")
    assert stopped.returncode == 0, stopped.stderr
    run = store.list_runs()[0].run
    record = run.read_record()
    assert (record.status, record.reason) == ("interrupted", "stopped after 0.05 min, the limit of --minutes")
    assert f"  next  dnn resume runs/{run.directory.name}" in stopped.stdout
    assert "1 unfinished run; the same command with --resume continues the training" in stopped.stderr
    assert run.last_checkpoint.exists()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_no_run_starts_after_time_limit(config, tmp_path, jobs):
    paths = [config(UNVALIDATED_YAML, name) for name in ("first.yaml", "second.yaml", "third.yaml")]
    done = forked_cli.run_command(tmp_path, "train", *paths, "epochs=100000", "--minutes", "0.001", "-j", jobs)
    assert done.returncode == 0, done.stderr
    assert "3 unfinished runs" in done.stderr
    assert len(Store(tmp_path / "runs").list_runs()) <= int(jobs)
