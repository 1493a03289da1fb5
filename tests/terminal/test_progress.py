import io
from pathlib import Path

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.execution.messages import NoEvents, StageEvent, Task, TaskResult, WorkerLogOpened
from dnn_cli.terminal import progress
from dnn_cli.terminal.progress import ScreenReporter
from dnn_cli.terminal.sweep_progress import open_sweep_progress
from dnn_cli.training.execution_plan import ExecutionPlan

PLAN = ExecutionPlan("chunked", True, "float32", 10, "")
SCORES = {"loss": 0.5, "accuracy": 0.8}


class FakeTerminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def bar(monkeypatch):
    """A bar for three epochs of 45 batches; its task, and what sets the time."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    with ScreenReporter(FakeTerminal()).open_progress(3, 32) as bar:
        bar.on_begin("CPU", PLAN, 45)
        yield bar, bar.bar.tasks[0], lambda seconds: now.__setitem__(0, now[0] + seconds)


def describe_task(task):
    return task.description, task.fields["count"], task.completed, task.total


def build_epoch_row(number):
    return {"epoch": number, "loss": 0.5, "accuracy": 0.8, "seconds": 1.0, "learning_rate": 0.001}


def test_batches_are_counted_within_their_epoch(bar):
    bar, task, wait = bar
    for number in (1, 2, 3):
        for step in (10, 20, 30, 40, 45):
            wait(1)
            bar.on_batch(number, step, SCORES)
            assert describe_task(task) == (f"epoch {number}/3", f"{step}/45", step, 45)
        bar.on_epoch(build_epoch_row(number))
        if number < 3:
            assert describe_task(task) == (f"epoch {number + 1}/3", "0/45", 0, 45)


def test_last_batch_is_displayed_before_validation(bar):
    bar, task, wait = bar
    wait(1)
    bar.on_batch(1, 40, SCORES)
    wait(0.001)
    bar.on_batch(1, 44, SCORES)
    assert task.fields["count"] == "40/45", "the screen is not drawn that often"
    bar.on_batch(1, 45, SCORES)
    assert task.fields["count"] == "45/45"


def test_speed_and_time_left_count_only_this_process(bar):
    """A resumed training, which begins within the second epoch."""
    bar, task, wait = bar
    wait(30)  # to compile
    bar.on_batch(2, 20, SCORES)
    assert (task.fields["left"], task.fields["scores"]) == ("", "loss 0.5000  accuracy 0.8000")
    wait(1)
    bar.on_batch(2, 30, SCORES)
    assert task.fields["left"] == "0:06 left"  # 60 batches, 10 a second
    assert task.fields["scores"].endswith("  320 examples/s")


def test_bar_of_silent_training_has_the_duration(config, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    screen = ScreenReporter(FakeTerminal())
    with open_sweep_progress(screen, {0: "seed=1"}, 1) as display:
        display.on_task_started(Task(0, load_experiment(config()), Path("runs"), ""))
        display.on_event(WorkerLogOpened(0, "runs/.logs/1-worker-1.log"))
        display.on_event(NoEvents(0, 120.4))
        (bar, _) = sorted(display.progress.tasks, key=lambda task: task.description != "seed=1")
        assert bar.fields["scores"] == "no event for 120 s"
        display.on_event(StageEvent(0, "loading digits"))
        assert bar.fields["scores"] == "loading digits"
    assert "seed=1: no event for 120 s; log of its worker: runs/.logs/1-worker-1.log" in screen.console.file.getvalue()


def test_many_trainings_have_bars_for_some(config, monkeypatch):
    """256 bars would take longer to draw than the interval between two drawings."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("LINES", "30")
    loaded = load_experiment(config())
    labels = {number: f"seed={number}" for number in range(40)}

    def list_bars(display):
        return [bar.description for bar in display.progress.tasks if bar.visible and bar.id != display.total_bar_id]

    with open_sweep_progress(ScreenReporter(FakeTerminal()), labels, 40) as display:
        for number in labels:
            display.on_task_started(Task(number, loaded, Path("runs"), ""))
        assert list_bars(display) == [f"seed={number}" for number in range(16)]
        assert display.progress.tasks[0].description == "0 of 40 done"
        display.on_event(TaskResult(3, None, None, "stopped"))
        assert list_bars(display) == [f"seed={number}" for number in range(17) if number != 3]
