"""Numbers in the cells of a CSV file: their form, parsing, and error messages."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_amounts import format_amount_hint, guess_cell_comma, normalize_amount

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_MISSING_VALUES = {"", "?", "-", "na", "n/a", "nan", "null", "none", "inf", "-inf", "+inf"}
_GROUP_SEPARATORS = {" ": "[ \u00a0\u202f]", "'": "['’]"}
"""Patterns of separators that are written with several characters."""

MISSING_CELL_HINT = "fill in the cell, or remove the row"


@dataclass(frozen=True)
class NumberFormat:
    """Form of the numbers in a file: decimal character, separator of thousands, and texts next to the digits."""

    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether Python reads the numbers of this form."""
        return self.decimal == "." and self.thousands is None and not self.strip

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Pattern of a number without sign. Separators of thousands must be before groups of three digits."""
        integer = "[0-9]+"
        if self.thousands is not None:
            separator = _GROUP_SEPARATORS.get(self.thousands, re.escape(self.thousands))
            integer = f"[0-9]{{1,3}}(?:{separator}[0-9]{{3}})+|{integer}"
        decimal = re.escape(self.decimal)
        return re.compile(f"({integer})?(?:{decimal}([0-9]*))?([eE][-+]?[0-9]+)?")

    def normalize(self, cell: str) -> str | None:
        """Return the plain text of a number in this form, such as `-1200.5`; `None` for other cells."""
        text, sign, previous = cell.strip(), "", None
        while text != previous:
            previous = text
            if not sign and text.startswith(("-", "+")):
                sign, text = text[0], text[1:].lstrip()
            for extra in self.strip:
                text = text.removeprefix(extra).removesuffix(extra).strip()
        match = self._pattern.fullmatch(text)
        if match is None or not (match[1] or match[2]):
            return None
        decimals = f".{match[2]}" if match[2] else ""
        return f"{sign}{re.sub('[^0-9]', '', match[1] or '0')}{decimals}{match[3] or ''}"

    def check(self, path: str) -> None:
        """Check that the form is unambiguous.

        Raises:
            UserDataError: one character has two meanings, or digits would be removed.
        """
        if self.thousands == self.decimal:
            raise UserDataError(
                f"{path}: data.thousands={self.thousands} is also the decimal character",
                "set data.decimal=," if self.decimal == "." else "remove it: ~data.thousands, or set data.decimal=.",
                "thousands",
            )
        digits = next(
            (extra for extra in self.strip if re.search(r"[-+\d]", extra) or extra in (".", ",", "e", "E")), None
        )
        if digits is not None:
            raise UserDataError(
                f"{path}: data.strip has {digits!r}, which would change numbers",
                "use other texts, such as $ or %",
                "strip",
            )


PLAIN_NUMBERS = NumberFormat()


def parse_doubles(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Parse cells into float64 of shape (n,), or return `None` if a cell is not a number, nan or infinity."""
    # Python reads 1_000 as a number, and other programs do not.
    if "_" in "".join(cells):
        return None
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None


def parse_floats(cells: list[str]) -> NDArray[np.float32] | None:
    """Parse cells into float32 of shape (n,), or return `None` if a cell is not a finite number."""
    values = parse_doubles(cells)
    if values is None:
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


def find_number_error(cell: str, number_format: NumberFormat = PLAIN_NUMBERS) -> tuple[str, str] | None:
    """Return the error message and a hint for a cell that must hold a number; `None` for a valid number."""
    cell = cell.strip()
    plain = cell if number_format.is_plain else number_format.normalize(cell)
    if plain is not None and parse_float(plain) is not None:
        return None
    if plain is None and parse_float(cell) is not None:
        return f"{quote_cell(cell)} does not have the decimal character {number_format.decimal}", (
            "write all numbers in the same form, or change data.decimal"
        )
    if not cell:
        return "the cell is empty", MISSING_CELL_HINT
    if cell.lower() in _MISSING_VALUES:
        return f"{quote_cell(cell)} is not a finite number", MISSING_CELL_HINT
    if normalize_amount(cell):
        return f"{quote_cell(cell)} is not a number", format_amount_hint(
            cell, guess_cell_comma(cell), number_format.strip, decimal=number_format.decimal
        )
    if is_too_large(plain or cell):
        return f"{quote_cell(cell)} is too large for a 32-bit float", "divide the column by a constant"
    return f"{quote_cell(cell)} is not a number", "encode text as numbers"


def is_missing_cell(cell: str) -> bool:
    """Return whether a cell is empty or holds a text that programs write for a missing value."""
    return cell.strip().lower() in _MISSING_VALUES


def is_text_cell(cell: str) -> bool:
    """Return whether an invalid cell holds text or an amount.

    Other invalid cells hold a missing value, or a number that is too large.
    """
    cell = cell.strip()
    return cell.lower() not in _MISSING_VALUES and not is_too_large(cell)


def is_too_large(cell: str) -> bool:
    """Return whether a cell holds a number with digits beyond the range of 32-bit floats."""
    try:
        value = float(cell)
    except ValueError:
        return False
    has_digits = any(map(str.isdigit, cell))
    return has_digits and "_" not in cell and not math.isnan(value) and abs(value) > _FLOAT32_MAX


def quote_cell(text: str) -> str:
    """Return a cell in quotes for a message, shortened to 40 characters."""
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
