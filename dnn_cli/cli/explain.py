"""`dnn explain`: why runs trained as they did, and what to try next."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, naming
from dnn_cli.cli.chosen_run import find_run
from dnn_cli.cli.console import can_print, print_json, results, write_result
from dnn_cli.cli.trained_run import best_of

if TYPE_CHECKING:
    from dnn_cli.explain.findings import Remedy
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.store import Store


def explain(
    addresses: Annotated[
        list[str], typer.Argument(metavar="RUN", help="A run by id, name, directory or @1; two stand side by side.")
    ],
    best: Annotated[bool, typer.Option("--best", help="Judge the model of the best epoch, best.keras.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Explain why a run trained as it did, and what to try next.

    Findings about curves and layers are about the whole training, also with --best.
    """
    from dnn_cli.explain.explanation import explain as work
    from dnn_cli.report.explanation import explanation_document, explanation_text
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)

    def command(run: "Run", remedy: "Remedy") -> str:
        words = remedy.words(type(run)(Path(os.path.relpath(run.directory))))
        there = naming(store.root) if remedy.verb == "train" else []
        return shlex.join([*words, *there])

    entries = [read_entry(run) for address in addresses for run in runs_of(store, address)]
    found = [work(entry, best_of(entry.detailed()) if best else None) for entry in entries]
    if as_json:
        print_json({"runs": [explanation_document(one, command) for one in found]})
        return
    write_result(explanation_text(found, command, results().width, unicode=can_print("█▏")))


def runs_of(store: "Store", address: str) -> "list[Run]":
    """Return the runs of a sweep, or the one run of another address."""
    return store.find_all(address) if address.startswith("sweep:") else [find_run(store, address)]
