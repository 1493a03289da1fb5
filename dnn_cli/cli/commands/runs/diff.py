"""Command `dnn runs diff`: settings in which two runs differ, and their results."""

from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.completers import complete_runs
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import resolve_run


def show_run_diff(
    first: Annotated[
        str,
        typer.Argument(
            metavar="A", autocompletion=complete_runs, help="A run by id, name, directory, @1 or best:METRIC."
        ),
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", autocompletion=complete_runs, help="The run to compare with A.")
    ],
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Show two runs side by side: settings that differ, and results.

    For each setting, the value in A precedes that in B. Names of runs are not compared. To judge which run is better,
    use dnn compare.
    """
    from dnn_cli.compare.caveats import DIFFERENT_DATA
    from dnn_cli.report.run_differences import build_diff_document, build_results_table, build_settings_table, diff_runs
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    run_diff = diff_runs(*(read_run_info(resolve_run(store, address)).with_details() for address in (first, second)))
    if as_json:
        print_json(build_diff_document(run_diff))
        return
    out = get_output_console()
    if run_diff.settings:
        print_rich_table(out, build_settings_table(run_diff))
    else:
        out.print("the configs are equal except for names")
    out.print()
    print_rich_table(out, build_results_table(run_diff))
    if run_diff.has_different_data:
        get_notes_console().print(DIFFERENT_DATA)
