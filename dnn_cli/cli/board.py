"""What the screen shows while many things train: a bar for each and one for all, or a line for each that ends."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from dnn_cli.cli.progress import REFRESH
from dnn_cli.execute.task import Doing, Ended, EpochDone, Event, Moved
from dnn_cli.execute.task import Task as Training
from dnn_cli.report.sweep import outcome_text
from dnn_cli.report.words import clock, score, visible
from dnn_cli.spec.metrics import lower_is_better

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen

MAX_LABEL = 48
"""Columns for what sets a run apart."""

KEPT_END = 8
"""Letters of its end that are shown in any case."""


class Board:
    """Says a line for every run that ends."""

    def __init__(self, screen: "Screen", labels: Mapping[int, str], total: int) -> None:
        self.screen = screen
        self.labels = labels
        self.total = total
        self.ended = 0
        self.lost = 0
        self.best: tuple[float, str] | None = None
        self.trainings: dict[int, Training] = {}

    def given(self, task: Training) -> None:
        """A training is about to begin."""
        self.trainings[task.number] = task

    def heard(self, event: Event) -> None:
        """Something has happened."""
        if isinstance(event, Ended):
            self.ended += 1
            self.lost += event.status != "completed"
            self.keep_best(event)
            self.screen.show(self.ended_line(event))

    def keep_best(self, event: Ended) -> None:
        """Remember the best score of a saved model."""
        if event.record is None or event.status != "completed" or event.record.results.final is None:
            return
        monitor = event.record.results.monitor
        value = event.record.results.final[monitor]
        sign = 1 if lower_is_better(monitor) else -1
        if self.best is None or sign * value < sign * self.best[0]:
            self.best = value, self.label(event.number)

    def label(self, number: int) -> str:
        """What sets a run apart."""
        return self.labels.get(number, "")

    def ended_line(self, event: Ended) -> str:
        """A run that has ended, in one line."""
        width = min(MAX_LABEL, max(map(len, self.labels.values()), default=0))
        digits = len(str(self.total))
        told = outcome_text(event.record, event.status, event.why)
        return f"{self.ended:>{digits}}/{self.total}  {self.label(event.number):<{width}}  {told}"


class Bars(Board):
    """The same, and what is going on meanwhile."""

    def __init__(self, screen: "Screen", labels: Mapping[int, str], total: int, progress: Progress) -> None:
        super().__init__(screen, labels, total)
        self.progress = progress
        self.rows: dict[int, TaskID] = {}
        self.shares: dict[int, float] = {}
        self.begun = time.monotonic()
        self.all = progress.add_task("", total=total, scores="")

    def given(self, task: Training) -> None:
        super().given(task)
        label = visible(self.label(task.number))
        self.rows[task.number] = self.progress.add_task(label, total=1.0, scores="starting")
        self.shares[task.number] = 0.0
        self.look()

    def heard(self, event: Event) -> None:
        if isinstance(event, Ended) and event.number in self.rows:
            self.progress.remove_task(self.rows.pop(event.number))
            del self.shares[event.number]
        super().heard(event)
        if event.number in self.rows:
            self.show(event)
        self.look()

    def show(self, event: Event) -> None:
        """How far a training is."""
        row, experiment = self.rows[event.number], self.trainings[event.number].loaded.experiment
        if isinstance(event, Doing):
            self.progress.update(row, scores=event.what)
        elif isinstance(event, Moved):
            self.shares[event.number] = event.share
            told = f"{event.epoch}/{experiment.epochs}"
            loss = f"  loss {score(event.scores['loss'])}" if "loss" in event.scores else ""
            self.progress.update(row, completed=event.share, scores=told + loss)
        elif isinstance(event, EpochDone):
            self.shares[event.number] = share = event.row["epoch"] / experiment.epochs
            name = experiment.monitor
            told = f"{event.row['epoch']}/{experiment.epochs}  {name} {score(event.row[name])}"
            self.progress.update(row, completed=share, scores=told)

    def look(self) -> None:
        """The row of all."""
        done = self.ended + sum(self.shares.values())
        waiting = self.total - self.ended - len(self.rows)
        parts = [f"{self.ended} of {self.total} done"]
        parts += [f"{self.lost} failed"] if self.lost else []
        parts += [f"{waiting} waiting"] if waiting > 0 else []
        told = [f"best {score(self.best[0])}"] if self.best else []
        if done >= 0.5 and self.ended < self.total:
            told.append(f"{clock((time.monotonic() - self.begun) * (self.total - done) / done)} left")
        self.progress.update(self.all, completed=done, description=", ".join(parts), scores="  ".join(told))


class Fitted(ProgressColumn):
    """A field of a task in one line; where it has no room, it is cut before its end, which tells the seed."""

    def __init__(self, field: str, width: int) -> None:
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis", max_width=width))
        self.field, self.width = field, width

    def render(self, task: Task) -> Text:
        text = str(task.description if self.field == "description" else task.fields[self.field])
        return Text(text if len(text) <= self.width else f"{text[: self.width - KEPT_END - 1]}…{text[-KEPT_END:]}")


@contextmanager
def board(screen: "Screen", labels: Mapping[int, str], total: int) -> Iterator[Board]:
    """What shows how many trainings go: bars on a terminal, lines elsewhere."""
    if not screen.console.is_terminal:
        yield Board(screen, labels, total)
        return
    width = screen.console.width
    columns = (
        Fitted("description", max(24, min(MAX_LABEL, width * 2 // 5))),
        BarColumn(bar_width=max(8, min(30, width // 5))),
        Fitted("scores", max(20, width * 2 // 5 - 4)),
    )
    with Progress(
        *columns,
        console=screen.console,
        transient=True,
        refresh_per_second=1 / REFRESH,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield Bars(screen, labels, total, progress)
