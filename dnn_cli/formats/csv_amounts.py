"""Amounts in the cells of a CSV file: numbers with separators, a currency or a percent sign, such as `1,200` or `$5`.

Without options, amounts are not read as numbers. Hints name the plain number, and the keys that read the amount.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

from dnn_cli.formats.data_overrides import format_override

CommaMeaning = Literal["", "thousands", "decimal", "either"]
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
    sign, digits, units = _split_amount(cell)
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
    return plain if units or grouped or "," in digits else ""


def _split_amount(cell: str) -> tuple[str, str, tuple[str, ...]]:
    """Split an amount into sign, digits and units: `-$1,200` into `-`, `1,200`, and `$`.

    The digits include separators. Units are currencies and the percent sign. For a cell that is not a number, the
    result is two empty texts and no units.
    """
    text = cell.strip()
    if len(text) > _MAX_AMOUNT_LENGTH:
        return "", "", ()
    units = [c for c in text if unicodedata.category(c) == "Sc" or c == "%"]
    bare = "".join(c for c in text if c not in units).strip()
    for word in _CURRENCY_NAMES:
        if bare.lower().startswith(word):
            units.append(bare[: len(word)])
            bare = bare[len(word) :]
        if bare.lower().endswith(word):
            units.append(bare[-len(word) :])
            bare = bare[: -len(word)]
    match = _AMOUNT_PATTERN.fullmatch(bare.strip().replace("- ", "-"))
    digits = match[2].strip() if match else ""
    # A unit inside the digits, as in `1$200`, is not an amount.
    return (match[1], digits, tuple(dict.fromkeys(units))) if match and digits in text else ("", "", ())


def is_percentage(cell: str) -> bool:
    """Return whether a cell is an amount with a percent sign."""
    return "%" in _split_amount(cell)[2]


def guess_cell_comma(cell: str) -> CommaMeaning:
    """Guess the meaning of the comma in an amount, without the other cells of the column: `either` for `1,234`.

    The result is empty if the cell has no comma or is not an amount.
    """
    _, digits, _ = _split_amount(cell)
    if "," not in digits:
        return ""
    if digits.count(",") > 1 or digits.rfind(".") > digits.rfind(","):
        return "thousands"
    return "either" if _GROUPED_DIGITS.fullmatch(digits) else "decimal"


def guess_column_comma(commas: Iterable[CommaMeaning], delimiter: str) -> CommaMeaning:
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


def format_amount_hint(
    cell: str, comma: CommaMeaning, strip: Sequence[str] = (), alternative: str = "", decimal: str = "."
) -> str:
    """Format a hint for an amount: the plain number to write instead, or the keys of `data` that read the amount.

    Args:
        cell: The text of the cell, such as `$1,200`.
        comma: The meaning of the commas in the cell's column.
        strip: The texts that the option `strip` already removes.
        alternative: A further hint.
        decimal: The decimal character that the option `decimal` chooses.
    """
    keys = f"set {_format_amount_keys(cell, comma, strip)}"
    plain = _format_plain_number_hint(cell, comma)
    if decimal == ",":
        plain = "write all numbers in the same form, with a decimal comma"
        # One character cannot have two meanings.
        keys = "" if "data.thousands=," in keys else keys
    return "; or ".join(filter(None, (plain, alternative, keys)))


def _format_plain_number_hint(cell: str, comma: CommaMeaning) -> str:
    """Format a hint that gives the plain number to write instead of an amount: `write 1200: no separators, …`."""
    plain = normalize_amount(cell)
    if guess_cell_comma(cell) in ("decimal", "either") and comma == "decimal":
        if not _split_amount(cell)[1].replace(",", "").isdigit():
            return f"write {plain}: no separators, and decimals with a point, in the whole column"
        return f"write {normalize_amount(cell, decimal_comma=True)}, and use a decimal point in the whole column"
    if guess_cell_comma(cell) == comma == "either":
        return f"write {plain}, or {normalize_amount(cell, decimal_comma=True)} if the comma is a decimal comma"
    return f"write {plain}: no separators, and decimals with a point"


def _format_amount_keys(cell: str, comma: CommaMeaning, strip: Sequence[str]) -> str:
    """Format the keys of `data` that read an amount, such as `data.strip=[$] data.thousands=,`.

    If the comma has either meaning, the keys are alternatives: `data.thousands=, (or data.decimal=,)`.
    """
    _, digits, units = _split_amount(cell)
    keys = [format_override("strip", list(dict.fromkeys([*strip, *units])))] if units else []
    meaning = comma if guess_cell_comma(cell) == "either" else guess_cell_comma(cell)
    if meaning == "either":
        return " ".join([*keys, "data.thousands=, (or data.decimal=,)"])
    if meaning:
        keys.append(f"data.{meaning}=,")
    groups = re.sub(r"[0-9,]", "", digits)
    if groups and groups[0] != ".":
        keys.append(format_override("thousands", "'" if groups[0] in "'’" else " "))
    elif groups and (meaning == "decimal" or len(groups) > 1):
        keys.append("data.thousands=.")
        keys += ["data.decimal=,"] if meaning != "decimal" else []
    return " ".join(keys)
