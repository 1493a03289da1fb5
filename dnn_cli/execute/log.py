"""What is said while an experiment is trained: shown to whoever watches, and kept in the run's `train.log`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dnn_cli.report.runs import epoch_header, epoch_line, fitting_scores
from dnn_cli.report.words import WIDE

if TYPE_CHECKING:
    from dnn_cli.training.plan import Plan


class Watch(Protocol):
    """Is told of every stage before the training, and is its `Listener`."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None: ...

    def on_begin(self, device: str, plan: "Plan", steps: int) -> None: ...

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None: ...

    def on_epoch(self, scores: Mapping[str, float]) -> None: ...


class Log:
    """Says lines to nobody but the log of the run that they belong to."""

    width = WIDE

    def __init__(self) -> None:
        self.said: list[str] = []
        self.log: Path | None = None
        self.leaving: list[Callable[[], None]] = []
        """What else is to be done before the process ends in the middle of something."""

    def show(self, line: str) -> None:
        """Let somebody see a line."""

    def say(self, line: str) -> None:
        """Show a line, and log it."""
        self.show(line)
        self.said.append(line)
        if self.log is not None:
            with suppress(OSError):  # a line that is lost stops no training
                self.write_log(self.log)

    def write_log(self, log: Path) -> None:
        """Put what has been said so far, and all from now on, into a log."""
        self.log = log
        with log.open("a", encoding="utf-8", errors="replace") as stream:
            stream.writelines(f"{line}\n" for line in self.said)
        self.said.clear()

    def begin_run(self) -> None:
        """What is said from now on belongs to the next run."""
        self.log = None
        self.said.clear()

    @contextmanager
    def progress(self, epochs: int, batch_size: int) -> Iterator["Watch"]:
        """What watches one run."""
        yield Lines(self, epochs)


class Lines:
    """Says a line for every stage and every epoch."""

    def __init__(self, log: Log, epochs: int) -> None:
        self.log = log
        self.epochs = epochs
        self.doing = ""
        self.names: list[str] = []

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        if doing != self.doing:
            self.log.say(doing)
        self.doing = doing

    def on_begin(self, device: str, plan: "Plan", steps: int) -> None:
        batches = f"{steps:,} {'batch' if steps == 1 else 'batches'} an epoch"
        way = "by plain fit" if plan.engine == "keras" else f"{plan.steps} a call"
        self.log.say(f"training on {device}, {batches}, {way}, {'with' if plan.jit else 'without'} XLA")

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        """Between epochs nothing is said."""

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        if not self.names:
            self.names = fitting_scores(scores, self.log.width)
            self.log.say(epoch_header(self.names))
        self.log.say(epoch_line(scores, self.names, self.epochs))
