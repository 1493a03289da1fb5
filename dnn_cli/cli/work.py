"""What `train`, `resume` and `reproduce` have in common: an experiment is trained in a run directory, watched."""

import os
import shlex
from contextlib import nullcontext
from typing import TYPE_CHECKING

from dnn_cli.cli.job import Prepared, preparing
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs import checkpoint as checkpoints
from dnn_cli.runs.files import write_text
from dnn_cli.runs.garbage import sweep
from dnn_cli.runs.record import Resume, utc_now
from dnn_cli.spec.load import load_resolved, to_yaml
from dnn_cli.training.resume import changes, changes_on_the_spot, check_can_go_on, identity

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.cli.signals import Stopping
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.load import Loaded
    from dnn_cli.training.checkpoints import Start


def train_new(
    loaded: "Loaded",
    store: "Store",
    screen: "Screen",
    stopping: "Stopping | None" = None,
    reproduces: str | None = None,
) -> "tuple[Run, Record]":
    """Load the data, make the run directory, train.

    Raises:
        DataError: the data is not to be had; there is no run directory then.
        UsageError: the device is not there; neither.
        RunError: the run directory cannot be written.
        SystemExit: a signal asked for it.
    """
    experiment = loaded.experiment
    screen.begin_run()
    store.check_writable()
    with preparing(loaded, screen, experiment.epochs) as prepared:
        from dnn_cli.training.train import first_record

        first = first_record(prepared.job, reproduces)
        with store.new_run(experiment.name, to_yaml(experiment), first) as run:
            return run, follow(prepared, run, screen, stopping)


def train_further(
    run: "Run", loaded: "Loaded", screen: "Screen", stopping: "Stopping | None" = None, *, force: bool = False
) -> "Record":
    """Go on with a run from its last checkpoint, as if it had never been interrupted.

    Raises:
        UsageError: there is nothing to do, or something has changed and `force` is not given; nothing is changed.
        DataError: the data is not to be had; neither.
        RunError: another process trains it, or the run directory cannot be written.
        SystemExit: a signal asked for it.
    """
    experiment = loaded.experiment
    screen.begin_run()
    with run.claimed():
        record, (checkpoint, trouble) = run.parse_record(), checkpoints.load(run)
        check_can_go_on(record, checkpoint, experiment, force=force)
        changed = changes(record, checkpoint, load_resolved(str(run.config)), experiment)
        refuse(record, changed, force=force)
        if trouble:
            since = f"the one before, of epoch {checkpoint.progress.epoch}" if checkpoint else "the beginning"
            trouble = f"{trouble}; this goes on from {since}"
            screen.say(trouble)
        with preparing(loaded, screen, experiment.epochs) as prepared:
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
            now = first_record(prepared.job, record.reproduces)(record.id)
            kept = {"started": record.started, "resumed": (*record.resumed, taken_up)}
            sweep(run)
            run.write_record(record.model_copy(update={**dict(now), **kept}))
            if (text := to_yaml(experiment)) != run.config.read_text(encoding="utf-8"):
                write_text(run.config, text)
            for line in changed:
                screen.say(f"changed  {line}")
            screen.say(f"going on after {whereabouts(start)}")
            return follow(prepared, run, screen, stopping, start)


def refuse(record: "Record", changed: list[str], *, force: bool) -> None:
    """Refuse to go on with what would not come out as if it had never been interrupted."""
    if changed and not force:
        raise UsageError(
            f"run {record.id} was trained otherwise: {'; '.join(changed)}",
            "--force goes on all the same, and records it in run.json",
        )


def whereabouts(start: "Start") -> str:
    """How far a training was."""
    progress = start.progress
    return f"epoch {progress.epoch}" + (" and a part of the next" if progress.calls else "")


def follow(
    prepared: Prepared, run: "Run", screen: "Screen", stopping: "Stopping | None", start: "Start | None" = None
) -> "Record":
    """Train, and say how to go on if it ends before its time."""
    from dnn_cli.training.endings import Interrupted, never
    from dnn_cli.training.train import train

    try:
        screen.write_log(run.log)
        prepared.divert_into(run.log)
    except OSError as error:
        raise RunError(f"{run.log} cannot be written: {error.strerror}", "nothing has been trained") from None
    again = f"{shlex.join(['dnn', 'resume', os.path.relpath(run.directory)])} goes on from there"
    try:
        with stopping.gentle() if stopping else nullcontext():
            return train(prepared.job, run, prepared.progress, stopping or never, start)
    except RunError as error:
        raise RunError(error.message, f"what was written before is whole; {again}") from None
    except (Interrupted, KeyboardInterrupt) as error:
        screen.say(f"interrupted; {again}")
        if stopping is None:
            raise KeyboardInterrupt from error
        raise SystemExit(stopping.exit_code) from None
