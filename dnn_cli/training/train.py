"""`train`: one experiment in its run directory from `running` to however it ends."""

import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone

import tensorflow as tf

from dnn_cli.runs.record import Record, Results, Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.metrics import lower_is_better
from dnn_cli.spec.summary import summarize
from dnn_cli.training import environment
from dnn_cli.training.diverged import Diverged
from dnn_cli.training.fit import fit
from dnn_cli.training.job import Job
from dnn_cli.training.listener import Listener
from dnn_cli.training.programs import kept_programs


def first_record(job: Job) -> Callable[[str], Record]:
    """What can be said before the first epoch, for a run that has its id from elsewhere."""
    experiment, summary = job.experiment, summarize(job.experiment)
    return lambda run_id: Record(
        id=run_id,
        name=experiment.name,
        status="running",
        started=utc_now(),
        engine=job.plan.engine,
        plan={key: value for key, value in asdict(job.plan).items() if key != "engine"},
        results=Results(monitor=experiment.monitor),
        parameters={"total": summary.total, "trainable": summary.trainable},
        data={
            "dataset": experiment.data.dataset,
            "fingerprint": job.examples.fingerprint(),
            "train": len(job.split.train),
            "validation": len(job.split.validation),
            "test": experiment.data.test_examples,
        },
        versions=environment.versions(),
        platform={**environment.machine(), **job.device.details},
        git=environment.git_state(),
    )


def train(job: Job, run: Run, listener: Listener) -> Record:
    """Train into a run directory that holds its first record, and return what its `run.json` says at the end.

    A training that diverges, or fails for a reason outside `dnn`, is recorded with its reason and returned.
    One that is interrupted, or cannot write, is recorded as far as possible, and the error raised again.

    Raises:
        OSError: the run directory cannot be written.
        KeyboardInterrupt, SystemExit: as they came.
    """
    begun = time.monotonic()
    record = run.read_record()
    rows: list[Scores] = []
    try:
        with tf.device(job.device.place), kept_programs(job.experiment):
            saved = fit(job, run, listener, rows)
    except BaseException as error:
        status, reason = outcome(error)
        record = finish(record, rows, begun, status, reason)
        run.write_record(record)
        if status == "interrupted" or isinstance(error, OSError):
            raise
        if status == "failed":
            traceback.print_exc()
        return record
    record = finish(record, rows, begun, "completed", early_end(job, rows), saved)
    run.write_record(record)
    return record


def finish(
    record: Record, rows: list[Scores], begun: float, status: str, reason: str | None, saved: Scores | None = None
) -> Record:
    """The record as it stands at the end."""
    monitor = record.results.monitor
    results = Results(
        monitor=monitor, last=rows[-1] if rows else None, best=best_row(rows, monitor) if rows else None, model=saved
    )
    seconds = round(time.monotonic() - begun, 3)
    news = {"status": status, "reason": reason, "ended": utc_now(), "seconds": seconds, "epochs": len(rows)}
    return record.model_copy(update={**news, "results": results})


def early_end(job: Job, rows: list[Scores]) -> str | None:
    """Why a training that is completed has fewer epochs than it might have had."""
    stopping = job.experiment.early_stopping
    if stopping is None or len(rows) == job.experiment.epochs:
        return None
    if stopping.baseline is not None:
        return f"stopped early: {stopping.monitor} had not passed {stopping.baseline:g}"
    patience = max(stopping.patience, 1)
    return f"stopped early: {stopping.monitor} was no better for {patience} epoch{'s' * (patience > 1)}"


def best_row(rows: list[Scores], monitor: str) -> Scores:
    """The row with the best value of what is watched, the earliest of equals."""
    sign = 1 if lower_is_better(monitor) else -1
    return min(rows, key=lambda row: sign * row[monitor])


def outcome(error: BaseException) -> tuple[str, str]:
    """How a training ended that raised this, and why in one line."""
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted", "stopped by a signal"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "failed", "out of memory: a smaller batch_size or network needs less"
    lines = str(error).strip().splitlines() or [""]
    return "failed", f"{type(error).__name__}: {lines[0]}"[:300]


def utc_now() -> str:
    """The time, in ISO 8601 to the microsecond."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
