"""Output of a comparison: its table, and paragraphs with verdicts, their method and caveats."""

from typing import TYPE_CHECKING

from dnn_cli.cli.console import get_notes_console, get_output_console, print_rich_table
from dnn_cli.report.text import UNLIMITED_WIDTH, replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.compare.comparison import Comparison

_MAX_ROWS = 50
"""Largest number of table rows that a terminal shows without `--all`."""

PARAGRAPH_INDENT = 4
"""Number of spaces before the second and later lines of a long sentence."""


def print_comparison(comparison: "Comparison", *, list_runs: bool = False, show_all: bool = False) -> None:
    """Print a comparison: its table, and paragraphs with verdicts, their method and caveats.

    Args:
        comparison: The comparison.
        list_runs: Whether the table has a row for each run instead of each group.
        show_all: Whether all rows, columns and verdicts are printed.
    """
    from dnn_cli.report.comparison_view import build_comparison_view
    from dnn_cli.report.text import format_count

    out = get_output_console()
    groups = format_count(len(comparison.groups), "group" if comparison.keys else "experiment")
    out.print(
        replace_control_chars(
            f"{comparison.metric} {comparison.point.title}, "
            f"{format_count(len(comparison.run_scores), 'completed run')} of {groups}"
        )
    )
    out.print()
    row_limit = None if show_all or not out.is_terminal else _MAX_ROWS
    view = build_comparison_view(comparison, list_runs=list_runs)
    for cells in view.tables:
        width = UNLIMITED_WIDTH if show_all else out.width
        print_rich_table(out, cells.limit_rows(row_limit).build_fitting_table(width))
        if row_limit is not None and len(cells.rows) > row_limit:
            get_notes_console().print(f"{format_count(len(cells.rows) - row_limit, 'more row')}: --all")
        out.print()
    for block in view.paragraphs:
        for line in block:
            print_line(out, line, PARAGRAPH_INDENT)
        if block is not view.paragraphs[-1]:
            out.print()
