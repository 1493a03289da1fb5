"""Progress of many trainings on the screen.

A terminal shows a bar for each training and a bar for all of them. Other outputs get a line for each finished run.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from dnn_cli.config.score_names import lower_is_better
from dnn_cli.execution.messages import (
    EpochDone,
    Event,
    NoEvents,
    ProgressEvent,
    StageEvent,
    TaskResult,
    WorkerLogOpened,
)
from dnn_cli.execution.messages import Task as Training
from dnn_cli.report.sweep_view import format_run_result
from dnn_cli.report.text import format_clock_time, format_score, replace_control_chars
from dnn_cli.terminal.progress import REFRESH_INTERVAL

if TYPE_CHECKING:
    from dnn_cli.terminal.progress import ScreenReporter

_MAX_LABEL_WIDTH = 48
"""Maximum width of a training's label (its settings or name), in terminal characters."""

_MAX_BARS = 16
"""Maximum number of bars of trainings. Runs in lanes are numerous, and progress at the same pace."""

_OTHER_LINES = 4
"""Lines of a terminal that bars of trainings leave free."""

_MIN_END_LENGTH = 8
"""Number of characters that a shortened text keeps at its end, because the end of a label is the seed."""


class _SweepProgress:
    """Display of many trainings that prints a line for each finished run.

    `labels` maps the number of each training to its settings or name. `total` is the number of trainings. Without
    `lists_runs`, only runs that did not complete get a line.
    """

    def __init__(
        self, screen: "ScreenReporter", labels: Mapping[int, str], total: int, *, lists_runs: bool = True
    ) -> None:
        self.screen = screen
        self.lists_runs = lists_runs
        self.labels = labels
        self.total = total
        self.ended_count = 0
        self.failed_count = 0
        self.best_score: tuple[float, str] | None = None
        self.tasks: dict[int, Training] = {}
        self.worker_logs: dict[int, str] = {}
        """Logs of workers, by the numbers of the tasks that they train."""

    def on_task_started(self, task: Training) -> None:
        """Remember a task that is about to be sent to a worker."""
        self.tasks[task.number] = task

    def on_event(self, event: Event) -> None:
        """Update the display after an event. A finished run and a task without events get a line.

        After a failure, another line names the log of the worker.
        """
        if isinstance(event, WorkerLogOpened):
            self.worker_logs[event.number] = event.log
        elif isinstance(event, NoEvents):
            self.screen.print_line(self.format_silence_line(event))
        elif isinstance(event, TaskResult):
            self.ended_count += 1
            self.failed_count += event.status != "completed"
            self.update_best_score(event)
            if self.lists_runs or event.status != "completed":
                self.screen.print_line(self.format_ended_line(event))
            # After a full disk, the record of a failed run may still say that the run is running.
            if event.status in ("failed", "running") and event.number in self.worker_logs:
                self.screen.print_line(f"  log of its worker: {self.worker_logs[event.number]}")

    def update_best_score(self, event: TaskResult) -> None:
        """Remember the score of a completed run if it is the best so far."""
        if event.record is None or event.status != "completed" or event.record.results.final_scores is None:
            return
        monitor = event.record.results.monitor
        value = event.record.results.final_scores[monitor]
        sign = 1 if lower_is_better(monitor) else -1
        if self.best_score is None or sign * value < sign * self.best_score[0]:
            self.best_score = value, self.get_label(event.number)

    def get_label(self, number: int) -> str:
        """Return the label of the task with this number; empty for a task without a label."""
        return self.labels.get(number, "")

    def format_silence_line(self, event: NoEvents) -> str:
        """Return the line for a task without events: its label, the duration, and the log of its worker."""
        log = self.worker_logs.get(event.number)
        log_hint = f"log of its worker: {log}" if log else "its worker has no log"
        return f"{self.get_label(event.number)}: no event for {event.seconds:.0f} s; {log_hint}"

    def format_ended_line(self, event: TaskResult) -> str:
        """Return the line that is printed for a finished run: a count such as `3/10`, the label and the result."""
        width = min(_MAX_LABEL_WIDTH, max(map(len, self.labels.values()), default=0))
        digits = len(str(self.total))
        result_text = format_run_result(event.record, event.status, event.exit_reason)
        return f"{self.ended_count:>{digits}}/{self.total}  {self.get_label(event.number):<{width}}  {result_text}"


class _SweepProgressBars(_SweepProgress):
    """Display of many trainings with bars of some, a bar for all of them, and a line for each finished run."""

    def __init__(
        self,
        screen: "ScreenReporter",
        labels: Mapping[int, str],
        total: int,
        progress: Progress,
        *,
        lists_runs: bool = True,
    ) -> None:
        super().__init__(screen, labels, total, lists_runs=lists_runs)
        self.progress = progress
        self.bar_ids: dict[int, TaskID] = {}
        self.shares: dict[int, float] = {}
        self.max_bars = max(1, min(_MAX_BARS, screen.console.height - _OTHER_LINES))
        self.started_at = time.monotonic()
        self.total_bar_id = progress.add_task("", total=total, scores="")

    def on_task_started(self, task: Training) -> None:
        super().on_task_started(task)
        label = replace_control_chars(self.get_label(task.number))
        is_visible = len(self.bar_ids) < self.max_bars
        self.bar_ids[task.number] = self.progress.add_task(label, total=1.0, scores="starting", visible=is_visible)
        self.shares[task.number] = 0.0
        self.update_total_bar()

    def on_event(self, event: Event) -> None:
        if isinstance(event, TaskResult) and event.number in self.bar_ids:
            self.progress.remove_task(self.bar_ids.pop(event.number))
            del self.shares[event.number]
            for bar_id in list(self.bar_ids.values())[: self.max_bars]:
                self.progress.update(bar_id, visible=True)
        super().on_event(event)
        if event.number in self.bar_ids:
            self.update_bar(event)
        self.update_total_bar()

    def update_bar(self, event: Event) -> None:
        """Update the bar of a training after an event of its worker: the completed share and the scores."""
        bar_id, experiment = self.bar_ids[event.number], self.tasks[event.number].loaded.experiment
        if isinstance(event, StageEvent):
            self.progress.update(bar_id, scores=event.stage)
        elif isinstance(event, NoEvents):
            self.progress.update(bar_id, scores=f"no event for {event.seconds:.0f} s")
        elif isinstance(event, ProgressEvent):
            self.shares[event.number] = event.fraction
            scores_text = f"{event.epoch}/{experiment.epochs}"
            loss = f"  loss {format_score(event.scores['loss'])}" if "loss" in event.scores else ""
            self.progress.update(bar_id, completed=event.fraction, scores=scores_text + loss)
        elif isinstance(event, EpochDone):
            self.shares[event.number] = share = event.row["epoch"] / experiment.epochs
            monitor = experiment.monitor
            scores_text = f"{event.row['epoch']}/{experiment.epochs}  {monitor} {format_score(event.row[monitor])}"
            self.progress.update(bar_id, completed=share, scores=scores_text)

    def update_total_bar(self) -> None:
        """Update the bar of all trainings."""
        done = self.ended_count + sum(self.shares.values())
        waiting = self.total - self.ended_count - len(self.bar_ids)
        parts = [f"{self.ended_count} of {self.total} done"]
        parts += [f"{self.failed_count} failed"] if self.failed_count else []
        parts += [f"{waiting} waiting"] if waiting > 0 else []
        details = [f"best {format_score(self.best_score[0])}"] if self.best_score else []
        if done >= 0.5 and self.ended_count < self.total:
            details.append(
                f"{format_clock_time((time.monotonic() - self.started_at) * (self.total - done) / done)} left"
            )
        self.progress.update(self.total_bar_id, completed=done, description=", ".join(parts), scores="  ".join(details))


class _EllipsisColumn(ProgressColumn):
    """Column of Rich's progress display that prints a field in one line.

    In a long text, `…` replaces the middle, because the end of a label is the seed.
    """

    def __init__(self, field: str, width: int) -> None:
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis", max_width=width))
        self.field, self.width = field, width

    def render(self, task: Task) -> Text:
        text = str(task.description if self.field == "description" else task.fields[self.field])
        return Text(
            text if len(text) <= self.width else f"{text[: self.width - _MIN_END_LENGTH - 1]}…{text[-_MIN_END_LENGTH:]}"
        )


@contextmanager
def open_sweep_progress(
    screen: "ScreenReporter", labels: Mapping[int, str], total: int, *, lists_runs: bool = True
) -> Iterator[_SweepProgress]:
    """Yield the display of many trainings: bars on a terminal, lines elsewhere.

    Args:
        screen: The reporter that prints the progress.
        labels: The settings or the name of each training, by its number.
        total: The number of trainings.
        lists_runs: Whether a terminal also gets a line for each completed run.
    """
    if not screen.console.is_terminal:
        yield _SweepProgress(screen, labels, total)
        return
    width = screen.console.width
    columns = (
        _EllipsisColumn("description", max(24, min(_MAX_LABEL_WIDTH, width * 2 // 5))),
        BarColumn(bar_width=max(8, min(30, width // 5))),
        _EllipsisColumn("scores", max(20, width * 2 // 5 - 4)),
    )
    with Progress(
        *columns,
        console=screen.console,
        transient=True,
        refresh_per_second=1 / REFRESH_INTERVAL,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield _SweepProgressBars(screen, labels, total, progress, lists_runs=lists_runs)
