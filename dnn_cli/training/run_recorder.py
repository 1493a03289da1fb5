"""Record of a run (`run.json`): its state before the first epoch, and the result of its training."""

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from dnn_cli.config.custom_code import list_custom_layers
from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.data.data_remarks import list_data_remarks
from dnn_cli.errors import OUT_OF_MEMORY, OUT_OF_MEMORY_SUGGESTION, RunError, is_out_of_memory
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.record import CodeSource, Membership, Record, Results, get_utc_now
from dnn_cli.runs.run import Run
from dnn_cli.training import environment
from dnn_cli.training.checkpoint_callback import ResumePoint
from dnn_cli.training.custom_layers import count_custom_parameters
from dnn_cli.training.stop_request import SIGNAL_REASON, Diverged, Interrupted
from dnn_cli.training.training_job import TrainingJob

_logger = logging.getLogger(__name__)


def build_initial_record(
    job: TrainingJob, *, reproduces: str | None = None, sweeps: tuple[Membership, ...] = ()
) -> Callable[[str], Record]:
    """Return a function that takes a run id, and builds the record of this run before its first epoch.

    The id is known only when the run directory is created.

    Args:
        job: The training job.
        reproduces: The id of the run that the new run repeats.
        sweeps: The memberships of the run in sweeps.
    """
    experiment, summary = job.experiment, summarize_network(job.experiment)
    if summary.total is None or summary.trainable is None:
        parameters = count_custom_parameters(experiment)
    else:
        parameters = {"total": summary.total, "trainable": summary.trainable}
    return lambda run_id: Record(
        id=run_id,
        name=experiment.name,
        status="running",
        started=get_utc_now(),
        process=environment.get_current_process(),
        reproduces=reproduces,
        experiment=compute_outcome_digest(experiment),
        sweeps=sweeps,
        engine=job.plan.engine,
        plan={key: value for key, value in asdict(job.plan).items() if key != "engine"},
        results=Results(monitor=experiment.monitor),
        parameters=parameters,
        code=tuple(
            CodeSource(module=layer.module, name=layer.class_name, sha256=layer.source_digest or "")
            for layer in list_custom_layers(experiment)
        ),
        data={
            "dataset": experiment.data.dataset,
            "fingerprint": job.examples.compute_fingerprint(),
            "split": job.split.compute_fingerprint(),
            "train": len(job.split.train),
            "validation": len(job.split.validation),
            **({"reporting": len(job.split.reporting)} if len(job.split.reporting) else {}),
            "test": len(job.split.test) or experiment.data.info.test_examples,
        },
        remarks=tuple(map(str, list_data_remarks(experiment.data, job.examples))),
        versions=environment.read_versions(),
        platform={**environment.describe_machine(), **job.device.details},
        flags=environment.list_environment_variables(),
        git=environment.read_git_state(),
    )


class RunRecorder:
    """Rows of scores and the time of a training, and its result, which is written to the record of the run.

    Args:
        job: The training job.
        run: The run that is trained.
        resume_point: The state from which the training starts.
    """

    def __init__(self, job: TrainingJob, run: Run, resume_point: ResumePoint) -> None:
        self.job = job
        self.run = run
        self.record = run.read_raw_record()
        self.rows: list[Scores] = list(resume_point.progress.rows)
        """Rows of `metrics.csv`, one for each epoch."""

        self.seconds_before = resume_point.progress.seconds
        self.start_time = time.monotonic()
        self.lane_count = 1
        """Number of runs that one program trains together. Each of these runs gets an equal share of the time."""

    def get_seconds(self) -> float:
        """Return the seconds of training so far."""
        return round(self.seconds_before + (time.monotonic() - self.start_time) / self.lane_count, 3)

    def record_completion(self, **saved: Any) -> None:
        """Write the record of a completed training.

        Args:
            saved: The values of the fields of `Results` about saved models.

        Raises:
            RunError: the record cannot be written.
        """
        self.update_record("completed", _format_early_stop_reason(self.job, self.rows), **saved)
        self.run.write_record(self.record)
        _logger.info("run recorded: completed, %d epochs, %.2f s", self.record.epochs, self.record.seconds)

    def record_error(self, error: BaseException) -> None:
        """Write the record of a training that an exception has ended."""
        self.update_record(*_classify_exception(error))
        # The first error is reported, instead of an error in writing the record.
        with suppress(RunError):
            self.run.write_record(self.record)
        has_failed = self.record.status == "failed"
        _logger.info("training ended: %s, %s", self.record.status, self.record.reason, exc_info=has_failed)

    def update_record(self, status: str, reason: str | None, **saved: Any) -> None:
        """Set the status, the time and the results of the record."""
        updates = {
            "status": status,
            "reason": reason,
            "ended": get_utc_now(),
            "seconds": self.get_seconds(),
            "epochs": len(self.rows),
            "results": Results.from_rows(self.rows, self.record.results.monitor, **saved),
        }
        self.record = self.record.model_copy(update=updates)


@contextmanager
def record_training(job: TrainingJob, run: Run, resume_point: ResumePoint) -> Iterator[RunRecorder]:
    """Yield the recorder of a training. If an exception ends the block, record the exception.

    The exception is suppressed if the training diverged or failed: the record has the reason.

    Args:
        job: The training job.
        run: The run that is trained, with an initial record.
        resume_point: The state from which the training starts.

    Raises:
        Interrupted: a stop request ended the training, which can be resumed.
        RunError: the run directory cannot be written, or the checkpoint is of another network or plan.
        KeyboardInterrupt: the user interrupted the training.
        SystemExit: a signal ended the training.
    """
    recorder = RunRecorder(job, run, resume_point)
    try:
        yield recorder
    except BaseException as error:
        recorder.record_error(error)
        if recorder.record.status == "interrupted" or isinstance(error, RunError):
            raise
        if recorder.record.status == "failed":
            traceback.print_exc()


def _format_early_stop_reason(job: TrainingJob, rows: list[Scores]) -> str | None:
    """Return the reason why early stopping ended a training; `None` if all epochs were trained."""
    stopping = job.experiment.early_stopping
    if stopping is None or len(rows) == job.experiment.epochs:
        return None
    if stopping.baseline is not None:
        return f"stopped early: {stopping.monitor} did not reach the baseline {stopping.baseline:g}"
    patience = max(stopping.patience, 1)
    return f"stopped early: {stopping.monitor} did not improve for {patience} epoch{'s' * (patience > 1)}"


def _classify_exception(error: BaseException) -> tuple[str, str]:
    """Return the status of a training that raised an exception, and the reason in one line."""
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, Interrupted):
        return "interrupted", str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted", SIGNAL_REASON
    if isinstance(error, RunError):
        return "failed", error.message
    if is_out_of_memory(error):
        return "failed", f"{OUT_OF_MEMORY}: {OUT_OF_MEMORY_SUGGESTION}"
    lines = str(error).strip().splitlines() or [""]
    return "failed", f"{type(error).__name__}: {lines[0]}"[:300]
