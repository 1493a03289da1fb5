"""Fit of the encoding of a table to its training examples.

The results equal those of scikit-learn's `SimpleImputer` and `OneHotEncoder(handle_unknown="infrequent_if_exist")`.
They are computed with NumPy, because a run keeps them as plain data, and `dnn predict` applies them without
scikit-learn.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.table_columns import TableColumn
from dnn_cli.formats.table_encoding import ColumnEncoding, TableEncoding


def fit_encoding(
    columns: Sequence[TableColumn], values: NDArray[np.float64], categories: Sequence[Sequence[str]]
) -> TableEncoding:
    """Fit the encoding of a table to its training examples.

    Args:
        columns: The typed columns of the table.
        values: The values of the training examples alone, float64 of shape (n, columns), with NaN for missing cells.
        categories: The texts of the category codes of each column.
    """
    return TableEncoding(tuple(_fit_column(column, values[:, at], categories[at]) for at, column in enumerate(columns)))


def _fit_column(column: TableColumn, values: NDArray[np.float64], categories: Sequence[str]) -> ColumnEncoding:
    """Fit the encoding of one column to the values of the training examples."""
    present = values[~np.isnan(values)]
    if column.type == "category":
        return _fit_categories(column, present.astype(np.int64), len(values) - len(present), categories)
    if not len(present):
        return ColumnEncoding(column, has_values=False)
    replacement = float(present.mean() if column.missing == "mean" else np.median(present))
    return ColumnEncoding(column, replacement, float(present.min()) if column.type == "date" else 0.0)


def _fit_categories(
    column: TableColumn, codes: NDArray[np.int64], missing_count: int, categories: Sequence[str]
) -> ColumnEncoding:
    """Select the categories with an input of their own: the most frequent ones, in the order of their texts.

    Args:
        column: The column.
        codes: The category codes of the training examples.
        missing_count: The number of training examples with a missing cell.
        categories: The texts of the category codes.
    """
    counts = np.bincount(codes, minlength=len(categories))
    # `None` is the category of missing cells.
    candidates: list[tuple[int, str | None]] = [
        (int(count), name) for count, name in zip(counts, categories, strict=True) if count
    ]
    if missing_count:
        candidates.append((missing_count, None))
    # Among equally frequent categories, scikit-learn keeps the last ones.
    ordered = sorted(candidates, key=lambda item: (item[0], item[1] is None, item[1] or ""), reverse=True)
    frequent = [name for count, name in ordered if count >= column.min_frequency][: column.category_inputs - 1]
    return ColumnEncoding(
        column,
        categories=tuple(sorted(name for name in frequent if name is not None)),
        has_missing_category=None in frequent,
        has_other_category=len(frequent) < len(candidates),
    )
