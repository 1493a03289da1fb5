"""Command `dnn export-runs`: copies of runs in MLflow and TensorBoard."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import build_fixed_completer
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json
from dnn_cli.cli.options import JsonOption, RunsArgument, RunsDirOption, WhereOption
from dnn_cli.cli.run_selection import build_no_runs_error
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.runs.run_info import RunInfo


def export_runs(
    addresses: RunsArgument = None,
    mlflow: Annotated[
        str | None,
        typer.Option(
            "--mlflow",
            metavar="URI",
            autocompletion=build_fixed_completer("sqlite:///mlflow.db", "file:", "http://"),
            help="Export to MLflow, for example to sqlite:///mlflow.db, file:mlruns or http://HOST.",
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            "--tensorboard", metavar="DIR", help="Write a TensorBoard log of each run into a subdirectory of DIR."
        ),
    ] = None,
    experiment_name: Annotated[
        str, typer.Option("--experiment", metavar="NAME", help="Name of the MLflow experiment.")
    ] = "dnn",
    models: Annotated[bool, typer.Option("--models", help="Also export the saved models to MLflow.")] = False,
    query: WhereOption = None,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Export runs to MLflow or TensorBoard, or update the export."""
    if mlflow is None and tensorboard is None:
        raise UsageError("no destination is named", "use --mlflow sqlite:///mlflow.db or --tensorboard DIR")
    runs = _select_runs_to_export(runs_dir, addresses or [], query)
    document: dict[str, object] = {}
    failures: dict[str, str] = {}
    if tensorboard is not None:
        from dnn_cli.integrations.tensorboard import check_tensorboard_installed

        check_tensorboard_installed()
        exported = _export_each_run(runs, lambda run_info: _write_tensorboard_log(tensorboard, run_info), failures)
        document["tensorboard"] = {"logdir": str(tensorboard), "runs": exported}
        if not as_json:
            text = f"{_format_exported_count(exported)} in {tensorboard}; view: tensorboard --logdir {tensorboard}"
            get_output_console().print(replace_control_chars(text))
    if mlflow is not None:
        from dnn_cli.integrations.mlflow import MlflowDestination, hide_password

        destination = MlflowDestination(mlflow, experiment_name)
        exported = _export_each_run(runs, lambda run_info: destination.export_run(run_info, models=models), failures)
        destination_document = {
            "uri": hide_password(mlflow),
            "experiment": experiment_name,
            "experiment_id": destination.experiment_id,
        }
        document["mlflow"] = {**destination_document, "runs": exported}
        if not as_json:
            get_output_console().print(
                replace_control_chars(
                    f"{_format_exported_count(exported)} in the experiment {experiment_name} of {hide_password(mlflow)}"
                )
            )
            if mlflow.startswith("file:"):
                get_notes_console().print(
                    "MLflow 3 opens a file: store only with MLFLOW_ALLOW_FILE_STORE=true; sqlite: does not need it"
                )
    if as_json:
        print_json({**document, "failed": [{"dir": path, "reason": reason} for path, reason in failures.items()]})
    if failures:
        raise typer.Exit(1)


def _select_runs_to_export(runs_dir: Path, addresses: Sequence[str], query: str | None) -> "list[RunInfo]":
    """Return the runs to export, with their config and metrics, in the order of the addresses.

    Without addresses, return all runs that fulfil the query, the earliest first.

    Raises:
        UsageError: an address matches no run, or no run is selected.
    """
    from dnn_cli.runs.query.selection import CachedStore, select_runs

    runs = select_runs(CachedStore(runs_dir), addresses, query)
    if not runs:
        raise build_no_runs_error(runs_dir, query, "dnn runs lists all runs")
    return runs if addresses else runs[::-1]


def _export_each_run(
    runs: "Sequence[RunInfo]", export: "Callable[[RunInfo], str]", failures: dict[str, str]
) -> list[dict[str, str]]:
    """Export runs and show a progress bar. For each exported run, return a dictionary with its `id` and `outcome`.

    Args:
        runs: The runs.
        export: A function that exports a run and returns the outcome, such as "written".
        failures: A dictionary to which the reason of each failure is added, by run directory.

    Raises:
        RunError: every export failed.
    """
    from rich.progress import track

    console, exported, last_error = get_notes_console(), [], None
    for run_info in track(
        runs, "exporting", console=console, transient=True, disable=not console.is_terminal, show_speed=False
    ):
        try:
            exported.append({"id": run_info.record.id if run_info.record else "", "outcome": export(run_info)})
        except RunError as error:
            last_error = error
            failures[str(run_info.run.directory)] = error.message
            console.print(replace_control_chars(f"dnn: {run_info.run.directory.name}: {error.message}"))
    if last_error is not None and not exported:
        raise RunError("no run was exported", last_error.suggestion)
    return exported


def _write_tensorboard_log(directory: Path, run_info: "RunInfo") -> str:
    """Write the TensorBoard log of a run into a subdirectory of `directory`, and return the outcome `written`.

    If `directory` is the runs directory itself, write the log into the directory of the run.

    Raises:
        RunError: the run is broken, or the directory cannot be written, or the log would change the directory of a run
            that is being trained.
    """
    from dnn_cli.integrations.tensorboard import write_event_log

    run = run_info.run
    is_own = directory.absolute() == run.directory.absolute().parent
    if is_own and run_info.record is not None and run_info.record.status == "running":
        raise RunError("the run is being trained", "dnn train --tensorboard writes a log during the training")
    write_event_log(run.tensorboard if is_own else directory / run.directory.absolute().name, run_info)
    return "written"


def _format_exported_count(exported: Sequence[dict[str, str]]) -> str:
    """Return the number of exported runs, and the number of runs for each outcome: `3 runs (2 new, 1 updated)`."""
    counts = Counter(result["outcome"] for result in exported)
    parts = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    return f"{format_count(len(exported), 'run')} ({parts})"
