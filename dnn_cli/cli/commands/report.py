"""Command `dnn report`: a comparison and a page for every run, or a study, as one HTML file."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from dnn_cli.cli.run_selection import build_no_runs_error, print_omitted_tuning_runs, print_study_selections
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnn_cli.report.html.page import ReportPage
    from dnn_cli.report.html.study_page import StudyPage
    from dnn_cli.runs.query.selection import CachedStore
    from dnn_cli.runs.run_info import RunInfo
    from dnn_cli.study.plan import Plan


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
    """Write a comparison or a study as one HTML file."""
    from dnn_cli.runs.query.selection import CachedStore

    _check_report_path(output)
    store = CachedStore(runs_dir)
    has_options = query is not None or by or baseline or metric or at != "final"
    plan = None if has_options else _find_study_plan(store, addresses or [])
    if plan is not None:
        _write_study_report(plan, store, output)
    else:
        _write_run_report(store, addresses or [], query, by or [], baseline, at, metric, output)
    if open_in_browser:
        import webbrowser

        if not webbrowser.open(output.absolute().as_uri()):
            get_notes_console().print("no web browser was found to open the report")


def _write_run_report(
    store: "CachedStore",
    addresses: "Sequence[str]",
    query: str | None,
    by: "Sequence[str]",
    baseline: str | None,
    at: str,
    metric: str | None,
    output: Path,
) -> None:
    """Write the report of a comparison of runs, whose arguments are the options of the command."""
    from dnn_cli.compare.dataset_comparison import compare_by_dataset
    from dnn_cli.report.html.page import build_report_page
    from dnn_cli.runs.query.selection import select_runs
    from dnn_cli.runs.run_index import pause_garbage_collection

    with pause_garbage_collection():
        runs = select_runs(store, addresses, query, reported=True)
        if not runs:
            raise build_no_runs_error(store.root, query, "dnn train creates a run; dnn demo creates three")
        all_runs = store.with_details(store.list_runs())
        check_by_keys(by)
        compared = compare_by_dataset(runs, metric, at=at, by=by, baseline=baseline, all_runs=all_runs)
        page = build_report_page(compared, ["dnn", *sys.argv[1:]])
    _write_page(page, runs, len(runs), output)
    print_study_selections(addresses, query)
    if not addresses and not query:
        print_omitted_tuning_runs(store, runs)


def _find_study_plan(store: "CachedStore", addresses: "Sequence[str]") -> "Plan | None":
    """Return the plan of the study that the only address names.

    The result is `None` for other addresses, and for a study without the file of its plan.

    Raises:
        UsageError: no study or several studies have the address, or the file is not a plan.
    """
    from dnn_cli.runs.study_roles import STUDY_PREFIX, find_study_directory, resolve_study_id
    from dnn_cli.study.plan import read_plan

    if len(addresses) != 1 or not addresses[0].startswith(STUDY_PREFIX):
        return None
    directory = find_study_directory(store.root, resolve_study_id(addresses[0], store.list_runs()))
    return None if directory is None else read_plan(directory)


def _write_study_report(plan: "Plan", store: "CachedStore", output: Path) -> None:
    """Write the report of a study with all of its runs."""
    from dnn_cli.report.html.study_page import build_study_page
    from dnn_cli.runs.run_index import pause_garbage_collection
    from dnn_cli.study.study_result import build_study_result

    with pause_garbage_collection():
        result = build_study_result(plan, store.with_details(store.list_runs()))
        page = build_study_page(result, store.root, ["dnn", *sys.argv[1:]])
    runs = [run.run_info for task in result.tasks for run in task.runs.all_runs]
    _write_page(page, runs, len(runs), output)


def _write_page(page: "ReportPage | StudyPage", runs: "Sequence[RunInfo]", run_count: int, output: Path) -> None:
    """Write the page of a report with thumbnails of examples, and print its path, its number of runs and its size.

    Args:
        page: The content of the report.
        runs: The runs whose data has the examples.
        run_count: The number of runs that the report is about.
        output: The path of the file.
    """
    from dnn_cli.execution.report_thumbnails import build_thumbnails
    from dnn_cli.report.html.report_file import render_report
    from dnn_cli.report.text import format_count
    from dnn_cli.runs.atomic_write import write_text
    from dnn_cli.runs.run_index import pause_garbage_collection

    with pause_garbage_collection():
        thumbnails, missing_reasons = build_thumbnails(page.runs, runs)
        text = render_report(page, thumbnails, missing_reasons)
    write_text(output, text)
    size = len(text.encode()) / 1e6
    get_output_console().print(replace_control_chars(f"{output}  {format_count(run_count, 'run')}, {size:.1f} MB"))


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
