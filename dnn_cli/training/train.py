"""`train`: one experiment in its run directory from `running` to however it ends.

TensorFlow is only imported on the way, so that a run is on record before that takes its seconds.
"""

import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone

from dnn_cli.data.examples import Examples, Split
from dnn_cli.runs.record import Record, Results, Scores
from dnn_cli.runs.run import Run
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.objectives import lower_is_better
from dnn_cli.spec.summary import summarize
from dnn_cli.training import environment
from dnn_cli.training.diverged import Diverged
from dnn_cli.training.listener import Listener


def first_record(experiment: Experiment, examples: Examples, split: Split) -> Callable[[str], Record]:
    """What can be said before the first epoch, for a run that has its id from elsewhere."""
    summary = summarize(experiment)
    return lambda run_id: Record(
        id=run_id,
        name=experiment.name,
        status="running",
        started=utc_now(),
        engine="keras",
        results=Results(monitor=experiment.monitor),
        parameters={"total": summary.total, "trainable": summary.trainable},
        data={
            "dataset": experiment.data.dataset,
            "fingerprint": examples.fingerprint(),
            "train": len(split.train),
            "validation": len(split.validation),
        },
        versions=environment.versions(),
        platform=environment.machine(),
        git=environment.git_state(),
    )


def train(experiment: Experiment, examples: Examples, split: Split, run: Run, listener: Listener) -> Record:
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
        from dnn_cli.training.device import prepare_device
        from dnn_cli.training.fit import fit

        device = prepare_device()
        record = record.model_copy(update={"platform": {**record.platform, **device}})
        listener.on_device(device["device"])
        begun = time.monotonic()  # the seconds that TensorFlow takes to load are not the run's
        saved = fit(experiment, examples, split, run, listener, rows)
    except BaseException as error:
        status, reason = outcome(error)
        record = finish(record, rows, begun, status, reason)
        run.write_record(record)
        if status == "interrupted" or isinstance(error, OSError):
            raise
        if status == "failed":
            traceback.print_exc()
        return record
    record = finish(record, rows, begun, "completed", None, saved)
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
