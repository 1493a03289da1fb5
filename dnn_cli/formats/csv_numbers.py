"""Numbers in the cells of a CSV file: parsing, error messages, and amounts.

An amount is a number with separators or a currency, such as `1,200` or `$5`. Amounts are not read as numbers, but error
messages suggest the plain number.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from dnn_cli.formats.csv_rows import CsvErrors, find_file_delimiter, quote_cell

_CommaMeaning = Literal["", "thousands", "decimal", "either"]
"""Meaning of the comma in a number: the comma separates thousands, or marks decimals.

The meaning is `either` for `1,234`, which can be 1234 or 1.234. It is an empty text for a number without a comma."""

_AMOUNT_PATTERN = re.compile(r"([-+]?)([0-9][0-9.,  '’]*)")
_GROUPED_DIGITS = re.compile(r"[1-9][0-9]{0,2}(?:([,.  '’])[0-9]{3})(?:\1[0-9]{3})*")
"""Pattern of digits in groups of three, as in `1,234,567`. The first group cannot begin with zero: `0,567` is a decimal
fraction."""

_CURRENCY_NAMES = ("usd", "eur", "gbp", "krw", "jpy", "원")
"""Names of currencies before or after a number."""

_MAX_AMOUNT_LENGTH = 40
"""Maximum number of characters of an amount. A longer cell counts as text."""


def normalize_amount(cell: str, *, decimal_comma: bool = False) -> str:
    """Return a number with separators or a currency as a plain number: `12500` for `$12,500`.

    A comma before three digits separates thousands, as in `1,200`. A comma before another number of digits marks
    decimals, as in `1,5`, and so does a comma after a leading zero. A point separates thousands only if the number has
    several points, or a point and a comma.

    The result is empty for other cells, including plain numbers.

    Args:
        cell: The text of the cell.
        decimal_comma: Whether a single comma also marks decimals before three digits, so that `1,200` is 1.2.
    """
    sign, digits, has_currency = _split_amount(cell)
    integer_digits, decimals = digits, ""
    decimal_match = re.fullmatch(r"(.*[0-9])([.,])([0-9]*)", integer_digits)
    is_decimal = re.fullmatch(r"[0-9]+\.[0-9]+", integer_digits) or (decimal_comma and integer_digits.count(",") == 1)
    if decimal_match and (not _GROUPED_DIGITS.fullmatch(integer_digits) or is_decimal):
        integer_digits, decimals = decimal_match[1], decimal_match[3]
        if decimal_match[2] in integer_digits:
            return ""
    grouped = _GROUPED_DIGITS.fullmatch(integer_digits)
    if not grouped and not integer_digits.isdigit():
        return ""
    plain = sign.replace("+", "") + re.sub(r"[^0-9]", "", integer_digits) + (f".{decimals}" if decimals else "")
    return plain if has_currency or grouped or "," in digits else ""


def _split_amount(cell: str) -> tuple[str, str, bool]:
    """Split an amount into sign and digits: `-$1,200` into `-`, `1,200`, and True because a currency occurs.

    The digits include separators. For a cell that is not a number, the result is two empty texts and False.
    """
    text = cell.strip().lower()
    if len(text) > _MAX_AMOUNT_LENGTH:
        return "", "", False
    bare = "".join(c for c in text if unicodedata.category(c) != "Sc")
    for word in _CURRENCY_NAMES:
        bare = bare.removeprefix(word).removesuffix(word)
    match = _AMOUNT_PATTERN.fullmatch(bare.strip().replace("- ", "-"))
    return (match[1], match[2].strip(), bare != text) if match else ("", "", False)


def guess_cell_comma(cell: str) -> _CommaMeaning:
    """Guess the meaning of the comma in an amount, without the other cells of the column: `either` for `1,234`.

    The result is empty if the cell has no comma or is not an amount.
    """
    _, digits, _ = _split_amount(cell)
    if "," not in digits:
        return ""
    if digits.count(",") > 1 or digits.rfind(".") > digits.rfind(","):
        return "thousands"
    return "either" if _GROUPED_DIGITS.fullmatch(digits) else "decimal"


def guess_column_comma(commas: Iterable[_CommaMeaning], delimiter: str) -> _CommaMeaning:
    """Guess the meaning of the commas in a column.

    In a single cell `1,234`, the comma can mark decimals or separate thousands. In a column of such cells, the comma
    separates thousands. If semicolons separate the fields of the file, the meaning stays `either`: programs that write
    semicolons often write decimal commas.

    Args:
        commas: The meaning of the comma in each cell, guessed from this cell alone.
        delimiter: The character between the fields of the file.
    """
    meanings = set(commas) - {""}
    if "decimal" in meanings:
        return "decimal"
    if "thousands" in meanings:
        return "thousands"
    return ("either" if delimiter == ";" else "thousands") if meanings else ""


def format_amount_hint(cell: str, comma: _CommaMeaning) -> str:
    """Format a hint that gives the plain number to write instead of an amount: `write 1200: no separators, …`.

    Args:
        cell: The text of the cell, such as `$1,200`.
        comma: The meaning of the commas in the cell's column.
    """
    plain = normalize_amount(cell)
    if guess_cell_comma(cell) in ("decimal", "either") and comma == "decimal":
        if not _split_amount(cell)[1].replace(",", "").isdigit():
            return f"write {plain}: no separators, and decimals with a point, in the whole column"
        return f"write {normalize_amount(cell, decimal_comma=True)}, and use a decimal point in the whole column"
    if guess_cell_comma(cell) == comma == "either":
        return f"write {plain}, or {normalize_amount(cell, decimal_comma=True)} if the comma is a decimal comma"
    return f"write {plain}: no separators, and decimals with a point"


_FLOAT32_MAX = float(np.finfo(np.float32).max)
_MISSING_VALUES = {"", "?", "-", "na", "n/a", "nan", "null", "none", "inf", "-inf", "+inf"}
MISSING_CELL_HINT = "fill in the cell, or remove the row"


def parse_floats(cells: list[str]) -> NDArray[np.float32] | None:
    """Parse cells into float32 of shape (n,), or return `None` if a cell is not a finite number."""
    # Python reads 1_000 as a number, and other programs do not.
    if "_" in "".join(cells):
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    return floats if np.isfinite(floats).all() else None


def parse_float(cell: str) -> float | None:
    """Parse the number in a cell. For text and for numbers that a 32-bit float cannot hold, return `None`."""
    if "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    # The comparison is false for nan.
    return value if abs(value) <= _FLOAT32_MAX else None


def find_number_error(cell: str) -> tuple[str, str] | None:
    """Return the error message and a hint for a cell that must hold a number; `None` for a valid number."""
    cell = cell.strip()
    if parse_float(cell) is not None:
        return None
    if not cell:
        return "the cell is empty", MISSING_CELL_HINT
    if cell.lower() in _MISSING_VALUES:
        return f"{quote_cell(cell)} is not a finite number", MISSING_CELL_HINT
    if normalize_amount(cell):
        return f"{quote_cell(cell)} is not a number", format_amount_hint(cell, guess_cell_comma(cell))
    if _is_too_large(cell):
        return f"{quote_cell(cell)} is too large for a 32-bit float", "divide the column by a constant"
    return f"{quote_cell(cell)} is not a number", "encode text as numbers"


def _is_text_cell(cell: str) -> bool:
    """Return whether an invalid cell holds text or an amount.

    Other invalid cells hold a missing value, or a number that is too large.
    """
    cell = cell.strip()
    return cell.lower() not in _MISSING_VALUES and not _is_too_large(cell)


def _is_too_large(cell: str) -> bool:
    """Return whether a cell holds a number beyond the range of 32-bit floats."""
    try:
        value = float(cell)
    except ValueError:
        return False
    return "_" not in cell and not math.isnan(value) and abs(value) > _FLOAT32_MAX


NUMBERS_REQUIRED_HINT = "every input must be a number, as in training"

_MAX_LISTED_LINES = 5
"""Maximum number of line numbers that a message about several cells lists after the first line number."""


@dataclass
class _CellGroup:
    """Cells of one column with the same error: either all hold text, or all hold amounts such as `$1,200`."""

    line: int
    cell: str
    """Content of the first cell."""

    is_amount: bool
    more_count: int = 0
    lines: list[int] = field(default_factory=list)
    """Line numbers of the cells after the first cell, at most `_MAX_LISTED_LINES`."""

    commas: set[_CommaMeaning] = field(default_factory=set)


@dataclass
class NumberErrors:
    """Collection of the errors in the inputs of a table.

    Cells that hold text are grouped by column, and so are amounts. One message then reports all cells of a group.
    """

    errors: CsvErrors
    groups: dict[tuple[str, bool], _CellGroup] = field(default_factory=dict)

    def add_cell(self, line: int, column: str, cell: str) -> None:
        """Add the error of a cell, if the cell does not hold a number."""
        error = find_number_error(cell)
        if error is None:
            return
        cell = cell.strip()
        if not _is_text_cell(cell):
            self.errors.add_error(line, f"column {column}: {error[0]}", error[1])
            return
        is_amount = bool(normalize_amount(cell))
        group = self.groups.get((column, is_amount))
        if group is None:
            group = self.groups[column, is_amount] = _CellGroup(line, cell, is_amount)
        else:
            group.more_count += 1
            if len(group.lines) < _MAX_LISTED_LINES:
                group.lines.append(line)
        group.commas.add(guess_cell_comma(cell) if is_amount else "")

    def raise_if_any(self, text_hint: Callable[[list[str]], str]) -> None:
        """Raise the collected errors together, if there are any.

        Args:
            text_hint: The function that returns a hint from the names of the columns that contain text.

        Raises:
            UserDataError: the table has errors. The message lists the first errors and counts the others.
        """
        columns = [name for (name, is_amount) in self.groups if not is_amount]
        for (name, is_amount), group in self.groups.items():
            comma = guess_column_comma(group.commas, find_file_delimiter(self.errors.path)) if is_amount else ""
            hint = format_amount_hint(group.cell, comma) if is_amount else text_hint(columns)
            self.errors.add_error(group.line, f"column {name}: {_format_cell_group(group, comma)}", hint, always=True)
        self.errors.raise_if_any()


def _format_cell_group(group: _CellGroup, comma: _CommaMeaning) -> str:
    """Format the error message of a group of cells. `comma` is the meaning of the commas in their column."""
    is_decimal = comma == "decimal" and guess_cell_comma(group.cell) in ("decimal", "either")
    text = f"{quote_cell(group.cell)} {'has a decimal comma' if is_decimal else 'is not a number'}"
    if not group.more_count:
        return text
    ellipsis = ", …" if group.more_count > len(group.lines) else ""
    lines = f"line{'s' if group.more_count > 1 else ''} {', '.join(map(str, group.lines))}{ellipsis}"
    return f"{text} ({group.more_count:,} more such cell{'s' if group.more_count > 1 else ''} in {lines})"


def format_ignore_hint(columns: list[str], ignored: tuple[str, ...]) -> str:
    """Format a hint to encode columns of text as numbers, or to ignore these columns with `data.ignore`.

    Args:
        columns: The names of the columns that contain text.
        ignored: The names of the columns that the config already ignores.
    """
    flow = yaml.safe_dump([*ignored, *columns], default_flow_style=True, allow_unicode=True, width=10**6).strip()
    return f"encode text as numbers, or leave the column{'s' * (len(columns) > 1)} out: data.ignore={flow}"
