"""Command `dnn explain`: findings about runs, and suggestions."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_runs
from dnn_cli.cli.console import can_print_text, get_output_console, print_json, write_result
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import BestOption, print_study_selections, resolve_best_model, resolve_network_run
from dnn_cli.config.identifiers import GROUP_PREFIXES
from dnn_cli.runs.runs_directory import build_runs_dir_option

if TYPE_CHECKING:
    from dnn_cli.explain.findings import Suggestion
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store


def explain(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID.",
        ),
    ],
    best: BestOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Explain how a run trained, and suggest changes.

    The layers of two runs are printed side by side. With --best, findings about curves and layers still describe the
    whole training.
    """
    from dnn_cli.explain.explanation import explain_run as work
    from dnn_cli.report.explanation_view import build_explanation_document, format_explanations
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)

    def format_train_command(run: "Run", suggestion: "Suggestion") -> str:
        words = suggestion.build_command(type(run)(Path(os.path.relpath(run.directory))))
        runs_dir_option = build_runs_dir_option(store.root) if suggestion.verb == "train" else []
        return shlex.join([*words, *runs_dir_option])

    print_study_selections(addresses, None)
    runs = [read_run_info(run) for address in addresses for run in _resolve_runs(store, address)]
    explanations = [work(run_info, resolve_best_model(run_info.with_details()) if best else None) for run_info in runs]
    if as_json:
        print_json(
            {"runs": [build_explanation_document(explanation, format_train_command) for explanation in explanations]}
        )
        return
    write_result(
        format_explanations(
            explanations, format_train_command, get_output_console().width, unicode=can_print_text("█▏")
        )
    )


def _resolve_runs(store: "Store", address: str) -> "list[Run]":
    """Return the runs of a sweep, the final runs with tuned settings of a study, or the run with another address."""
    if address.startswith(GROUP_PREFIXES):
        return store.find_all(address, reported=True)
    return [resolve_network_run(store, address)]
