"""`train`: one experiment from its examples to a finished run directory, in the order of the text."""

import fcntl
import math
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import numpy as np

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.runs.files import whole_file
from dnn_cli.runs.record import Record, Results, Scores
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import run_id
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.summary import summarize
from dnn_cli.training import environment
from dnn_cli.training.build import build_model
from dnn_cli.training.callbacks import Diverged, StopWhenDiverged, WriteDown
from dnn_cli.training.listener import Listener


def train(experiment: Experiment, examples: Examples, split: Split, run: Run, listener: Listener) -> Record:
    """Train an experiment into a run directory, and return what its `run.json` says at the end.

    A training that diverges, or fails for a reason outside `dnn`, is recorded with its reason and returned.
    One that is interrupted is recorded, and the interruption raised again.

    Raises:
        OSError: the run directory cannot be written.
        KeyboardInterrupt, SystemExit: as they came.
    """
    with alive(run):
        begun = time.monotonic()
        record = first_record(experiment, examples, split, run)
        run.write_record(record)
        written = WriteDown(run, listener)
        try:
            model_scores = fit(experiment, examples, split, run, written)
        except BaseException as error:
            status, reason = outcome(error)
            record = finish(record, experiment, written.rows, begun, status, reason)
            run.write_record(record)
            if status == "interrupted" or isinstance(error, OSError):
                raise
            if status == "failed":
                traceback.print_exc()
            return record
        record = finish(record, experiment, written.rows, begun, "completed", None, model_scores)
        run.write_record(record)
        return record


def fit(experiment: Experiment, examples: Examples, split: Split, run: Run, written: WriteDown) -> Scores:
    """Build, train, save; return the validation scores of the saved model."""
    device = environment.prepare_device()
    model = build_model(experiment)
    pipeline = Pipeline(examples, experiment)
    validation = pipeline.in_order(split.validation)
    steps = math.ceil(len(split.train) / experiment.batch_size)
    written.listener.on_begin(steps, device)
    model.fit(
        pipeline.epochs(split.train),
        steps_per_epoch=steps,
        epochs=experiment.epochs,
        validation_data=validation,
        callbacks=[StopWhenDiverged(), written],
        shuffle=False,  # the pipeline has the order of every epoch
        verbose=0,
    )
    with whole_file(run.model) as temporary:
        model.save(temporary)
    with whole_file(run.predictions) as temporary:
        outputs = model.predict(validation, verbose=0)
        np.savez(temporary, outputs=outputs, labels=examples.labels[split.validation], indices=split.validation)
    if averages_weights(experiment):
        scores = model.evaluate(validation, verbose=0, return_dict=True)
        return {f"val_{name}": float(value) for name, value in scores.items()}
    return {name: value for name, value in written.rows[-1].items() if name.startswith("val_")}


def averages_weights(experiment: Experiment) -> bool:
    """Whether the end of training replaces the weights, so that the last epoch's scores are not the model's."""
    return experiment.optimizer.use_ema


def first_record(experiment: Experiment, examples: Examples, split: Split, run: Run) -> Record:
    """What can be said before the first epoch."""
    summary = summarize(experiment)
    return Record(
        id=run_id(run),
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
        platform=environment.machine(environment.prepare_device()),
        git=environment.git_state(),
    )


def finish(
    record: Record,
    experiment: Experiment,
    rows: list[Scores],
    begun: float,
    status: str,
    reason: str | None,
    model_scores: Scores | None = None,
) -> Record:
    """The record as it stands at the end."""
    results = Results(
        monitor=experiment.monitor,
        last=rows[-1] if rows else None,
        best=best_row(rows, experiment.monitor),
        model=model_scores,
    )
    seconds = round(time.monotonic() - begun, 3)
    news = {"status": status, "reason": reason, "ended": utc_now(), "seconds": seconds, "epochs": len(rows)}
    return record.model_copy(update={**news, "results": results})


def best_row(rows: list[Scores], monitor: str) -> Scores | None:
    """The row with the best value of what is watched, the earliest of equals."""
    if not rows:
        return None
    sign = 1 if monitor == "val_loss" else -1
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


@contextmanager
def alive(run: Run) -> Iterator[None]:
    """Hold the lock that tells every other process that this training lives; death of any kind frees it."""
    descriptor = os.open(run.log, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def utc_now() -> str:
    """The time, in ISO 8601 to the microsecond."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
