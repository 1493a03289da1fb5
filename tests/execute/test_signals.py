"""Signals end a training gently, soon, and so that it can go on; a second one at once."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from dnn_cli.runs.store import Store
from tests import forked
from tests.conftest import EVERYTHING, ROOT
from tests.kills import assert_same

SLOW = 5
"""Seconds, where the promise is two: other tests run beside this one."""

BUSY = """
import hashlib, os, sys
from dnn_cli.execute.signals import stoppable
with stoppable(lambda: os.write(1, b"left ")) as stopping, stopping.gentle():
    os.write(1, b"busy ")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in which Python hears nothing
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1], ids=lambda number: number.name
)
def test_a_signal_ends_a_training_so_that_it_can_go_on(config, tmp_path, number):
    store = Store(tmp_path / "runs")
    process = forked.start(tmp_path, "train", config(), "epochs=100000")
    try:
        run = wait_for_epochs(store)
        assert run.read_record().status == "running"
        begun = time.monotonic()
        os.kill(process.pid, number)
        process.join(60)
        assert time.monotonic() - begun < SLOW
    finally:
        process.kill()
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


def start_in_group(folder, *words):
    """The program as a group of processes of its own, as a batch system or a terminal starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, start_new_session=True, preexec_fn=forked.hear_all,
    )  # fmt: skip


TO_ALL = {
    "Slurm's warning": ((signal.SIGUSR1,), 138),
    "Slurm's limit": ((signal.SIGTERM,), 143),
    "a notebook's interrupt": ((signal.SIGINT, signal.SIGINT), 130),
}
"""Signals to a group of processes, with the exit code."""


@pytest.mark.parametrize(
    ("numbers", "code"), [pytest.param(*TO_ALL[name], id=name) for name in (TO_ALL if EVERYTHING else [*TO_ALL][:1])]
)
def test_a_signal_to_all_processes_of_a_sweep_saves_its_runs(config, tmp_path, numbers, code):
    process = start_in_group(tmp_path, "sweep", config(), "seed=1,2", "epochs=100000", "-j", "2")
    try:
        store, deadline = Store(tmp_path / "runs"), time.monotonic() + 120
        while sum(entry.run.metrics.exists() for entry in store.entries()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for number in numbers:
            os.killpg(process.pid, number)
            time.sleep(0.05)
        _, said = process.communicate(timeout=30)
        assert process.returncode == code, said
        assert "interrupted; the same command goes on" in said
        records = [entry.record for entry in store.entries()]
        assert [record.status for record in records] == ["interrupted"] * 2
        assert {record.reason for record in records} <= {"stopped by a signal"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_time_limit_saves_and_the_same_command_goes_on(config, tmp_path):
    path = config()
    store = Store(tmp_path / "runs")
    stopped = forked.run(tmp_path, "train", path, "epochs=100000", "--minutes", "0.1")
    assert stopped.returncode == 0, stopped.stderr
    run = store.entries()[0].run
    record = run.read_record()
    assert (record.status, record.reason) == ("interrupted", "stopped after 0.1 min, by --minutes")
    assert f"  next  dnn resume runs/{run.directory.name}" in stopped.stdout
    assert "1 run not at the end; the same command with --resume goes on" in stopped.stderr
    epochs = f"epochs={record.epochs + 2}"
    again = forked.run(tmp_path, "train", path, epochs, "--minutes", "60", "--resume")
    assert again.returncode == 0, again.stderr
    whole = forked.run(tmp_path, "train", path, epochs)
    assert whole.returncode == 0
    one, two = (entry.run for entry in store.entries())
    assert_same(one, two)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_after_the_time_limit_no_run_is_begun(config, tmp_path, jobs):
    paths = [config(), config(name="other.yaml"), config(name="third.yaml")]
    done = forked.run(tmp_path, "train", *paths, "epochs=100000", "--minutes", "0.001", "-j", jobs)
    assert done.returncode == 0, done.stderr
    assert "3 runs not at the end" in done.stderr
    assert len(Store(tmp_path / "runs").entries()) <= int(jobs)
