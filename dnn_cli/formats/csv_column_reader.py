"""Reader of the cells of one typed column: values, remarks, and errors with the type that fits."""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.csv_amounts import format_amount_hint, guess_cell_comma, normalize_amount
from dnn_cli.formats.csv_errors import CellErrors
from dnn_cli.formats.csv_inputs import WORD_PAIRS, WORD_VALUES
from dnn_cli.formats.csv_numbers import NumberFormat, is_too_large, parse_doubles, parse_float
from dnn_cli.formats.data_overrides import format_column_override, format_override
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.date_cells import ISO_FORMAT, find_date_formats, parse_date
from dnn_cli.formats.table_columns import MAX_MISSING_TEXT, MISSING_CELLS, ColumnOptions

_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass
class ColumnReader:
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
    invalid_block_cells: set[str] = field(default_factory=set)
    """Cells of blocks with a cell that is not valid, in this or another column."""

    has_valid_block: bool = False

    def __post_init__(self) -> None:
        # Numbers such as -999 can mark missing cells.
        has_missing_number = any(parse_float(text) is not None for text in self.missing)
        self.has_plain_numbers = (
            self.options.type == "number" and self.number_format.is_plain and not has_missing_number
        )

    def convert(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Convert the cells of a block into values, or return `None` if a cell is not valid."""
        values = self._convert_numbers(cells) if self.has_plain_numbers else None
        values = self._convert_cells(cells) if values is None else values
        self.has_valid_block |= values is not None
        return values

    def _convert_cells(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """Convert cells one by one, or return `None` if a cell is not valid."""
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
        value = parse_float(self._format_plain(text))
        return None if self.options.type == "boolean" and value not in (0, 1) else value

    def _format_plain(self, cell: str) -> str:
        """Format the number in a cell with a decimal point. For other cells, the result is not a number."""
        return cell.strip() if self.number_format.is_plain else self.number_format.normalize(cell) or ""

    def add_error(self, line: int, cell: str, errors: CellErrors) -> None:
        """Add the error of a cell, if the cell is not valid."""
        value, options = self._convert_cell(cell), self.options
        self.invalid_block_cells.add(cell.strip())
        if value is None and options.type == "number" and is_too_large(self._format_plain(cell)):
            message = "is too large for a 32-bit float"
            errors.add_typed_cell(line, self.name, cell.strip(), message, lambda: "divide the column by a constant")
        elif value is None:
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
        if self.options.type == "number" and self.number_format.decimal == "," and parse_float(text) is not None:
            return "write all numbers in the same form: with a decimal comma, and without a decimal point"
        if self.options.type == "number" and normalize_amount(text):
            strip, decimal = self.number_format.strip, self.number_format.decimal
            return format_amount_hint(text, guess_cell_comma(text), strip, decimal=decimal)
        # The numbers of valid blocks are not kept. No other type than a category suits them and other cells.
        has_numbers = self.options.type == "number" and self.has_valid_block
        cells = {cell.strip() for cell in chain(self.values, self.invalid_block_cells)} - self.missing
        cells |= {"0", "text"} if has_numbers else set()
        if formats := find_date_formats(cells):
            override = format_column_override(self.name, "date", format=formats[0], missing=self._changed_missing)
            return f"use {override}"
        return f"use {format_column_override(self.name, self._choose_type(cells))}, or {as_missing}"

    def _choose_type(self, cells: Set[str]) -> str:
        """Choose a type that fits all cells, except the type of the column and dates."""
        words = {cell.lower() for cell in cells}
        if self.options.type != "boolean" and any(words <= pair.keys() for pair in WORD_PAIRS):
            return "boolean"
        is_numeric = self.options.type != "number" and all(
            parse_float(self._format_plain(cell)) is not None for cell in cells
        )
        return "number" if is_numeric else "category"

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
    values = parse_doubles(cells)
    # The comparison is false for NaN.
    return values if values is not None and (np.abs(values) <= _FLOAT32_MAX).all() else None
