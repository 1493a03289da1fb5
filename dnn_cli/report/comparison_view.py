"""Screen of `dnn compare`: the table of a comparison, with the verdicts in its rows, and the paragraphs below it."""

from dataclasses import dataclass

from dnn_cli.compare.comparison import Comparison
from dnn_cli.report.comparison_tables import build_default_cells, build_groups_cells
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.verdict_text import build_verdict_paragraphs, format_reference_header, list_verdict_texts


@dataclass(frozen=True)
class ComparisonView:
    """Tables and paragraphs of a comparison, in the order in which they are printed."""

    tables: tuple[TableCells, ...]
    paragraphs: tuple[tuple[str, ...], ...]


def build_comparison_view(
    comparison: Comparison, *, list_runs: bool = False, with_method: bool = True
) -> ComparisonView:
    """Build the tables and paragraphs of a comparison.

    If a table has a row for each group, the verdicts are a column of this table. Otherwise, as in a matrix, the
    verdicts are lines below the table.

    Args:
        comparison: The comparison.
        list_runs: Whether the first table has a row for each run. If groups have several runs, a second table has a
            row for each group.
        with_method: Whether a paragraph has the method of the verdicts.
    """
    cells = build_default_cells(comparison, all_runs=list_runs, side_by_side=True)
    tables = [cells]
    if comparison.verdict_set.verdicts and list_runs and not cells.row_groups:
        tables.append(build_groups_cells(comparison))
    has_verdict_column = bool(comparison.verdict_set.verdicts and tables[-1].row_groups)
    if has_verdict_column:
        tables[-1] = _add_verdicts(comparison, tables[-1])
    paragraphs = build_verdict_paragraphs(comparison, with_verdicts=not has_verdict_column, with_method=with_method)
    return ComparisonView(tuple(tables), tuple(map(tuple, paragraphs)))


def _add_verdicts(comparison: Comparison, cells: TableCells) -> TableCells:
    """Return a table of groups with a column of verdicts."""
    return cells.add_sentences(format_reference_header(comparison), list_verdict_texts(comparison, cells.row_groups))
