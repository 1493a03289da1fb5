"""Comparisons of several datasets as CSV, Markdown and LaTeX; with one dataset, the formats of one comparison."""

from collections.abc import Callable

from dnn_cli.compare.dataset_comparison import DatasetComparison
from dnn_cli.report.comparison_tables import build_default_cells, format_comparison_csv, list_comparison_csv_rows
from dnn_cli.report.ranking_view import build_ranking_cells, format_ranking_title
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.table_formats import escape_markdown, format_csv
from dnn_cli.report.text import replace_control_chars


def format_datasets_csv(compared: DatasetComparison) -> str:
    """Return CSV with a line for each run. With several datasets, the first columns are the dataset and its metric."""
    if not compared.has_several_parts:
        return format_comparison_csv(compared.parts[0].comparison)
    rows = [
        {"dataset": part.label, "metric": part.comparison.metric, **row}
        for part in compared.parts
        for row in list_comparison_csv_rows(part.comparison)
    ]
    headers = list(dict.fromkeys(name for row in rows for name in row))
    return format_csv(headers, [["" if row.get(name) is None else str(row[name]) for name in headers] for row in rows])


def format_datasets_markdown(compared: DatasetComparison, *, all_runs: bool = False) -> str:
    """Return a Markdown table for each dataset and for the ranking, each with a heading if there are several datasets.

    Args:
        compared: The comparison.
        all_runs: Whether the tables of datasets have a row for each run.
    """
    return _format_tables(compared, TableCells.to_markdown, lambda title: f"### {escape_markdown(title)}\n\n", all_runs)


def format_datasets_latex(compared: DatasetComparison, *, all_runs: bool = False) -> str:
    """Return a LaTeX table for each dataset and for the ranking. With several datasets, comments name them.

    Args:
        compared: The comparison.
        all_runs: Whether the tables of datasets have a row for each run.
    """
    return _format_tables(compared, TableCells.to_latex, lambda title: f"% {replace_control_chars(title)}\n", all_runs)


def _format_tables(
    compared: DatasetComparison,
    format_table: Callable[[TableCells], str],
    format_heading: Callable[[str], str],
    all_runs: bool,
) -> str:
    """Return the tables of all parts and of the ranking as text, with a heading for each of several tables."""
    tables = [
        (f"{part.label}: {part.comparison.metric}", build_default_cells(part.comparison, all_runs=all_runs))
        for part in compared.parts
    ]
    if not compared.has_several_parts:
        return format_table(tables[0][1])
    if compared.ranking is not None:
        tables.append((format_ranking_title(compared.ranking), build_ranking_cells(compared.ranking)))
    return "\n".join(format_heading(title) + format_table(cells) for title, cells in tables)
