"""Output of a comparison: its table, and paragraphs with verdicts, their method and caveats."""

from typing import TYPE_CHECKING

from dnn_cli.cli.console import get_notes_console, get_output_console, print_rich_table
from dnn_cli.report.text import UNLIMITED_WIDTH, replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dnn_cli.compare.comparison import Comparison
    from dnn_cli.compare.dataset_comparison import DatasetComparison

_MAX_ROWS = 50
"""Largest number of table rows that a terminal shows without `--all`."""

PARAGRAPH_INDENT = 4
"""Number of spaces before the second and later lines of a long sentence."""


def print_dataset_comparison(compared: "DatasetComparison", *, list_runs: bool = False, show_all: bool = False) -> None:
    """Print a comparison: the part of each dataset and, if there are several datasets, the ranking over them.

    Args:
        compared: The comparison.
        list_runs: Whether the tables have a row for each run instead of each group.
        show_all: Whether all rows, columns and verdicts are printed.
    """
    if not compared.has_several_parts:
        print_comparison(compared.parts[0].comparison, list_runs=list_runs, show_all=show_all)
        return
    from dnn_cli.report.ranking_view import (
        build_ranking_cells,
        build_ranking_paragraphs,
        format_common_method,
        format_ranking_title,
    )

    out = get_output_console()
    method = format_common_method(compared)
    for part in compared.parts:
        title = f"{part.label}: "
        has_paragraphs = print_comparison(
            part.comparison, title=title, list_runs=list_runs, show_all=show_all, with_method=not method
        )
        if has_paragraphs:
            out.print()
    if method:
        _print_paragraphs([[f"on each dataset, {method[0]}", *method[1:]]])
        out.print()
    if compared.ranking is not None:
        out.print(format_ranking_title(compared.ranking))
        out.print()
        width = UNLIMITED_WIDTH if show_all else out.width
        print_rich_table(out, build_ranking_cells(compared.ranking).build_fitting_table(width))
        out.print()
    _print_paragraphs(build_ranking_paragraphs(compared))


def print_comparison(
    comparison: "Comparison",
    *,
    title: str = "",
    list_runs: bool = False,
    show_all: bool = False,
    with_method: bool = True,
) -> bool:
    """Print a comparison: its table, and paragraphs with verdicts, their method and caveats.

    Return whether the comparison has paragraphs.

    Args:
        comparison: The comparison.
        title: The text before the first line, such as `digits: `.
        list_runs: Whether the table has a row for each run instead of each group.
        show_all: Whether all rows, columns and verdicts are printed.
        with_method: Whether the method of the verdicts is printed.
    """
    from dnn_cli.report.comparison_view import build_comparison_view
    from dnn_cli.report.text import format_count

    out = get_output_console()
    groups = format_count(len(comparison.groups), "group" if comparison.keys else "experiment")
    out.print(
        replace_control_chars(
            f"{title}{comparison.metric} {comparison.point.title}, "
            f"{format_count(len(comparison.run_scores), 'completed run')} of {groups}"
        )
    )
    out.print()
    row_limit = None if show_all or not out.is_terminal else _MAX_ROWS
    view = build_comparison_view(comparison, list_runs=list_runs, with_method=with_method)
    for cells in view.tables:
        width = UNLIMITED_WIDTH if show_all else out.width
        print_rich_table(out, cells.limit_rows(row_limit).build_fitting_table(width))
        if row_limit is not None and len(cells.rows) > row_limit:
            get_notes_console().print(f"{format_count(len(cells.rows) - row_limit, 'more row')}: --all")
        out.print()
    _print_paragraphs(view.paragraphs)
    return bool(view.paragraphs)


def _print_paragraphs(paragraphs: "Sequence[Sequence[str]]") -> None:
    """Print paragraphs with empty lines between them."""
    out = get_output_console()
    for number, block in enumerate(paragraphs):
        if number:
            out.print()
        for line in block:
            print_line(out, line, PARAGRAPH_INDENT)
