"""`dnn export-runs`: runs where other programs look for them, in MLflow and TensorBoard."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import notes, print_json, results
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.words import count, visible

if TYPE_CHECKING:
    from dnn_cli.runs.entry import Entry


def export_runs(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID; all if none."),
    ] = None,
    mlflow: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--mlflow", metavar="URI", help="To MLflow: sqlite:///mlflow.db, file:mlruns, http://…"),
    ] = None,
    tensorboard: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--tensorboard", metavar="DIR", help="To TensorBoard: a log for each run, in a folder of DIR."),
    ] = None,
    experiment: Annotated[
        str, typer.Option("--experiment", metavar="NAME", help="What MLflow groups them by.")
    ] = "dnn",
    models: Annotated[bool, typer.Option("--models", help="Send the trained models to MLflow, too.")] = False,
    where: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--where", metavar="CONDITION", help="Only runs for which it holds."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Show runs in MLflow or TensorBoard; again, to bring them up to date there."""
    if mlflow is None and tensorboard is None:
        raise UsageError("nowhere to export to", "--mlflow sqlite:///mlflow.db or --tensorboard DIR")
    entries = chosen(runs_dir, addresses or [], where)
    document: dict[str, object] = {}
    failed: dict[str, str] = {}
    if tensorboard is not None:
        from dnn_cli.report.tensorboard import check_installed

        check_installed()
        done = each(entries, lambda entry: log_into(tensorboard, entry), failed)
        document["tensorboard"] = {"logdir": str(tensorboard), "runs": done}
        if not as_json:
            results().print(visible(f"{summary(done)} in {tensorboard}; tensorboard --logdir {tensorboard} shows them"))
    if mlflow is not None:
        from dnn_cli.report.mlflow import Destination, shown

        destination = Destination(mlflow, experiment)
        done = each(entries, lambda entry: destination.export(entry, models=models), failed)
        place = {"uri": shown(mlflow), "experiment": experiment, "experiment_id": destination.experiment_id}
        document["mlflow"] = {**place, "runs": done}
        if not as_json:
            results().print(visible(f"{summary(done)} in the experiment {experiment} of {shown(mlflow)}"))
            if mlflow.startswith("file:"):
                notes().print(
                    "MLflow 3 opens such a store only with MLFLOW_ALLOW_FILE_STORE=true; sqlite needs nothing"
                )
    if as_json:
        print_json({**document, "failed": [{"dir": path, "reason": reason} for path, reason in failed.items()]})
    if failed:
        raise typer.Exit(1)


def chosen(runs_dir: Path, addresses: Sequence[str], where: str | None) -> "list[Entry]":
    """The runs that are meant, the earliest first, with all that there is to tell of them.

    Raises:
        UsageError: an address leads nowhere, or there are no runs.
    """
    from dnn_cli.cli.compare import chosen as named
    from dnn_cli.runs.selection import Lookup

    entries = named(Lookup(runs_dir), list(addresses), where)
    if not entries:
        raise UsageError(f"there are no such runs in {runs_dir}", "dnn runs lists what there is")
    return entries if addresses else entries[::-1]


def each(entries: "Sequence[Entry]", export: "Callable[[Entry], str]", failed: dict[str, str]) -> list[dict[str, str]]:
    """Export every run, and show how far that is; what came of each, and into `failed` why of those that cannot be.

    Raises:
        RunError: none can be.
    """
    from rich.progress import track

    console, done, last = notes(), [], None
    for entry in track(
        entries, "exporting", console=console, transient=True, disable=not console.is_terminal, show_speed=False
    ):
        try:
            done.append({"id": entry.record.id if entry.record else "", "outcome": export(entry)})
        except RunError as error:
            last = error
            failed[str(entry.run.directory)] = error.message
            console.print(visible(f"dnn: {entry.run.directory.name}: {error.message}"))
    if last is not None and not done:
        raise RunError("no run was exported", last.hint)
    return done


def log_into(directory: Path, entry: "Entry") -> str:
    """Write the log of a run into a folder of a directory; in its own runs directory, into the run itself.

    Raises:
        RunError: the run is broken or being trained with a log of its own, or the folder cannot be written.
    """
    from dnn_cli.report.tensorboard import write_log

    run = entry.run
    is_own = directory.absolute() == run.directory.absolute().parent
    if is_own and entry.record is not None and entry.record.status == "running":
        raise RunError("it is being trained", "dnn train --tensorboard writes a log while it goes")
    write_log(run.tensorboard if is_own else directory / run.directory.absolute().name, entry)
    return "written"


def summary(done: Sequence[dict[str, str]]) -> str:
    """How many runs, and what came of them."""
    counts = Counter(one["outcome"] for one in done)
    parts = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    return f"{count(len(done), 'run')} ({parts})"
