"""Cells of a table that an encoding replaces: missing cells, and categories without an input of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.date_cells import format_date
from dnn_cli.formats.table_encoding import ColumnEncoding, TableEncoding

_MAX_LISTED_CATEGORIES = 5
_MAX_CATEGORY_LENGTH = 30
"""Largest number of characters of a listed category."""


@dataclass(frozen=True)
class ReplacedCells:
    """Missing cells and cells of unknown categories in one column of a table."""

    encoding: ColumnEncoding
    missing: int
    """Number of missing cells."""

    unknown: int
    """Number of cells with a category that has no input of its own."""

    unknown_categories: tuple[str, ...]
    """Categories of these cells, in the order of their first cells."""

    @property
    def lines(self) -> list[str]:
        """Sentences about the column, such as `column Age: 2 missing cells, replaced by the median 28`."""
        lines, name = [], self.encoding.column.name
        if self.missing:
            cells = "1 missing cell" if self.missing == 1 else f"{self.missing:,} missing cells"
            lines.append(f"column {name}: {cells}, {self._describe_replacement()}")
        if self.unknown:
            count = len(self.unknown_categories)
            kind = "rare or unknown" if self.encoding.has_other_category else "unknown"
            listed = ", ".join(map(_shorten, self.unknown_categories[:_MAX_LISTED_CATEGORIES]))
            more = ", …" if count > _MAX_LISTED_CATEGORIES else ""
            rows = "1 row" if self.unknown == 1 else f"{self.unknown:,} rows"
            categories = f"{count:,} {kind} categor{'y' if count == 1 else 'ies'} ({listed}{more}) in {rows}"
            lines.append(f"column {name}: {categories}, {self._describe_unknown_category()}")
        return lines

    def _describe_replacement(self) -> str:
        """Describe what replaces missing cells."""
        encoding, column = self.encoding, self.encoding.column
        if column.type == "category":
            return "a category of their own" if encoding.has_missing_category else self._describe_unknown_category()
        if not encoding.has_values:
            return "like all cells of the column in the training"
        if column.type == "date":
            value = format_date(encoding.replacement, with_time=column.has_time)
        else:
            value = f"{encoding.replacement:.6g}"
        method = "median" if column.missing == "error" else column.missing
        return f"replaced by the {method} of the training, {value}"

    def _describe_unknown_category(self) -> str:
        """Describe the inputs of categories without an input of their own."""
        return "read as other" if self.encoding.has_other_category else "whose inputs are all 0"

    def to_document(self) -> dict[str, Any]:
        """Return the counts as plain values for JSON."""
        return {
            "column": self.encoding.column.name,
            "missing": self.missing,
            "unknown": self.unknown,
            "unknown_categories": list(self.unknown_categories),
        }


def _shorten(category: str) -> str:
    """Shorten a category for a message."""
    return category if len(category) <= _MAX_CATEGORY_LENGTH else f"{category[: _MAX_CATEGORY_LENGTH - 1]}…"


def find_replaced_cells(
    encoding: TableEncoding, values: NDArray[np.float64], categories: Sequence[Sequence[str]]
) -> tuple[ReplacedCells, ...]:
    """Find the columns with missing cells or unknown categories.

    A category is unknown if it has no input of its own. It can have been rare in the training.

    Args:
        encoding: The encoding of a training.
        values: The values of a table, float64 of shape (n, columns), with NaN for missing cells.
        categories: The texts of the category codes of each column.
    """
    replaced = []
    for at, column_encoding in enumerate(encoding.columns):
        is_missing = np.isnan(values[:, at])
        missing = int(is_missing.sum())
        unknown: list[tuple[str, int]] = []
        if column_encoding.column.type == "category":
            counts = np.bincount(values[~is_missing, at].astype(np.int64), minlength=len(categories[at]))
            unknown = [
                (name, int(count))
                for name, count in zip(categories[at], counts, strict=True)
                if count and name not in column_encoding.categories
            ]
        if missing or unknown:
            names = tuple(name for name, _ in unknown)
            replaced.append(ReplacedCells(column_encoding, missing, sum(count for _, count in unknown), names))
    return tuple(replaced)
