"""An experiment is trained in a run directory, new or taken up again, and watched."""

import os
import shlex
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from dnn_cli.errors import RunError, UsageError
from dnn_cli.execute.prepare import Prepared, preparing
from dnn_cli.runs import checkpoint as checkpoints
from dnn_cli.runs.files import write_text
from dnn_cli.runs.garbage import sweep
from dnn_cli.runs.record import Resume, utc_now
from dnn_cli.spec.load import load_resolved, to_yaml
from dnn_cli.training.resume import changes, changes_on_the_spot, check_can_go_on, identity
from dnn_cli.training.threads import keep_threads, threads

if TYPE_CHECKING:
    from dnn_cli.execute.log import Log
    from dnn_cli.execute.session import Session
    from dnn_cli.runs.record import Membership, Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.load import Loaded
    from dnn_cli.training.checkpoints import Start


class Wish(Protocol):
    """Somebody who may want a training to end, and says why when called."""

    def __call__(self) -> str: ...

    def gentle(self) -> AbstractContextManager[None]:
        """As long as the block lasts, the training asks often."""
        ...


def train_new(
    loaded: "Loaded",
    store: "Store",
    log: "Log",
    stopping: Wish | None = None,
    reproduces: str | None = None,
    *,
    sweeps: "tuple[Membership, ...]" = (),
    session: "Session | None" = None,
    tensorboard: bool = False,
) -> "tuple[Run, Record]":
    """Load the data, make the run directory, train.

    Args:
        loaded: The experiment.
        store: Where the run is made.
        log: What is said on the way.
        stopping: Who may want it to end.
        reproduces: The id of the run that this one repeats.
        sweeps: Those that the run belongs to.
        session: What this process keeps from one training to the next.
        tensorboard: Whether to write a log for TensorBoard, too.

    Raises:
        Interrupted: `stopping` wanted it; it can go on from there.
        DataError: the data is not to be had; there is no run directory then.
        UsageError: the device is not there; neither.
        RunError: the run directory cannot be written.
        SystemExit: a signal asked for it.
    """
    experiment = loaded.experiment
    log.begin_run()
    store.check_writable()
    with preparing(loaded, log, experiment.epochs, session) as prepared:
        from dnn_cli.training.train import first_record

        first = first_record(prepared.job, reproduces=reproduces, sweeps=sweeps)
        with store.new_run(experiment.name, to_yaml(experiment), first) as run:
            return run, follow(prepared, run, log, stopping, tensorboard=tensorboard)


def train_further(
    run: "Run",
    loaded: "Loaded",
    log: "Log",
    stopping: Wish | None = None,
    *,
    force: bool = False,
    sweeps: "tuple[Membership, ...]" = (),
    session: "Session | None" = None,
    tensorboard: bool = False,
) -> "Record":
    """Go on with a run from its last checkpoint, as if it had never been interrupted; with its TensorBoard log, too.

    Raises:
        UsageError: there is nothing to do, or something has changed and `force` is not given; nothing is changed.
        DataError: the data is not to be had; neither.
        RunError: another process trains it, or the run directory cannot be written.
        Interrupted: `stopping` wanted it; it can go on from there.
        SystemExit: a signal asked for it.
    """
    experiment = loaded.experiment
    log.begin_run()
    with run.claimed():
        record, (checkpoint, trouble) = run.parse_record(), checkpoints.load(run)
        check_can_go_on(record, checkpoint, experiment, force=force)
        changed = changes(record, checkpoint, load_resolved(str(run.config)), experiment)
        refuse(record, changed, force=force)
        if trouble:
            since = f"the one before, of epoch {checkpoint.progress.epoch}" if checkpoint else "the beginning"
            trouble = f"{trouble}; this goes on from {since}"
            log.say(trouble)
        before = threads_of(record)
        keep_threads(before)
        with preparing(loaded, log, experiment.epochs, session) as prepared:
            from dnn_cli.training.checkpoints import Start
            from dnn_cli.training.state import AFRESH, check_network, optimizer_change
            from dnn_cli.training.train import first_record

            changed += changes_on_the_spot(record, prepared.job)
            refuse(record, changed, force=force)
            if changed and checkpoint is not None:
                check_network(experiment, checkpoint.arrays)
                if optimizer_change(checkpoint.progress.optimizer, experiment.optimizer) == AFRESH:
                    changed.append("the optimizer begins afresh")
            start = Start(identity(experiment), checkpoint, bool(changed))
            taken_up = Resume(at=utc_now(), epochs=start.progress.epoch, calls=start.progress.calls,
                              forced=tuple(changed), note=trouble)  # fmt: skip
            others = tuple(one for one in sweeps if one not in record.sweeps)
            now = first_record(prepared.job, reproduces=record.reproduces, sweeps=record.sweeps + others)(record.id)
            kept = {"started": record.started, "resumed": (*record.resumed, taken_up)}
            sweep(run)
            run.write_record(record.model_copy(update={**dict(now), **kept}))
            if (text := to_yaml(experiment)) != run.config.read_text(encoding="utf-8"):
                write_text(run.config, text)
            for line in changed:
                log.say(f"changed  {line}")
            if before not in (None, threads()):
                log.say(f"trained with {before} threads before and {threads()} from here: the last digits may differ")
            log.say(f"going on after {whereabouts(start)}")
            return follow(prepared, run, log, stopping, start, tensorboard=tensorboard)


def refuse(record: "Record", changed: list[str], *, force: bool) -> None:
    """Refuse to go on with what would not come out as if it had never been interrupted."""
    if changed and not force:
        raise UsageError(
            f"run {record.id} was trained otherwise: {'; '.join(changed)}",
            "--force goes on all the same, and records it in run.json",
        )


def threads_of(record: "Record") -> int | None:
    """Return the number of threads with which TensorFlow computed in a run; records of dnn 0.8 have the cores."""
    found = record.platform.get("threads", record.platform.get("cores"))
    return found if isinstance(found, int) and found > 0 else None


def whereabouts(start: "Start") -> str:
    """How far a training was."""
    progress = start.progress
    return f"epoch {progress.epoch}" + (" and a part of the next" if progress.calls else "")


def follow(
    prepared: Prepared, run: "Run", log: "Log", stopping: Wish | None, start: "Start | None" = None,
    *, tensorboard: bool = False,
) -> "Record":  # fmt: skip
    """Train, and say how to go on if it ends before its time."""
    from dnn_cli.execute.tensorboard import logged
    from dnn_cli.training.endings import SIGNAL, Interrupted, never
    from dnn_cli.training.train import train

    try:
        log.write_log(run.log)
        prepared.divert_into(run.log)
    except OSError as error:
        raise RunError(f"{run.log} cannot be written: {error.strerror}", "nothing has been trained") from None
    again = f"{shlex.join(['dnn', 'resume', os.path.relpath(run.directory)])} goes on from there"
    try:
        experiment, gentle = prepared.job.experiment, stopping.gentle() if stopping else nullcontext()
        with logged(run, experiment, prepared.progress, log, start, wanted=tensorboard) as watch, gentle:
            return train(prepared.job, run, watch, stopping or never, start, prepared.networks)
    except RunError as error:
        raise RunError(error.message, f"what was written before is whole; {again}") from None
    except (Interrupted, KeyboardInterrupt) as error:
        why = "interrupted" if str(error) in ("", SIGNAL) else str(error)
        log.say(f"{why}; {again}")
        raise
