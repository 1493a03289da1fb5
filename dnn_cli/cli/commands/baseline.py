"""Command `dnn baseline`: simple models of scikit-learn on the data of configs, each in its own run."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dnn_cli.cli.completers import build_fixed_completer
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table
from dnn_cli.cli.executor_options import FoldsOption, RepeatsOption
from dnn_cli.cli.options import (
    ConfigArguments,
    JsonOption,
    RunsDirOption,
    load_configs,
    split_configs_and_overrides,
)
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run

_METHOD_NAMES = ("constant", "linear", "boosting")


def baseline(
    arguments: ConfigArguments,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="METHOD",
            autocompletion=build_fixed_completer(*_METHOD_NAMES),
            help="Train this method: constant, linear or boosting. Repeat for more. Default: all.",
        ),
    ] = None,
    folds: FoldsOption = None,
    repeats: RepeatsOption = None,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Train simple models of scikit-learn, to compare with networks.

    The models are a constant prediction, a linear model and gradient boosting. They use the training and validation
    examples of the config. Each has its own run, and dnn compare shows whether a network is better.
    """
    configs, overrides = split_configs_and_overrides(arguments, "dnn baseline configs/breast_cancer.yaml")

    from dnn_cli.baseline.methods import resolve_methods
    from dnn_cli.execution.signals import handle_stop_signals
    from dnn_cli.terminal.progress import open_screen

    methods = resolve_methods(only)
    finished: list[tuple[Run, Record]] = []
    try:
        with open_screen() as screen, handle_stop_signals(screen.restore_terminal):
            with screen.show_waiting(f"reading {' '.join(configs)}"):
                if folds is not None:
                    overrides.append(f"data.folds={folds}")
                loaded = load_configs(configs, overrides)

                from dnn_cli.execution.baseline_training import train_baselines
                from dnn_cli.execution.preparation import ProcessCache
                from dnn_cli.execution.train_requests import list_fold_trainings
                from dnn_cli.runs.store import Store

                store, cache = Store(runs_dir), ProcessCache()
                trainings = list_fold_trainings(loaded, repeats, is_requested=folds is not None)
            for item, _ in trainings:
                for pair in train_baselines(item, methods, store, screen, cache):
                    finished.append(pair)
    finally:
        # Finished runs are printed even if a later method raised an error.
        if finished and as_json:
            print_json({"runs": [_build_document(run, record) for run, record in finished]})
        elif finished:
            _print_results(finished, configs, overrides, runs_dir)


def _build_document(run: "Run", record: "Record") -> dict[str, Any]:
    """Build the JSON document of the run of a baseline."""
    from dnn_cli.report.runs_table import build_run_document

    details = record.baseline.model_dump() if record.baseline else None
    return {**build_run_document(run, record), "scores": record.results.last, "baseline": details}


def _print_results(
    finished: "list[tuple[Run, Record]]", configs: list[str], overrides: list[str], runs_dir: Path
) -> None:
    """Print a row with the scores of each baseline, their notes, and the next commands."""
    from dnn_cli.report.baseline_table import build_baseline_cells
    from dnn_cli.runs.runs_directory import build_runs_dir_option

    out, runs_dir_option = get_output_console(), build_runs_dir_option(runs_dir)
    records = [record for _, record in finished]
    print_rich_table(out, build_baseline_cells(records).build_fitting_table(out.width))
    notes = [f"! {record.name}: {note}" for record in records if record.baseline for note in record.baseline.notes]
    for line in dict.fromkeys(notes):
        out.print(replace_control_chars(line), soft_wrap=True)
    train_command = shlex.join(["dnn", "train", *configs, *overrides, *runs_dir_option])
    compare_command = shlex.join(["dnn", "compare", *runs_dir_option])
    for label, command in (("next", train_command), ("", compare_command)):
        out.print(replace_control_chars(f"  {label:4}  {command}"), soft_wrap=True)
