"""Encoding of the typed columns of a table into inputs, as plain data that a run keeps.

The values that an encoding needs come from the training examples: categories, replacements of missing cells, and the
first date. `fit_encoding` in `dnn_cli.data.encoding_fit` computes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.table_columns import TableColumn

_MISSING_CATEGORY = "missing"
"""Name of the category of missing cells, unless a category of the table has this name."""


@dataclass(frozen=True)
class ColumnEncoding:
    """Encoding of one column into one or several inputs."""

    column: TableColumn
    replacement: float = 0.0
    """Number or days since 1970-01-01 that replaces a missing cell. Unused for categories."""

    first_day: float = 0.0
    """Earliest date of the training examples, in days since 1970-01-01. Unused for other types."""

    has_values: bool = True
    """Whether the training examples have values in the column. Without values, all cells count as missing, because
    their scale is unknown. Unused for categories."""

    categories: tuple[str, ...] = ()
    """Categories with an input of their own, in the order of these inputs."""

    has_missing_category: bool = False
    """Whether missing cells have an input of their own, after those of `categories`."""

    has_other_category: bool = False
    """Whether rare categories occurred in the training. Unknown categories then count as rare, and else as no
    category: all inputs of the column are 0."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        missing = _MISSING_CATEGORY if _MISSING_CATEGORY not in self.categories else f"({_MISSING_CATEGORY})"
        names = (*self.categories, missing) if self.has_missing_category else self.categories
        return self.column.list_input_names(names)

    @property
    def is_scaled(self) -> tuple[bool, ...]:
        """Whether each input is a number to standardize. Categories, indicators, and yes and no stay 0 and 1."""
        if self.column.type in ("category", "boolean"):
            return (False,) * self.column.inputs
        return (*(True,) * (self.column.inputs - self.column.has_indicator), *(False,) * self.column.has_indicator)

    def encode(self, values: NDArray[np.float64], categories: Sequence[str]) -> NDArray[np.float32]:
        """Encode the values of the column.

        Args:
            values: The values, float64 of shape (n,), with NaN for missing cells.
            categories: The texts of the category codes in `values`.

        Returns:
            Inputs, float32 of shape (n, inputs).
        """
        if self.column.type == "category":
            return self._encode_categories(values, categories)
        is_missing = np.isnan(values) | (not self.has_values)
        filled = np.where(is_missing, self.replacement, values)
        parts = self._split_dates(filled) if self.column.type == "date" else [filled]
        if self.column.has_indicator:
            parts.append(is_missing.astype(np.float64))
        return np.stack(parts, axis=1).astype(np.float32)

    def _encode_categories(self, values: NDArray[np.float64], categories: Sequence[str]) -> NDArray[np.float32]:
        """Encode category codes: each row has a 1 in the input of its category, and else 0."""
        inputs, other = self.column.inputs, self.column.inputs - 1
        positions = {name: position for position, name in enumerate(self.categories)}
        unknown = other if self.has_other_category else inputs
        missing = len(self.categories) if self.has_missing_category else unknown
        # In the last position, which is cut off, a 1 leaves all inputs of the row at 0.
        table = np.array([*(positions.get(name, unknown) for name in categories), missing], np.int64)
        codes = np.where(np.isnan(values), len(categories), values).astype(np.int64)
        one_hot = np.zeros((len(values), inputs + 1), np.float32)
        one_hot[np.arange(len(values)), table[codes]] = 1
        return one_hot[:, :inputs]

    def _split_dates(self, days: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Split days since 1970-01-01 into the parts of a date: year, month, day of week, days, and possibly hour."""
        dates = np.floor(days).astype("datetime64[D]")
        years = dates.astype("datetime64[Y]").astype(np.int64) + 1970
        months = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
        # 1970-01-01 was a Thursday.
        weekdays = (np.floor(days).astype(np.int64) + 3) % 7
        parts = [
            years.astype(np.float64),
            months.astype(np.float64),
            weekdays.astype(np.float64),
            days - self.first_day,
        ]
        return [*parts, (days - np.floor(days)) * 24] if self.column.has_time else parts


@dataclass(frozen=True)
class TableEncoding:
    """Encoding of all typed columns of a table."""

    columns: tuple[ColumnEncoding, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of all inputs, in their order."""
        return tuple(name for column in self.columns for name in column.input_names)

    @property
    def is_scaled(self) -> NDArray[np.bool_]:
        """Whether each input is a number to standardize, of shape (inputs,)."""
        return np.array([scaled for column in self.columns for scaled in column.is_scaled], bool)

    def group_by_column(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Group values of the inputs, of shape (inputs,), by the column that makes the input."""
        return np.split(values, np.cumsum([column.column.inputs for column in self.columns])[:-1])

    def encode(self, values: NDArray[np.float64], categories: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Encode the values of all columns.

        Args:
            values: The values, float64 of shape (n, columns), with NaN for missing cells.
            categories: The texts of the category codes of each column.

        Returns:
            Inputs, float32 of shape (n, inputs), C-contiguous.
        """
        parts = [column.encode(values[:, at], categories[at]) for at, column in enumerate(self.columns)]
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    def to_document(self) -> list[dict[str, Any]]:
        """Return the encoding as plain values for JSON."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_document(cls, document: Sequence[Mapping[str, Any]]) -> "TableEncoding":
        """Return the encoding of a document that `to_document` has made.

        Raises:
            ValueError: the document has other content.
        """
        from pydantic import TypeAdapter

        return cls(TypeAdapter(tuple[ColumnEncoding, ...]).validate_python(document))
