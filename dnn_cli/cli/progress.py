"""What the screen shows while something trains: a bar on a terminal, a line an epoch elsewhere."""

import errno
import io
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO

from rich.control import Control
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.segment import ControlType

from dnn_cli.cli.console import console, fall_silent
from dnn_cli.execute.log import Lines, Log
from dnn_cli.report.runs import scores_text
from dnn_cli.report.words import clock, visible

if TYPE_CHECKING:
    from dnn_cli.training.plan import Plan

REFRESH = 0.1
"""Seconds between two looks of a bar."""


@contextmanager
def open_screen() -> Iterator["Screen"]:
    """The screen behind standard error, reachable even while that is diverted."""
    sys.stderr.flush()
    with Terminal(os.fdopen(os.dup(2), "wb"), encoding=sys.stderr.encoding, errors="replace") as stream:
        yield Screen(stream)


class Terminal(io.TextIOWrapper):
    """A stream that falls silent when its terminal is closed, and stops nobody's work for it."""

    def write(self, text: str, /) -> int:
        with self.maybe_gone():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self.maybe_gone():
            super().flush()

    @contextmanager
    def maybe_gone(self) -> Iterator[None]:
        """Let nobody hear of a terminal that is gone."""
        try:
            yield
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            fall_silent(self)


class Screen(Log):
    """Shows lines, and keeps a copy of them in the log of the run they belong to."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.console = console(stream)

    @property
    def width(self) -> int:  # type: ignore[override]
        return self.console.width

    def show(self, line: str) -> None:
        self.console.print(visible(line))

    def leave(self) -> None:
        """Leave the terminal as it should be, and nothing behind."""
        if self.console.is_terminal:
            self.console.file.write("\x1b[?25h\n")  # past rich, which another thread may hold
            self.console.file.flush()
        for last in self.leaving:
            last()

    @contextmanager
    def waiting(self, doing: str) -> Iterator[None]:
        """Show on a terminal that something is going on, at once, and wipe it away."""
        if not self.console.is_terminal:
            yield
            return
        self.console.print(visible(doing), end="\r", no_wrap=True, overflow="ellipsis")
        self.console.file.flush()
        try:
            yield
        finally:
            self.console.control(Control((ControlType.ERASE_IN_LINE, 2)))

    @contextmanager
    def progress(self, epochs: int, batch_size: int) -> Iterator[Lines]:
        """What watches one run: a bar where there is a terminal, else lines."""
        if not self.console.is_terminal:
            yield Lines(self, epochs)
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[scores]}"),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(
            *columns,
            console=self.console,
            transient=True,
            refresh_per_second=1 / REFRESH,
            redirect_stdout=False,  # or what TensorFlow and Keras say in Python would reach the screen
            redirect_stderr=False,
        ) as bar:
            yield Bar(self, epochs, batch_size, bar)


class Bar(Lines):
    """The same, and a bar for the batches of the epoch that goes on."""

    def __init__(self, screen: Screen, epochs: int, batch_size: int, bar: Progress) -> None:
        super().__init__(screen, epochs)
        self.batch_size = batch_size
        self.bar = bar
        self.task = bar.add_task("", total=None, count="", scores="", left="")
        self.steps = 0
        self.shown = 0.0
        self.training: Pace | None = None
        """The pace over all epochs, from the first batch of this process on: the compilation before does not count."""

        self.epoch: Pace | None = None

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        counted = f"{done:,} of {total:,}" if total < 1e6 else f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
        self.bar.update(
            self.task, description=doing, completed=done, total=total or None, count=counted if total else ""
        )

    def on_begin(self, device: str, plan: "Plan", steps: int) -> None:
        super().on_begin(device, plan, steps)
        self.steps = steps
        self.bar.reset(self.task, total=steps, description="training", count="", scores="", left="")

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        now, done = time.perf_counter(), (epoch - 1) * self.steps + step
        self.training = self.training or Pace(now, done)
        self.epoch = self.epoch or Pace(now, done)
        if now - self.shown < REFRESH and step < self.steps:
            return
        self.shown = now
        speed = self.epoch.batches_per_second(now, done) * self.batch_size
        left = self.training.seconds_for(self.steps * self.epochs - done, now, done)
        self.bar.update(
            self.task,
            completed=step,
            description=f"epoch {epoch}/{self.epochs}",
            count=f"{step:,}/{self.steps:,}",
            scores=f"{scores_text(scores)}{f'  {speed:,.0f} examples/s' if speed else ''}",
            left="" if left is None else f"{clock(left)} left",
        )

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        super().on_epoch(scores)
        done = int(scores["epoch"])
        self.epoch = Pace(time.perf_counter(), done * self.steps)
        if done < self.epochs:
            self.bar.update(
                self.task, completed=0, description=f"epoch {done + 1}/{self.epochs}", count=f"0/{self.steps:,}"
            )


class Pace(NamedTuple):
    """A moment of a training, from which its speed is measured."""

    moment: float
    done: int
    """Batches since the start of the first epoch."""

    def batches_per_second(self, now: float, done: int) -> float:
        """Return the speed since then; 0 where nothing was done."""
        return (done - self.done) / (now - self.moment) if now > self.moment else 0.0

    def seconds_for(self, batches: int, now: float, done: int) -> float | None:
        """Return how long some batches take at the speed since then; None where nothing was done."""
        speed = self.batches_per_second(now, done)
        return batches / speed if speed > 0 else None
