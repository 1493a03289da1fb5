"""`dnn runs diff`: two runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.chosen_run import find_run
from dnn_cli.cli.console import notes, print_json, results, show


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A run by id, name, directory, @1 or best:METRIC.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The run to compare it with.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Show two runs side by side: settings that differ, and results.

    A key is shown as value in A → value in B. Names make no difference. To judge which runs are better: dnn compare.
    """
    from dnn_cli.compare.caveats import DIFFERENT_DATA
    from dnn_cli.report.run_diff import diff_document, diff_runs, results_table, settings_table
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    found = diff_runs(*(read_entry(find_run(store, address)).detailed() for address in (first, second)))
    if as_json:
        print_json(diff_document(found))
        return
    out = results()
    if found.settings:
        show(out, settings_table(found))
    else:
        out.print("the configs are equal, names apart")
    out.print()
    show(out, results_table(found))
    if found.different_data:
        notes().print(DIFFERENT_DATA)
