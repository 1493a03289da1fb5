"""Progress of a training on the screen: a bar on a terminal, otherwise a line for each epoch."""

import errno
import io
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from rich.control import Control
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.segment import ControlType

from dnn_cli.execution.reporters import Reporter, TextReporter
from dnn_cli.host.stack_dump import redirect_stack_dump, restore_stack_dump
from dnn_cli.report.runs_table import format_scores
from dnn_cli.report.text import format_clock_time, replace_control_chars
from dnn_cli.terminal.console_builder import build_console, print_line, redirect_to_devnull
from dnn_cli.terminal.log_lines import route_log_lines

if TYPE_CHECKING:
    from dnn_cli.formats.dataset_contents import ReadProgress
    from dnn_cli.training.execution_plan import ExecutionPlan

REFRESH_INTERVAL = 0.1
"""Interval between two updates of a bar, in seconds."""


@contextmanager
def open_screen() -> Iterator["ScreenReporter"]:
    """Yield a reporter that prints lines and progress on standard error.

    The reporter prints on a copy of the file descriptor, because a training redirects standard error to a file.
    """
    sys.stderr.flush()
    with _open_stream() as stream:
        screen = ScreenReporter(stream)
        try:
            with route_log_lines(screen.print_log_line):
                yield screen
        finally:
            restore_stack_dump()


def _open_stream() -> AbstractContextManager[TextIO]:
    """Open the stream on which the reporter prints.

    In a notebook, Python's standard error belongs to the cell, and the file descriptor belongs to the server.
    """
    if type(sys.stderr).__module__.startswith("ipykernel."):
        return nullcontext(sys.stderr)
    return _TerminalStream(os.fdopen(os.dup(2), "wb"), encoding=sys.stderr.encoding, errors="replace")


class _TerminalStream(io.TextIOWrapper):
    """Text stream that discards text, without an error, once its terminal is closed."""

    def write(self, text: str, /) -> int:
        with self.ignore_closed_terminal():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self.ignore_closed_terminal():
            super().flush()

    @contextmanager
    def ignore_closed_terminal(self) -> Iterator[None]:
        """Suppress the error of a closed terminal, and discard all later text."""
        try:
            yield
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            redirect_to_devnull(self)


class ScreenReporter(Reporter):
    """Reporter that prints lines on standard error and copies them to the log of the run."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.console = build_console(stream)

    @property
    def width(self) -> int:  # type: ignore[override]
        return self.console.width

    def print_line(self, line: str) -> None:
        print_line(self.console, line)

    def print_log_line(self, line: str) -> None:
        """Print a line of `-v`, above a progress bar and in the place of a waiting line."""
        self.console.control(Control((ControlType.ERASE_IN_LINE, 2)))
        self.console.print(replace_control_chars(line), soft_wrap=True)

    def begin_run(self) -> None:
        """Begin a new run. Until the run has a log, stacks go to the default destination."""
        super().begin_run()
        restore_stack_dump()

    def open_log(self, path: Path) -> None:
        """Use a file as the log of the run, also for the stacks of threads."""
        if self.log_path != path:
            redirect_stack_dump(path)
        super().open_log(path)

    def restore_terminal(self) -> None:
        """Show the cursor of the terminal again, and call the exit callbacks, which end workers."""
        if self.console.is_terminal:
            # Another thread may hold the lock of rich's console, so the code goes to the file directly.
            self.console.file.write("\x1b[?25h\n")
            self.console.file.flush()
        for cleanup in self.exit_callbacks:
            cleanup()

    @contextmanager
    def show_waiting(self, activity: str) -> Iterator[None]:
        """Print the name of an activity on a terminal, such as `starting Ray`, and erase its line when the block ends.

        In a pipe or a file, nothing is printed.
        """
        if not self.console.is_terminal:
            yield
            return
        self.console.print(replace_control_chars(activity), end="\r", no_wrap=True, overflow="ellipsis")
        self.console.file.flush()
        try:
            yield
        finally:
            self.console.control(Control((ControlType.ERASE_IN_LINE, 2)))

    @contextmanager
    def open_read_progress(self) -> Iterator["ReadProgress"]:
        """Yield a function that shows the progress of reading data: on a terminal, with a progress bar."""
        with self.open_progress(epochs=1, batch_size=1) as progress:
            yield progress

    @contextmanager
    def open_progress(self, epochs: int, batch_size: int) -> Iterator[TextReporter]:
        """Yield the progress reporter of a training, which prints lines and, on a terminal, a progress bar."""
        if not self.console.is_terminal:
            yield TextReporter(self, epochs)
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
            refresh_per_second=1 / REFRESH_INTERVAL,
            # A redirection would print Python messages of TensorFlow and Keras on the screen.
            redirect_stdout=False,
            redirect_stderr=False,
        ) as bar:
            yield _BarReporter(self, epochs, batch_size, bar)


class _BarReporter(TextReporter):
    """Progress reporter that prints a line for each epoch, and a bar for the batches of the current epoch."""

    def __init__(self, screen: ScreenReporter, epochs: int, batch_size: int, bar: Progress) -> None:
        super().__init__(screen, epochs)
        self.batch_size = batch_size
        self.bar = bar
        self.task = bar.add_task("", total=None, count="", scores="", left="")
        self.steps = 0
        self.refreshed_at = 0.0
        self.training_pace: _Pace | None = None
        """Training speed since the first batch of this process. The time of compilation is not included."""

        self.epoch_pace: _Pace | None = None

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        count_text = f"{done:,} of {total:,}" if total < 1e6 else f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
        self.bar.update(
            self.task, description=doing, completed=done, total=total or None, count=count_text if total else ""
        )

    def on_begin(self, device: str, plan: "ExecutionPlan", steps: int) -> None:
        super().on_begin(device, plan, steps)
        self.steps = steps
        self.bar.reset(self.task, total=steps, description="training", count="", scores="", left="")

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        now, done = time.perf_counter(), (epoch - 1) * self.steps + step
        self.training_pace = self.training_pace or _Pace(now, done)
        self.epoch_pace = self.epoch_pace or _Pace(now, done)
        if now - self.refreshed_at < REFRESH_INTERVAL and step < self.steps:
            return
        self.refreshed_at = now
        speed = self.epoch_pace.compute_batches_per_second(now, done) * self.batch_size
        seconds_left = self.training_pace.compute_remaining_seconds(self.steps * self.epochs - done, now, done)
        self.bar.update(
            self.task,
            completed=step,
            description=f"epoch {epoch}/{self.epochs}",
            count=f"{step:,}/{self.steps:,}",
            scores=f"{format_scores(scores)}{f'  {speed:,.0f} examples/s' if speed else ''}",
            left="" if seconds_left is None else f"{format_clock_time(seconds_left)} left",
        )

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        super().on_epoch(scores)
        done = int(scores["epoch"])
        self.epoch_pace = _Pace(time.perf_counter(), done * self.steps)
        if done < self.epochs:
            self.bar.update(
                self.task, completed=0, description=f"epoch {done + 1}/{self.epochs}", count=f"0/{self.steps:,}"
            )


class _Pace(NamedTuple):
    """Start of the measurement of the training speed: a time, and the number of batches trained before this time."""

    moment: float
    """Time at which the measurement starts, by `time.perf_counter`, in seconds."""

    done_batches: int
    """Number of batches that were trained before the measurement starts, in all epochs."""

    def compute_batches_per_second(self, now: float, done_batches: int) -> float:
        """Return the number of batches per second since the start of the measurement; 0 if no time has passed.

        Args:
            now: The current time by `time.perf_counter`, in seconds.
            done_batches: The number of batches trained until now, in all epochs.
        """
        return (done_batches - self.done_batches) / (now - self.moment) if now > self.moment else 0.0

    def compute_remaining_seconds(self, batches: int, now: float, done_batches: int) -> float | None:
        """Return the seconds that the remaining batches take at the measured speed; `None` if the speed is 0.

        Args:
            batches: The number of remaining batches.
            now: The current time by `time.perf_counter`, in seconds.
            done_batches: The number of batches trained until now, in all epochs.
        """
        speed = self.compute_batches_per_second(now, done_batches)
        return batches / speed if speed > 0 else None
