"""Command `dnn report`: a comparison and a page for every run, as one HTML file."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.completers import complete_fields
from dnn_cli.cli.console import get_notes_console, get_output_console
from dnn_cli.cli.options import (
    BaselineOption,
    ComparedMetricOption,
    PointOption,
    RunsArgument,
    RunsDirOption,
    WhereOption,
    check_by_keys,
)
from dnn_cli.cli.run_selection import build_no_runs_error, print_study_selections
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars


def report(
    addresses: RunsArgument = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Path of the HTML file.")] = Path(
        "report.html"
    ),
    query: WhereOption = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="KEY",
            autocompletion=complete_fields,
            help="Group runs by this key, and average over other settings.",
        ),
    ] = None,
    baseline: BaselineOption = None,
    at: PointOption = "final",
    metric: ComparedMetricOption = None,
    open_in_browser: Annotated[bool, typer.Option("--open", help="Open the report in a web browser.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
) -> None:
    """Write a comparison and its runs as one HTML file."""
    from dnn_cli.compare.comparison import compare_runs
    from dnn_cli.report.text import format_count
    from dnn_cli.runs.atomic_write import write_text
    from dnn_cli.runs.query.selection import CachedStore, select_runs
    from dnn_cli.runs.run_index import pause_garbage_collection

    _check_report_path(output)
    with pause_garbage_collection():
        store = CachedStore(runs_dir)
        runs = select_runs(store, addresses or [], query, reported=True)
        if not runs:
            raise build_no_runs_error(runs_dir, query, "dnn train creates a run; dnn demo creates three")
        all_runs = store.with_details(store.list_runs()) if addresses or query else runs
        check_by_keys(by or ())
        comparison = compare_runs(runs, metric, at=at, by=by or (), baseline=baseline, all_runs=all_runs)

    from dnn_cli.cli.report_images import build_thumbnails
    from dnn_cli.report.html.page import build_report_page
    from dnn_cli.report.html.report_file import render_report

    with pause_garbage_collection():
        page = build_report_page(comparison, ["dnn", *sys.argv[1:]])
        thumbnails, missing_reasons = build_thumbnails(
            page.runs, [*(row.run_info for row in comparison.run_scores), *comparison.left_out]
        )
        text = render_report(page, thumbnails, missing_reasons)
    write_text(output, text)
    print_study_selections(addresses or [], query)
    size = len(text.encode()) / 1e6
    get_output_console().print(replace_control_chars(f"{output}  {format_count(len(runs), 'run')}, {size:.1f} MB"))
    if open_in_browser:
        import webbrowser

        if not webbrowser.open(output.absolute().as_uri()):
            get_notes_console().print("no web browser was found to open the report")


def _check_report_path(output: Path) -> None:
    """Check that a report can be written to a path. Of existing files, only an older report may be replaced.

    Raises:
        UsageError: a file that is not a report exists at the path, or the directory does not exist.
    """
    from dnn_cli.report.html.report_file import is_report_file

    if not output.parent.is_dir():
        raise UsageError(f"{output.parent} does not exist", "create the directory, or choose another path with -o")
    if os.path.lexists(output) and not is_report_file(output):
        raise UsageError(f"{output} is not a report of dnn and is not replaced", "choose another path with -o")
