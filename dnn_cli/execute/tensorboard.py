"""TensorBoard's log of a training, written while it goes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dnn_cli.errors import RunError
from dnn_cli.runs.entry import read_entry

if TYPE_CHECKING:
    from dnn_cli.execute.log import Log, Watch
    from dnn_cli.report.tensorboard import EventLog
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.spec.experiment import Experiment
    from dnn_cli.training.checkpoints import Start
    from dnn_cli.training.plan import Plan


@contextmanager
def logged(
    run: "Run", experiment: "Experiment", watch: "Watch", log: "Log", start: "Start | None", *, wanted: bool
) -> "Iterator[Watch]":
    """What watches a training, and writes a log of it too where that is wanted, or was begun; then with its end.

    A log that cannot be written is told of, and stops no training.
    """
    if not wanted and not run.tensorboard.is_dir():
        yield watch
        return

    from dnn_cli.report.tensorboard import EXTRA, EventLog, is_installed

    try:
        if not is_installed():
            raise RunError(f"TensorBoard is not installed ({EXTRA})")
        rows = start.progress.rows if start else []
        events = EventLog(run.tensorboard, run.parse_record(), experiment.model_dump(mode="json"), rows)
    except RunError as error:
        log.say(f"no log for TensorBoard: {error.message}")
        yield watch
        return
    both = Both(watch, events, log.say)
    try:
        yield both
    finally:
        with suppress(RunError):
            both.end(run.parse_record())
        events.close()


def log_afterwards(run: "Run", *, wanted: bool) -> None:
    """Write the log of a run that was trained elsewhere, where that is wanted, or was begun; as far as it can be."""
    if wanted or run.tensorboard.is_dir():
        from dnn_cli.report.tensorboard import write_log

        with suppress(RunError):
            write_log(run.tensorboard, read_entry(run))


class Both:
    """Passes on what it hears, and adds every epoch to a log."""

    def __init__(self, watch: "Watch", events: "EventLog", say: Callable[[str], None]) -> None:
        self.watch = watch
        self.events = events
        self.say = say
        self.is_writable = True

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        self.watch(doing, done, total)

    def on_begin(self, device: str, plan: "Plan", steps: int) -> None:
        self.watch.on_begin(device, plan, steps)

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        self.watch.on_batch(epoch, step, scores)

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        self.watch.on_epoch(scores)
        self.attempt(lambda: self.events.add(scores))

    def end(self, record: "Record") -> None:
        """The training is over."""
        if record.status != "running":  # or there was no room to say how it ended
            self.attempt(lambda: self.events.end(record))

    def attempt(self, write: Callable[[], None]) -> None:
        """Write, and no more of it once the disk has refused."""
        if not self.is_writable:
            return
        try:
            write()
        except OSError as error:
            self.is_writable = False
            self.say(f"no more of TensorBoard's log: {error.strerror or error}; the training goes on")
