"""Command `dnn compare`: a table of completed runs, and verdicts on their groups."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.comparison_output import print_dataset_comparison
from dnn_cli.cli.completers import complete_fields
from dnn_cli.cli.console import get_notes_console, print_json, write_result
from dnn_cli.cli.options import (
    BaselineOption,
    ComparedMetricOption,
    JsonOption,
    PointOption,
    RunsArgument,
    RunsDirOption,
    WhereOption,
    check_by_keys,
)
from dnn_cli.cli.run_selection import print_omitted_tuning_runs, print_study_selections
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnn_cli.compare.comparison import Comparison
    from dnn_cli.runs.run_info import RunInfo

_MAX_LEFT_OUT = 10
"""Largest number of runs left out of the comparison that are listed without `--all`."""


def compare(
    addresses: RunsArgument = None,
    query: WhereOption = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="KEY",
            autocompletion=complete_fields,
            help="Group runs by this key, and average over other settings. Repeat for a matrix.",
        ),
    ] = None,
    baseline: BaselineOption = None,
    at: PointOption = "final",
    metric: ComparedMetricOption = None,
    sort_by: Annotated[
        str,
        typer.Option(
            "--sort-by",
            metavar="ORDER",
            autocompletion=complete_fields,
            help="Sort by score, best, last, name, parameters, epochs, seconds or started.",
        ),
    ] = "score",
    list_runs: Annotated[bool, typer.Option("--runs", help="List every run, not only groups of seeds.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Show all rows, settings and verdicts.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with one line for each run.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table.")] = False,
) -> None:
    """Compare completed runs: settings, scores and verdicts."""
    from dnn_cli.compare.dataset_comparison import compare_by_dataset
    from dnn_cli.compare.verdicts import MAX_JUDGED_GROUPS
    from dnn_cli.report import dataset_tables as tables
    from dnn_cli.report.dataset_json import build_dataset_document
    from dnn_cli.runs.query.selection import CachedStore, select_compared_runs
    from dnn_cli.runs.run_index import keep_until_exit, pause_garbage_collection

    if as_json + as_csv + as_markdown + as_latex > 1:
        raise UsageError("--json, --csv, --md and --latex cannot be combined", "use one of them")
    check_by_keys(by or (), max_keys=2)
    with pause_garbage_collection():
        store = CachedStore(runs_dir)
        runs, all_runs = select_compared_runs(store, addresses or [], query)
        verdict_limit = None if show_all else MAX_JUDGED_GROUPS
        compared = compare_by_dataset(
            runs, metric, sort_by=sort_by, at=at, by=by or (), baseline=baseline, all_runs=all_runs,
            max_groups=verdict_limit,
        )  # fmt: skip
    keep_until_exit((store, runs, all_runs, compared))
    if as_json:
        print_json(build_dataset_document(compared))
    elif as_csv:
        write_result(tables.format_datasets_csv(compared))
    elif as_markdown:
        write_result(tables.format_datasets_markdown(compared, all_runs=list_runs))
    elif as_latex:
        write_result(tables.format_datasets_latex(compared, all_runs=list_runs))
    elif any(part.comparison.run_scores for part in compared.parts):
        print_study_selections(addresses or [], query)
        if not addresses and not query:
            print_omitted_tuning_runs(store, runs)
        print_dataset_comparison(compared, list_runs=list_runs, show_all=show_all)
    else:
        scope = "among these runs" if addresses or query else f"in {replace_control_chars(runs_dir)}"
        _print_empty_comparison(compared.parts[0].comparison, scope)
    if not (as_json or as_csv or as_markdown or as_latex):
        _print_left_out_runs(compared.all_left_out, show_all=show_all)


def _print_empty_comparison(comparison: "Comparison", scope: str) -> None:
    """Print the reason why a comparison has no scores.

    Either no run is completed, or no run has a score at the comparison point.

    Args:
        comparison: The comparison without scores.
        scope: The compared runs as the message names them, such as `among these runs`.
    """
    from dnn_cli.compare.comparison_points import explain_missing_scores, find_score_curve

    view = comparison.point
    too_short = [
        run_info
        for run_info in comparison.left_out
        if run_info.record and view.missing_reason and run_info.error == view.missing_reason
    ]
    curves = [curve for run_info in too_short if (curve := find_score_curve(run_info, comparison.metric))]
    if curves:
        reason, hint = explain_missing_scores(view, curves)
        get_notes_console().print(replace_control_chars(reason))
        print_line(get_notes_console(), f"  {hint}")
    else:
        get_notes_console().print(f"no completed runs {scope} to compare; dnn train creates one")


def _print_left_out_runs(left_out: "Sequence[RunInfo]", *, show_all: bool) -> None:
    """Print the runs that are left out of a comparison, each with the reason, such as a failed training."""
    from dnn_cli.report.comparison_tables import format_left_out_lines
    from dnn_cli.report.text import format_count

    lines = format_left_out_lines(left_out)
    line_limit = len(lines) if show_all else _MAX_LEFT_OUT
    for line in lines[:line_limit]:
        print_line(get_notes_console(), f"left out: {line}")
    if len(lines) > line_limit:
        get_notes_console().print(f"left out: {format_count(len(lines) - line_limit, 'more run')}, --all lists them")
