"""Typed input columns of a CSV file: conversion of cells into numbers, category codes, and days.

A missing cell becomes NaN. Missing cells are replaced later, after the examples are split.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.csv_amounts import format_amount_hint, guess_cell_comma, normalize_amount
from dnn_cli.formats.csv_errors import CellErrors
from dnn_cli.formats.csv_inputs import WORD_VALUES
from dnn_cli.formats.csv_numbers import NumberFormat, parse_float
from dnn_cli.formats.csv_rows import CsvRow
from dnn_cli.formats.data_overrides import format_column_override, format_override
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.date_cells import ISO_FORMAT, find_date_formats, parse_date
from dnn_cli.formats.table_columns import MAX_MISSING_TEXT, MISSING_CELLS, ColumnOptions, TableColumn

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_MAX_LISTED_COLUMNS = 10

_TYPE_REMARKS = {
    "category": "categories, with one input for each category",
    "boolean": "yes and true read as 1, no and false as 0",
    "date": "dates, with inputs for year, month, day of week and days",
}
"""Remarks about the columns of each type that are not numbers."""


@dataclass
class _ColumnReader:
    """Reader of the cells of one column. Distinct cells are converted once."""

    name: str
    options: ColumnOptions
    missing: frozenset[str]
    number_format: NumberFormat
    values: dict[str, float] = field(default_factory=dict)
    """Values of cells by their text. Cells that are not valid are absent."""

    categories: dict[str, int] = field(default_factory=dict)
    """Codes of categories by their text without spaces around it."""

    missing_count: int = 0
    date_cells: Sequence[str] = ()
    """Cells of the current block, if the column has dates."""

    def __post_init__(self) -> None:
        # Numbers such as -999 can mark missing cells.
        has_missing_number = any(parse_float(text) is not None for text in self.missing)
        self.has_plain_numbers = (
            self.options.type == "number" and self.number_format.is_plain and not has_missing_number
        )

    def convert(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Convert the cells of a block into values, or return `None` if a cell is not valid."""
        if self.has_plain_numbers:
            values = self._convert_numbers(cells)
            if values is not None:
                return values
        if self.options.type == "date":
            self.date_cells = cells
        # The order of a set of texts differs between processes, and would change the codes of categories.
        for cell in dict.fromkeys(cells):
            if cell in self.values:
                continue
            value = self._convert_cell(cell)
            if value is None:
                return None
            self.values[cell] = value
        values = np.fromiter(map(self.values.__getitem__, cells), np.float64, len(cells))
        missing_count = int(np.isnan(values).sum())
        if missing_count and self.options.missing == "error" and self.options.type != "category":
            return None
        self.missing_count += missing_count
        # Columns of distinct numbers would fill the memory with the text of all cells.
        if self.options.type == "number":
            self.values.clear()
        return values

    def _convert_numbers(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Convert cells of plain numbers and missing cells fast, or return `None` if a cell needs a closer look."""
        values = _parse_finite_floats(cells)
        if values is not None or self.options.missing == "error":
            return values
        missing = self.missing
        values = _parse_finite_floats(["0" if cell in missing else cell for cell in cells])
        if values is not None:
            is_missing = np.fromiter(map(missing.__contains__, cells), bool, len(cells))
            self.missing_count += int(is_missing.sum())
            values[is_missing] = math.nan
        return values

    def _convert_cell(self, cell: str) -> float | None:
        """Convert one cell; NaN is a missing cell, and `None` a cell that is not valid."""
        text = cell.strip()
        if text in self.missing:
            return math.nan
        if self.options.type == "category":
            return float(self.categories.setdefault(text, len(self.categories)))
        if self.options.type == "date":
            return parse_date(text, self.options.format)
        if self.options.type == "boolean" and text.lower() in WORD_VALUES:
            return float(WORD_VALUES[text.lower()])
        plain = text if self.number_format.is_plain else self.number_format.normalize(text)
        value = None if plain is None else parse_float(plain)
        return None if self.options.type == "boolean" and value not in (0, 1) else value

    def add_error(self, line: int, cell: str, errors: CellErrors) -> None:
        """Add the error of a cell, if the cell is not valid."""
        value, options = self._convert_cell(cell), self.options
        if value is None:
            text = cell.strip()
            build_hint = partial(self._format_type_hint, text)
            errors.add_typed_cell(line, self.name, text, f"is not {self._describe_kind(text)}", build_hint)
        elif math.isnan(value) and options.missing == "error" and options.type != "category":
            hint = f"replace missing cells: {format_column_override(self.name, options.type, missing='median')}"
            errors.add_typed_cell(line, self.name, cell.strip(), "is missing", lambda: hint)

    def _describe_kind(self, text: str) -> str:
        """Describe the valid cells of the column."""
        if self.options.type == "number":
            return "a number"
        if not text:
            return self.options.type
        if self.options.type == "boolean":
            return "yes or no, true or false, or 1 or 0"
        return f"a date in the format {self.options.format or ISO_FORMAT}"

    def _format_type_hint(self, text: str) -> str:
        """Format a hint for a cell of another type."""
        if self.missing == frozenset(MISSING_CELLS) or len(text) > MAX_MISSING_TEXT:
            as_missing = "add such cells to data.missing if they are missing values"
        else:
            as_missing = f"use {format_override('missing', [*sorted(self.missing), text])} for missing values"
        if not text:
            return as_missing
        if self.options.type == "number" and (normalize_amount(text) or parse_float(text) is not None):
            if self.number_format.decimal == ",":
                return "write all numbers in the same form: with a decimal comma, and without a decimal point"
            return format_amount_hint(text, guess_cell_comma(text), self.number_format.strip)
        if formats := self._find_date_formats():
            override = format_column_override(self.name, "date", format=formats[0], missing=self._changed_missing)
            return f"use {override}"
        fitting_type = "category" if parse_float(text) is None else "number"
        return f"use {format_column_override(self.name, fitting_type)}, or {as_missing}"

    def _find_date_formats(self) -> list[str | None]:
        """Find the formats that fit all cells of a column of dates up to the current block."""
        cells = {cell.strip() for cell in chain(self.values, self.date_cells)}
        return find_date_formats(cells - self.missing) if self.options.type == "date" else []

    @property
    def _changed_missing(self) -> str | None:
        """Replacement of missing cells, if it is not the default."""
        return None if self.options.missing == "median" else self.options.missing

    def build_missing_remark(self) -> Remark:
        """Build the remark about the missing cells of the column."""
        count = f"{self.missing_count:,} missing cell{'s' if self.missing_count > 1 else ''}"
        if self.options.type == "category":
            return Remark(f"column {self.name}: {count}, a category of their own")
        method = f"replaced by the {self.options.missing} of the training examples, with an indicator input"
        other = "mean" if self.options.missing == "median" else "median"
        override = format_column_override(self.name, self.options.type, format=self.options.format, missing=other)
        return Remark(f"column {self.name}: {count}, {method}", override)

    def build_date_remarks(self) -> list[Remark]:
        """Build the remark about dates in which day and month can be exchanged."""
        date_format = self.options.format or ""
        if self.options.type != "date" or not ("%d" in date_format and "%m" in date_format):
            return []
        exchanged = date_format.replace("%d", "%-").replace("%m", "%d").replace("%-", "%m")
        if any(parse_date(cell, exchanged) is None for cell, days in self.values.items() if not math.isnan(days)):
            return []
        override = format_column_override(self.name, "date", format=exchanged, missing=self._changed_missing)
        return [Remark(f"column {self.name}: dates in the format {date_format}; {exchanged} is possible too", override)]


def _parse_finite_floats(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Parse cells into float64, or return `None` if a cell is not a number that a 32-bit float can hold."""
    # Python reads 1_000 as a number, and other programs do not.
    if "_" in "".join(cells):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    # The comparison is false for NaN.
    return values if (np.abs(values) <= _FLOAT32_MAX).all() else None


@dataclass
class TypedConverter:
    """Converter of the typed input cells of blocks of rows into numbers, codes and days."""

    indices: Sequence[int]
    """Positions of the inputs in a row."""

    readers: list[_ColumnReader]

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
            _ColumnReader(names[index], columns.get(names[index], default), texts, number_format) for index in indices
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
