"""Typed input columns of a CSV file: conversion of cells into numbers, category codes, and days.

A missing cell becomes NaN. Missing cells are replaced later, after the examples are split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.csv_column_reader import ColumnReader
from dnn_cli.formats.csv_errors import CellErrors
from dnn_cli.formats.csv_numbers import NumberFormat
from dnn_cli.formats.csv_rows import CsvRow
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.table_columns import MISSING_CELLS, ColumnOptions, TableColumn

_MAX_LISTED_COLUMNS = 10

_TYPE_REMARKS = {
    "category": "categories, with one input for each category",
    "boolean": "yes and true read as 1, no and false as 0",
    "date": "dates, with inputs for year, month, day of week and days",
}
"""Remarks about the columns of each type that are not numbers."""


@dataclass
class TypedConverter:
    """Converter of the typed input cells of blocks of rows into numbers, codes and days."""

    indices: Sequence[int]
    """Positions of the inputs in a row."""

    readers: list[ColumnReader]

    @classmethod
    def create(
        cls,
        indices: Sequence[int],
        names: Sequence[str],
        columns: dict[str, ColumnOptions],
        default: ColumnOptions,
        missing: Sequence[str] | None,
        number_format: NumberFormat,
    ) -> "TypedConverter":
        """Create a converter.

        Args:
            indices: The positions of the inputs in a row.
            names: The names of all columns of the table.
            columns: The options of columns by name.
            default: The options of other columns.
            missing: The texts of missing cells; `None` for the usual texts.
            number_format: The form of the numbers.
        """
        texts = frozenset(text.strip() for text in (MISSING_CELLS if missing is None else missing))
        readers = [
            ColumnReader(names[index], columns.get(names[index], default), texts, number_format) for index in indices
        ]
        return cls(indices, readers)

    def convert(self, block: Sequence[CsvRow]) -> NDArray[np.float64] | None:
        """Convert the inputs of a block into a flat array, or return `None` if a cell is not valid."""
        values = np.empty((len(block), len(self.indices)))
        # Rows can have empty cells after the last input.
        columns = list(zip(*(row for _, row in block), strict=False))
        for at, (index, reader) in enumerate(zip(self.indices, self.readers, strict=True)):
            converted = reader.convert(columns[index])
            if converted is None:
                return None
            values[:, at] = converted
        return values.reshape(-1)

    def add_errors(self, names: Sequence[str], row: CsvRow, errors: CellErrors) -> None:
        """Add the errors in the inputs of a row to `errors`."""
        line, cells = row
        for index, reader in zip(self.indices, self.readers, strict=True):
            reader.add_error(line, cells[index], errors)

    @property
    def categories(self) -> tuple[tuple[str, ...], ...]:
        """Texts of the category codes of each column; empty for columns of other types."""
        return tuple(tuple(reader.categories) for reader in self.readers)

    def describe_columns(self, values: NDArray[np.float64]) -> tuple[TableColumn, ...]:
        """Describe the columns by their values, float64 of shape (n, columns)."""
        described = []
        for at, reader in enumerate(self.readers):
            options, column = reader.options, values[:, at]
            present = column[~np.isnan(column)]
            counts: Any = np.zeros(0)
            if options.type == "category":
                counts = np.bincount(present.astype(np.int64), minlength=1)
                # Missing cells are a category of their own.
                counts = np.append(counts, len(column) - len(present))
            described.append(
                TableColumn(
                    reader.name,
                    options.type,
                    options.missing,
                    options.min_frequency,
                    options.max_categories,
                    options.format,
                    has_missing=len(present) < len(column),
                    has_time=options.type == "date" and bool((present != np.floor(present)).any()),
                    frequent_categories=int((counts >= options.min_frequency).sum()),
                )
            )
        return tuple(described)

    def build_remarks(self, names: Sequence[str], delimiter: str) -> list[Remark]:
        """Build the remarks about columns that are encoded, about missing cells, and about ambiguous dates."""
        remarks = []
        for column_type, meaning in _TYPE_REMARKS.items():
            if listed := [reader.name for reader in self.readers if reader.options.type == column_type]:
                more = ", …" if len(listed) > _MAX_LISTED_COLUMNS else ""
                noun = "column" if len(listed) == 1 else "columns"
                remarks.append(Remark(f"{noun} {', '.join(listed[:_MAX_LISTED_COLUMNS])}{more}: {meaning}"))
        remarks += [remark for reader in self.readers for remark in reader.build_date_remarks()]
        gaps = [reader for reader in self.readers if reader.missing_count]
        remarks += [reader.build_missing_remark() for reader in gaps[:_MAX_LISTED_COLUMNS]]
        if len(gaps) > _MAX_LISTED_COLUMNS:
            remarks.append(Remark(f"{len(gaps) - _MAX_LISTED_COLUMNS} more columns have missing cells"))
        return remarks
