"""Reporters that print the lines of a training and write them to its `train.log`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.report.runs_table import format_epoch_header, format_epoch_line, list_fitting_scores
from dnn_cli.report.text import UNLIMITED_WIDTH

if TYPE_CHECKING:
    from dnn_cli.training.execution_plan import ExecutionPlan
    from dnn_cli.training.keras_callbacks import ProgressReporter


class Reporter:
    """Base class of reporters. This class writes lines to the log of a run, and subclasses also print the lines."""

    width = UNLIMITED_WIDTH
    holds_early_output = True
    """Whether output of TensorFlow waits for the log of the run. A worker has a log before the run has one."""

    redirects_output = True
    """Whether the output of TensorFlow goes to the log of the run during a training. A program that trains several runs
    has one output."""

    def __init__(self) -> None:
        self.pending_lines: list[str] = []
        self.log_path: Path | None = None
        self.printed_lines: set[tuple[str, str]] = set()
        """Lines that are printed once for a config, with the path of the config."""

        self.exit_callbacks: list[Callable[[], None]] = []
        """Functions to call before a sudden end of the process."""

    def print_line(self, line: str) -> None:
        """Print a line. This base class prints nothing."""

    def report_line(self, line: str, *, config: str | None = None) -> None:
        """Print a line, and write it to the log.

        Args:
            line: The line.
            config: The path of a config, for which equal lines are printed once. The folds of a config have equal
                lines about their data. `None` prints the line in any case.
        """
        if config is None or (config, line) not in self.printed_lines:
            self.print_line(line)
        if config is not None:
            self.printed_lines.add((config, line))
        self.pending_lines.append(line)
        if self.log_path is not None:
            # The training continues if a line of the log is lost.
            with suppress(OSError):
                self.open_log(self.log_path)

    def open_log(self, path: Path) -> None:
        """Append the lines that were reported so far to a log file, and use this file for later lines."""
        self.log_path = path
        with path.open("a", encoding="utf-8", errors="replace") as stream:
            stream.writelines(f"{line}\n" for line in self.pending_lines)
        self.pending_lines.clear()

    def begin_run(self) -> None:
        """Begin a new run: close the log of the previous run, and discard lines that were not written to a log."""
        self.log_path = None
        self.pending_lines.clear()

    @contextmanager
    def show_waiting(self, activity: str) -> Iterator[None]:
        """Print the name of an activity until the block ends. This base class prints nothing."""
        yield

    @contextmanager
    def open_progress(self, epochs: int, batch_size: int) -> Iterator["ProgressReporter"]:
        """Yield a progress reporter for one training."""
        yield TextReporter(self, epochs)


class TextReporter:
    """Progress reporter that reports a line for every stage and every epoch."""

    def __init__(self, reporter: Reporter, epochs: int) -> None:
        self.reporter = reporter
        self.epochs = epochs
        self.stage = ""
        self.score_names: list[str] = []

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        if doing != self.stage:
            self.reporter.report_line(doing)
        self.stage = doing

    def on_begin(self, device: str, plan: "ExecutionPlan", steps: int) -> None:
        batches = f"{steps:,} {'batch' if steps == 1 else 'batches'} per epoch"
        engine_text = "with Keras's fit" if plan.engine == "keras" else f"{plan.steps:,} per call of TensorFlow"
        lanes_text = f", in {plan.lanes} lanes" if plan.lanes > 1 else ""
        self.reporter.report_line(
            f"training on {device}, {batches}, {engine_text}, {'with' if plan.jit else 'without'} XLA{lanes_text}"
        )
        if plan.determinism in ("operations", "none"):
            self.reporter.report_line(f"  {plan.why}")

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        """Ignore the batch, because lines are reported for whole epochs."""

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        if not self.score_names:
            self.score_names = list_fitting_scores(scores, self.reporter.width)
            self.reporter.report_line(format_epoch_header(self.score_names))
        self.reporter.report_line(format_epoch_line(scores, self.score_names, self.epochs))
