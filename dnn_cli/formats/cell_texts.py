"""Texts of the values of typed columns, as a table can have them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.date_cells import format_date
from dnn_cli.formats.table_columns import TableColumn


def format_cell(column: TableColumn, value: float, categories: Sequence[str]) -> str:
    """Format a value of a typed column; the text is empty for a missing cell.

    Args:
        column: The column.
        value: A number, a category code, or days since 1970-01-01; NaN for a missing cell.
        categories: The texts of the category codes.
    """
    if np.isnan(value):
        return ""
    if column.type == "category":
        return categories[int(value)]
    if column.type == "boolean":
        return "yes" if value else "no"
    return format_date(value, with_time=column.has_time) if column.type == "date" else f"{value:.6g}"


def format_cells(
    columns: Sequence[TableColumn], values: NDArray[np.float64], categories: Sequence[Sequence[str]]
) -> list[str]:
    """Format the values of one row.

    Args:
        columns: The typed columns.
        values: The values of the row, float64 of shape (columns,).
        categories: The texts of the category codes of each column.
    """
    return [
        format_cell(column, value, names)
        for column, value, names in zip(columns, values.tolist(), categories, strict=True)
    ]
