"""Progress reporter that also writes a TensorBoard log, and a function that writes a log after a training."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dnn_cli.errors import RunError
from dnn_cli.runs.run_info import read_run_info

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.integrations.tensorboard import EventLog
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.training.checkpoint_callback import ResumePoint
    from dnn_cli.training.execution_plan import ExecutionPlan
    from dnn_cli.training.keras_callbacks import ProgressReporter


@contextmanager
def tee_to_tensorboard(
    run: "Run",
    experiment: "Experiment",
    progress_reporter: "ProgressReporter",
    reporter: "Reporter",
    resume_point: "ResumePoint | None",
    *,
    enabled: bool,
) -> "Iterator[ProgressReporter]":
    """Yield a progress reporter that also writes a TensorBoard log, if the log is enabled or exists already.

    Otherwise, `progress_reporter` itself is yielded. At the end of the block, the result of the training is added to
    the log. If the log cannot be written, the error is reported and the training continues.

    Args:
        run: The run that is trained.
        experiment: The experiment of the run.
        progress_reporter: The object that also receives all stages, batches and epochs.
        reporter: The object that receives a line if the log cannot be written.
        resume_point: The state from which a resumed training starts. The log first gets the epochs before this point.
        enabled: Whether the user has requested a log.
    """
    if not enabled and not run.tensorboard.is_dir():
        yield progress_reporter
        return

    from dnn_cli.integrations.tensorboard import TENSORBOARD_INSTALL_COMMAND, EventLog, is_tensorboard_installed

    try:
        if not is_tensorboard_installed():
            raise RunError(f"TensorBoard is not installed ({TENSORBOARD_INSTALL_COMMAND})")
        rows = resume_point.progress.rows if resume_point else []
        event_log = EventLog(run.tensorboard, run.read_raw_record(), experiment.model_dump(mode="json"), rows)
    except RunError as error:
        reporter.report_line(f"no TensorBoard log is written: {error.message}")
        yield progress_reporter
        return
    tee = TensorBoardTee(progress_reporter, event_log, reporter.report_line)
    try:
        yield tee
    finally:
        with suppress(RunError):
            tee.finish_log(run.read_raw_record())
        event_log.close()


def write_finished_log(run: "Run", *, enabled: bool) -> None:
    """Write the TensorBoard log of a run that another machine trained, if the log is enabled or exists already.

    Errors of the log are ignored.
    """
    if enabled or run.tensorboard.is_dir():
        from dnn_cli.integrations.tensorboard import write_event_log

        with suppress(RunError):
            write_event_log(run.tensorboard, read_run_info(run))


class TensorBoardTee:
    """Progress reporter that adds every epoch to a TensorBoard log.

    All calls are also forwarded to another progress reporter.
    """

    def __init__(
        self, progress_reporter: "ProgressReporter", event_log: "EventLog", report_line: Callable[[str], None]
    ) -> None:
        self.progress_reporter = progress_reporter
        self.event_log = event_log
        self.report_line = report_line
        self.is_writable = True

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        self.progress_reporter(doing, done, total)

    def on_begin(self, device: str, plan: "ExecutionPlan", steps: int) -> None:
        self.progress_reporter.on_begin(device, plan, steps)

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        self.progress_reporter.on_batch(epoch, step, scores)

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        self.progress_reporter.on_epoch(scores)
        self.try_write(lambda: self.event_log.add_epoch(scores))

    def finish_log(self, record: "Record") -> None:
        """Add the result of the training to the log."""
        # After a training that ends on a full disk, the record still says running.
        if record.status != "running":
            self.try_write(lambda: self.event_log.end_session(record))

    def try_write(self, write: Callable[[], None]) -> None:
        """Call a function that writes to the log, unless an earlier call has failed.

        The first error is reported as a line.
        """
        if not self.is_writable:
            return
        try:
            write()
        except OSError as error:
            self.is_writable = False
            self.report_line(f"the TensorBoard log ends: {error.strerror or error}; the training continues")
