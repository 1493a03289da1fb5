"""`dnn runs`: the runs there are."""

from pathlib import Path

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.report.words import visible


def runs(runs_dir: RunsDir = Path("runs"), as_json: AsJson = False) -> None:
    """List the runs, the latest first."""
    from dnn_cli.report.runs import entry_document, runs_table
    from dnn_cli.runs.store import Store

    entries = Store(runs_dir).entries()
    if as_json:
        print_json({"runs": [entry_document(entry) for entry in entries]})
    elif entries:
        show(results(), runs_table(entries))
    else:
        notes().print(f"there are no runs in {visible(runs_dir)}; dnn train makes one")
