"""`train`: one experiment in its run directory from `running` to however it ends."""

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import tensorflow as tf

from dnn_cli.data.statistics import describe
from dnn_cli.errors import RunError
from dnn_cli.runs.inputs import write_inputs
from dnn_cli.runs.record import Membership, Record, Results, Scores, utc_now
from dnn_cli.runs.run import Run
from dnn_cli.spec.summary import summarize
from dnn_cli.training import environment
from dnn_cli.training.checkpoints import Start
from dnn_cli.training.endings import SIGNAL, Diverged, Interrupted, Stop, never
from dnn_cli.training.fit import fit
from dnn_cli.training.job import Job
from dnn_cli.training.listener import Listener
from dnn_cli.training.network import Networks
from dnn_cli.training.programs import kept_programs
from dnn_cli.training.resume import identity, outcome_key


def first_record(
    job: Job, *, reproduces: str | None = None, sweeps: tuple[Membership, ...] = ()
) -> Callable[[str], Record]:
    """What can be said before the first epoch, for a run that has its id from elsewhere."""
    experiment, summary = job.experiment, summarize(job.experiment)
    return lambda run_id: Record(
        id=run_id,
        name=experiment.name,
        status="running",
        started=utc_now(),
        process=environment.this_process(),
        reproduces=reproduces,
        experiment=outcome_key(experiment),
        sweeps=sweeps,
        engine=job.plan.engine,
        plan={key: value for key, value in asdict(job.plan).items() if key != "engine"},
        results=Results(monitor=experiment.monitor),
        parameters={"total": summary.total, "trainable": summary.trainable},
        data={
            "dataset": experiment.data.dataset,
            "fingerprint": job.examples.fingerprint(),
            "split": job.split.fingerprint(),
            "train": len(job.split.train),
            "validation": len(job.split.validation),
            "test": experiment.data.test_examples,
        },
        versions=environment.versions(),
        platform={**environment.machine(), **job.device.details},
        flags=environment.flags(),
        git=environment.git_state(),
    )


def train(
    job: Job,
    run: Run,
    listener: Listener,
    stop: Stop = never,
    start: Start | None = None,
    networks: Networks | None = None,
) -> Record:
    """Train into a run directory that holds its first record, and return what its `run.json` says at the end.

    A training that diverges, or fails for a reason outside `dnn`, is recorded with its reason and returned.
    One that is interrupted, or cannot write, is recorded as far as possible, and the error raised again.

    Args:
        job: What to train.
        run: Where everything is written; this process holds its lock.
        listener: Is told how it goes.
        stop: Why somebody wants it to end, if anybody does.
        start: Where it begins, if not with nothing.
        networks: Those that were trained before in this process.

    Raises:
        Interrupted: somebody wanted it to end; it can go on from there.
        RunError: the run directory cannot be written.
        KeyboardInterrupt, SystemExit: as they came.
    """
    start = start or Start(identity(job.experiment))
    before, begun = start.progress.seconds, time.monotonic()
    record, rows = run.parse_record(), list(start.progress.rows)

    def seconds() -> float:
        return round(before + time.monotonic() - begun, 3)

    def ended(status: str, reason: str | None, **saved: Any) -> Record:
        results = Results.of(rows, record.results.monitor, **saved)
        news = {"status": status, "reason": reason, "ended": utc_now(), "seconds": seconds(), "epochs": len(rows)}
        return record.model_copy(update={**news, "results": results})

    try:
        write_inputs(run, describe(job.experiment.data.facts, job.examples, job.split, job.measured))
        with (
            tf.device(job.device.place),
            kept_programs(job.experiment),
            (networks or Networks()).ready_for(job) as network,
        ):
            saved = fit(job, network, run, listener, rows, start, stop, seconds)
        record = ended(
            "completed", early_end(job, rows),
            model=saved.scores, weights=saved.weights, epoch=saved.epoch, kept=saved.kept,
        )  # fmt: skip
        run.write_record(record)
    except BaseException as error:
        record = ended(*outcome(error))
        with suppress(RunError):  # the first error is the one to tell
            run.write_record(record)
        if record.status == "interrupted" or isinstance(error, RunError):
            raise
        if record.status == "failed":
            traceback.print_exc()
    return record


def early_end(job: Job, rows: list[Scores]) -> str | None:
    """Why a training that is completed has fewer epochs than it might have had."""
    stopping = job.experiment.early_stopping
    if stopping is None or len(rows) == job.experiment.epochs:
        return None
    if stopping.baseline is not None:
        return f"stopped early: {stopping.monitor} had not passed {stopping.baseline:g}"
    patience = max(stopping.patience, 1)
    return f"stopped early: {stopping.monitor} was no better for {patience} epoch{'s' * (patience > 1)}"


def outcome(error: BaseException) -> tuple[str, str]:
    """How a training ended that raised this, and why in one line."""
    if isinstance(error, Diverged):
        return "diverged", str(error)
    if isinstance(error, Interrupted):
        return "interrupted", str(error)
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "interrupted", SIGNAL
    if isinstance(error, RunError):
        return "failed", error.message
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "failed", "out of memory: a smaller batch_size or network needs less"
    lines = str(error).strip().splitlines() or [""]
    return "failed", f"{type(error).__name__}: {lines[0]}"[:300]
