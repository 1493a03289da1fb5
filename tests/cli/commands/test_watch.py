"""Trainings are followed by their files alone: here a test writes what a training would."""

import os
import signal
import time
from unittest.mock import patch

import pytest

from dnn_cli.cli.commands import watch
from tests.helpers.forked_cli import run_in_child, start_command
from tests.helpers.terminal import open_terminal


class WatchCommand:
    """`dnn watch` in a process that writes into a pipe or on a terminal."""

    def __init__(self, directory, words, terminal=None, target=None):
        self.directory = directory
        if terminal is None:
            os.mkfifo(directory / "out")
        environment = {"COLUMNS": "100", "LINES": "30", "TERM": "xterm-256color"}
        words = ("watch", "--interval", "0.1", *words)
        self.process = start_command(
            directory, *words, out=terminal or "out", err=terminal or "err", target=target, **environment
        )
        self.stdout = None if terminal else (directory / "out").open(encoding="utf-8")

    def finish(self):
        """Read the other output until the process ends, and return it with the errors and the exit code."""
        output = ""
        if self.stdout:
            with self.stdout:
                output = self.stdout.read()
        self.process.join(30)
        error_file = self.directory / "err"
        return output, error_file.read_text() if error_file.exists() else "", self.process.exitcode


@pytest.fixture
def watching(tmp_path):
    """Return a function that starts `dnn watch`."""
    return lambda *words, **options: WatchCommand(tmp_path, words, **options)


def build_row(epoch):
    scores = {"loss": 1 / epoch, "accuracy": 1 - 1 / epoch, "val_loss": 1 / epoch, "val_accuracy": 1 - 1 / epoch}
    return {"epoch": epoch, **scores, "learning_rate": 0.001, "seconds": 1.0}


def finish_run(run, status):
    run.write_record(run.read_raw_record().model_copy(update={"status": status, "reason": None}))


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("diverged", 1)])
def test_pipe_gets_one_line_per_epoch(make_run, watching, status, code):
    run = make_run("epochs=3", status="running", curve=())
    before = set(run.directory.rglob("*"))
    with run.hold_lock():
        run.write_metrics([build_row(1)])
        process = watching()
        lines = [process.stdout.readline(), process.stdout.readline()]
        for epochs in (2, 3):
            run.write_metrics([build_row(epoch) for epoch in range(1, epochs + 1)])
            lines.append(process.stdout.readline())
        finish_run(run, status)
    out, err, exit_code = process.finish()
    assert [line.split()[0] for line in lines] == ["epoch", "1/3", "2/3", "3/3"]
    assert out.splitlines()[0].startswith(f"digits 00000001 {status}: ")
    assert "\x1b" not in "".join(lines) + out
    assert (exit_code, err) == (code, "")
    assert set(run.directory.rglob("*")) - before == {run.metrics, run.log}, "watching writes nothing"


def test_dead_process_is_noticed(make_run, watching):
    run = make_run("epochs=9", status="running")
    with run.hold_lock():
        process = watching("@1")
        process.stdout.readline()
    out, _, exit_code = process.finish()
    assert exit_code == 1
    assert "interrupted: 2 epochs in 2.0 s; its process ended unexpectedly" in out


def test_ctrl_c_exits_quietly(make_run, watching):
    run = make_run("epochs=9", status="running")
    with run.hold_lock():
        process = watching()
        process.stdout.readline()
        os.kill(process.process.pid, signal.SIGINT)
        _, err, exit_code = process.finish()
        assert (exit_code, err) == (130, "")
        assert run.read_record().status == "running"


def test_terminal_draws_curve_and_time_left(make_run, watching):
    run = make_run("epochs=100", status="running", curve=(0.5, 0.6, 0.7))
    with open_terminal(100, 30) as (terminal, output), run.hold_lock():
        command = watching(terminal=os.ttyname(terminal))
        deadline = time.monotonic() + 30
        while b"3/100 " not in b"".join(output) and time.monotonic() < deadline:
            time.sleep(0.02)
        finish_run(run, "completed")
        assert command.finish()[2] == 0
    text = b"".join(output).decode()
    assert "running  epoch 3/100  1.0 s per epoch  about 1 min 3" in text
    assert "b val_accuracy" in text and "⣀" in text, "a curve with its legend"
    assert "digits 00000001 completed: 3 epochs" in text
    assert "\x1b[?25h" in text, "the cursor is back"


def run_with_short_grace(*arguments):
    """Run a command in a forked process, in which a sweep without running runs soon counts as ended."""
    with patch.object(watch, "_SWEEP_GRACE_SECONDS", 0.3):
        run_in_child(*arguments)


def test_several_runs_are_followed_until_the_last_ends(make_run, watching):
    runs = [make_run("epochs=3", f"name=run{n}", digits=f"0000000{n}", status="running") for n in (1, 2)]
    with runs[0].hold_lock():
        with runs[1].hold_lock():
            process = watching(target=run_with_short_grace)
            started_names = {process.stdout.readline().split()[0] for _ in runs}
            assert started_names == {"run1", "run2"}
            finish_run(runs[1], "completed")
        finish_run(runs[0], "completed")
    out, _, exit_code = process.finish()
    assert exit_code == 0
    assert {line.split()[0] for line in out.splitlines() if " completed: " in line} == {"run1", "run2"}


def test_wait_option_waits_for_a_training(make_run, watching):
    make_run(digits="00000001", stamp="20260101-000000")
    process = watching("--wait")
    time.sleep(0.3)
    assert process.process.is_alive()
    run = make_run("epochs=3", digits="00000002", status="running")
    with run.hold_lock():
        assert process.stdout.readline()
        finish_run(run, "completed")
    out, _, exit_code = process.finish()
    assert exit_code == 0
    assert "digits 00000002 completed" in out


def test_ended_run_prints_its_result(dnn, make_run):
    make_run(digits="00000001", stamp="20260101-000000")
    make_run(digits="00000002", stamp="20260101-000001", status="failed", reason="no luck")
    done = dnn("watch")
    assert done.returncode == 1
    assert done.stderr == "no run is being trained, so this is the latest run; --wait waits for a training\n"
    assert "digits 00000002 failed: 2 epochs in 2.0 s; no luck" in done.stdout
    assert dnn("watch", "00000001").returncode == 0


@pytest.mark.parametrize(("words", "message"), [([], "no runs in"), (["nope"], "no run nope"),
                                                (["sweep:1234"], "no sweep 1234")])  # fmt: skip
def test_unknown_run_is_an_error(dnn, words, message):
    done = dnn("watch", *words)
    assert done.returncode == 2
    assert message in done.stderr
