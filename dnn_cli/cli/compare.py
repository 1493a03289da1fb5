"""`dnn compare`: completed runs beside each other, and what may be said of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, check_by
from dnn_cli.cli.console import has_edge, notes, print_json, results, show, write_result
from dnn_cli.errors import UsageError
from dnn_cli.report.words import WIDE, visible

if TYPE_CHECKING:
    from rich.console import Console

    from dnn_cli.compare.comparison import Comparison
    from dnn_cli.runs.entry import Entry
    from dnn_cli.runs.selection import Lookup

MOST_ROWS = 50
"""So many rows are shown on a terminal."""

MOST_LEFT_OUT = 10

HANGING = "    "


def compare(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID; else all."),
    ] = None,
    where: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--where", help="Only runs like that. See dnn runs --where."),
    ] = None,
    by: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--by", help="Average over all but this key. Two make a matrix."),
    ] = None,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--baseline", help="The group to compare with. Its name, or a run's id; else the best."),
    ] = None,
    at: Annotated[
        str,
        typer.Option("--at", help="When. final, best, area, epoch=N, steps=N, seconds=S, reach=SCORE."),
    ] = "final",
    metric: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--metric", help="A column of metrics.csv, or test_accuracy. By default what most runs watched."),
    ] = None,
    sort_by: Annotated[
        str, typer.Option("--sort-by", help="Order. score, best, last, name, parameters, epochs, seconds, started.")
    ] = "score",
    list_runs: Annotated[bool, typer.Option("--runs", help="List every run, where seeds make groups.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Show all rows, settings and verdicts.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a run a line, scores in full.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table.")] = False,
) -> None:
    """Compare completed runs: settings that differ, scores, and what they show."""
    from dnn_cli.compare.comparison import compare as work
    from dnn_cli.compare.verdicts import MAX_JUDGED
    from dnn_cli.report import comparison as tables
    from dnn_cli.report.comparison_json import comparison_document
    from dnn_cli.runs.index import without_collection
    from dnn_cli.runs.selection import Lookup

    if as_json + as_csv + as_markdown + as_latex > 1:
        raise UsageError("--json, --csv, --md and --latex exclude each other", "name one of them")
    check_by(by or (), most=2)
    with without_collection():
        lookup = Lookup(runs_dir)
        entries = chosen(lookup, addresses or [], where)
        # Runs that are named can be the best of several learning rates; a condition chooses none.
        known = lookup.detailed(lookup.entries()) if addresses and not where else []
        most = None if show_all else MAX_JUDGED
        compared = work(entries, metric, sort_by, at=at, by=by or (), baseline=baseline, known=known, most=most)
    if as_json:
        print_json(comparison_document(compared))
    elif as_csv:
        write_result(tables.comparison_csv(compared))
    elif as_markdown:
        write_result(tables.usual_cells(compared, all_runs=list_runs).markdown())
    elif as_latex:
        write_result(tables.usual_cells(compared, all_runs=list_runs).latex())
    elif compared.rows:
        print_comparison(compared, list_runs=list_runs, show_all=show_all)
    else:
        place = "among these runs" if addresses or where else f"in {visible(runs_dir)}"
        print_absence(compared, place)
    if not (as_json or as_csv or as_markdown or as_latex):
        print_left_out(compared, show_all=show_all)


def chosen(lookup: "Lookup", addresses: list[str], where: str | None) -> "list[Entry]":
    """The runs with these addresses, or all, of which a query is true.

    Raises:
        UsageError: an address leads to none, or the query has a fault.
    """
    from dnn_cli.runs.query import select

    entries = lookup.detailed(lookup.meant(addresses)) if addresses else lookup.detailed(lookup.entries())
    return select(entries, where) if where is not None else entries


def print_comparison(compared: "Comparison", *, list_runs: bool = False, show_all: bool = False) -> None:
    """The table, the verdicts, how they were found, what a referee would ask, and how to find more."""
    from dnn_cli.report import comparison as tables
    from dnn_cli.report import verdict as words
    from dnn_cli.report.words import count

    out = results()
    groups = count(len(compared.groups), "group" if compared.keys else "experiment")
    out.print(
        visible(f"{compared.metric} {compared.view.title}, {count(len(compared.rows), 'completed run')} of {groups}")
    )
    out.print()
    cells = tables.usual_cells(compared, all_runs=list_runs, side_by_side=True)
    most = None if show_all or not out.is_terminal else MOST_ROWS
    show(out, cells.first(most).fitting(WIDE if show_all else out.width))
    if most is not None and len(cells.rows) > most:
        notes().print(f"{count(len(cells.rows) - most, 'more row')}: --all")
    for block in words.blocks(compared, None if show_all else words.MAX_LINES):
        out.print()
        for line in block:
            print_hanging(out, visible(line))


def print_absence(compared: "Comparison", place: str) -> None:
    """Print why there is nothing to compare: no run is completed, or none has a score at the point of `--at`."""
    from dnn_cli.compare.views import curve_of, explain_absence

    view = compared.view
    late = [entry for entry in compared.left_out if entry.record and view.missing and entry.broken == view.missing]
    curves = [curve for entry in late if (curve := curve_of(entry, compared.metric))]
    if curves:
        reason, hint = explain_absence(view, curves)
        notes().print(visible(reason))
        notes().print(visible(f"  {hint}"))
    else:
        notes().print(f"there is no completed run {place} to compare; dnn train makes one")


def print_hanging(out: "Console", line: str) -> None:
    """A line of which what has no room stands further in below; a command stays one line to paste."""
    from rich.text import Text

    if not has_edge(out) or line.startswith("  "):
        out.print(line, soft_wrap=True)
        return
    first, *rest = Text(line).wrap(out, out.width - len(HANGING))
    out.print(first)
    for part in rest:
        out.print(HANGING, part, sep="")


def print_left_out(compared: "Comparison", *, show_all: bool) -> None:
    """The runs that are not compared, and why."""
    from dnn_cli.report.comparison import left_out_lines
    from dnn_cli.report.words import count

    lines = left_out_lines(compared)
    most = len(lines) if show_all else MOST_LEFT_OUT
    for line in lines[:most]:
        notes().print(f"left out: {visible(line)}")
    if len(lines) > most:
        notes().print(f"left out: {count(len(lines) - most, 'more run')}, --all tells which")
