"""Command `dnn report`: a comparison and a page for every run, as one HTML file."""

import os
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console
from dnn_cli.cli.options import RunsDirOption, check_by_keys
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars


def report(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older versions of Typer need Optional
        typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID; else all."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")] = Path(
        "report.html"
    ),
    query: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--where", help="Only runs like that. See dnn runs --where."),
    ] = None,
    by: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--by", help="Average over all but this key. See dnn compare --by."),
    ] = None,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--baseline", help="The group to compare with. Its name, or a run's id; else the best."),
    ] = None,
    at: Annotated[str, typer.Option("--at", help="When. See dnn compare --at.")] = "final",
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--metric", help="A column of metrics.csv, or test_accuracy. By default what most runs watched."),
    ] = None,
    open_in_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
) -> None:
    """Write a comparison and its runs as one HTML file."""
    from dnn_cli.cli.commands.compare import select_runs
    from dnn_cli.compare.comparison import compare_runs
    from dnn_cli.report.text import format_count
    from dnn_cli.runs.atomic_write import write_text
    from dnn_cli.runs.query.selection import CachedStore
    from dnn_cli.runs.run_index import pause_garbage_collection

    _check_report_path(output)
    with pause_garbage_collection():
        store = CachedStore(runs_dir)
        runs = select_runs(store, addresses or [], query)
        if not runs:
            suffix = "" if query is None else " like that"
            raise UsageError(
                f"there is no run{suffix} in {runs_dir} to report on", "dnn train makes one; dnn demo three"
            )
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
    size = len(text.encode()) / 1e6
    get_output_console().print(replace_control_chars(f"{output}  {format_count(len(runs), 'run')}, {size:.1f} MB"))
    if open_in_browser:
        import webbrowser

        if not webbrowser.open(output.absolute().as_uri()):
            get_notes_console().print("no browser was found to open it")


def _check_report_path(output: Path) -> None:
    """Check that a report can be written to a path and would replace no file but an older report.

    Raises:
        UsageError: a file that is not a report exists at the path, or the directory does not exist.
    """
    from dnn_cli.report.html.report_file import is_report_file

    if not output.parent.is_dir():
        raise UsageError(f"there is no directory {output.parent}", "make it, or name another file with -o")
    if os.path.lexists(output) and not is_report_file(output):
        raise UsageError(f"{output} is there and no report of dnn", "name another file with -o, or move it away")
