"""`dnn resume`: go on with a run that was interrupted, or train one that is completed further."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, Force, RunsDir
from dnn_cli.cli.chosen_run import divide_run
from dnn_cli.cli.console import print_json
from dnn_cli.errors import ConfigError, UsageError
from dnn_cli.execute.signals import stoppable

if TYPE_CHECKING:
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store
    from dnn_cli.spec.load import Loaded


def resume(
    arguments: Annotated[
        list[str], typer.Argument(metavar="RUN [KEY=VALUE]", help="A run, then changes, as epochs=20 to train further.")
    ],
    force: Force = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Go on with an interrupted run, or extend a completed one."""
    address, overrides = divide_run(arguments, "resume")

    from dnn_cli.cli.progress import open_screen

    with open_screen() as screen, stoppable(screen.leave) as stopping:
        with screen.waiting(f"reading {address}"):
            from dnn_cli.cli.outcome import print_result
            from dnn_cli.execute.work import train_further
            from dnn_cli.report.runs import run_document
            from dnn_cli.runs.store import Store
            from dnn_cli.spec.load import load

            store = Store(runs_dir)
            run = store.find_only(address)
            if run.directory.parent != store.root:  # a run by its path: what is said next is about its neighbours
                store = Store(run.directory.parent)
            run.read_record()  # a broken run is told as such, before its config is
            loaded = load(str(run.config), overrides, to_train=True)
        record = train_further(run, loaded, screen, stopping, force=force)
    if as_json:
        print_json({"runs": [run_document(run, record)]})
    else:
        print_result(run, record, loaded, store)
    if record.status != "completed":
        raise typer.Exit(1)


def run_to_resume(loaded: "Loaded", store: "Store", *, force: bool) -> "Run | None":
    """The latest run of an experiment, whatever its number of epochs; `None` where there is none of its name.

    Raises:
        UsageError: one of its name has not come to its end, and was another experiment.
    """
    from dnn_cli.runs.address import run_id
    from dnn_cli.spec.load import load_resolved
    from dnn_cli.training.resume import differing, identity

    wanted, unfinished = loaded.experiment, []
    for entry in store.entries():
        if entry.record is None or entry.record.name != wanted.name:
            continue
        try:
            found = load_resolved(str(entry.run.config))
        except ConfigError:
            continue
        if identity(found) == identity(wanted):
            return entry.run
        if entry.record.status not in ("completed", "running"):
            unfinished.append((entry.run, found))
    if not unfinished:
        return None
    run, found = unfinished[0]
    if force:
        return run
    raise UsageError(
        f"run {run_id(run)} of {wanted.name} is not completed, and was begun otherwise: "
        f"{'; '.join(differing(found, wanted))}",
        "without --resume a new run begins; --force goes on with that one all the same, and records it",
    )


def is_complete(run: "Run", loaded: "Loaded") -> bool:
    """Whether there is nothing left to train: it is all done, was stopped early, or would diverge again."""
    from dnn_cli.runs.checkpoint import load as load_checkpoint

    record = run.read_record()
    if record.status != "completed" or record.epochs >= loaded.experiment.epochs:
        return record.status in ("completed", "diverged")
    checkpoint, _ = load_checkpoint(run)
    return checkpoint is not None and checkpoint.progress.stopped
