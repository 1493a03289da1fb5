"""Cells that people read as a number and programs do not: `$12,500`, `1 200`, `1.234,56`, `12,5`."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

Comma = Literal["", "thousands", "decimal", "either"]
"""What a comma in a number separates; an empty text where there is no comma."""

SIGN_AND_NUMBER = re.compile(r"([-+]?)([0-9][0-9.,  '’]*)")
THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:([,.  '’])[0-9]{3})(?:\1[0-9]{3})*")
"""Digits in groups of three; the first group begins with no zero, as `0,567` is a decimal fraction."""

WORDS = ("usd", "eur", "gbp", "krw", "jpy", "원")
"""Names of currencies after or before a number."""

MAX_LENGTH = 40
"""Characters of a cell; a longer one is text."""


def plain_amount(cell: str, *, decimal_comma: bool = False) -> str:
    """Return how the number in a cell is written plainly: `12500` for `$12,500`; nothing where it holds none.

    A comma before three digits separates thousands, as in `1,200`; before other digits, or after a leading zero, it
    marks decimals. A point separates thousands only where it occurs several times or with a comma.

    Args:
        cell: The text of the cell.
        decimal_comma: Whether a single comma marks decimals before three digits, too.
    """
    sign, digits, has_currency = split_amount(cell)
    whole, decimals = digits, ""
    cut = re.fullmatch(r"(.*[0-9])([.,])([0-9]*)", whole)
    is_decimal = re.fullmatch(r"[0-9]+\.[0-9]+", whole) or (decimal_comma and whole.count(",") == 1)
    if cut and (not THOUSANDS.fullmatch(whole) or is_decimal):
        whole, decimals = cut[1], cut[3]
        if cut[2] in whole:
            return ""
    grouped = THOUSANDS.fullmatch(whole)
    if not grouped and not whole.isdigit():
        return ""
    plain = sign.replace("+", "") + re.sub(r"[^0-9]", "", whole) + (f".{decimals}" if decimals else "")
    return plain if has_currency or grouped or "," in digits else ""


def split_amount(cell: str) -> tuple[str, str, bool]:
    """Return the sign and the digits with their separators in a cell, and whether the cell names a currency."""
    text = cell.strip().lower()
    if len(text) > MAX_LENGTH:
        return "", "", False
    bare = "".join(c for c in text if unicodedata.category(c) != "Sc")
    for word in WORDS:
        bare = bare.removeprefix(word).removesuffix(word)
    found = SIGN_AND_NUMBER.fullmatch(bare.strip().replace("- ", "-"))
    return (found[1], found[2].strip(), bare != text) if found else ("", "", False)


def comma_in(cell: str) -> Comma:
    """Return what the comma of an amount separates, from the cell alone: `1,234` may be either."""
    _, digits, _ = split_amount(cell)
    if "," not in digits:
        return ""
    if digits.count(",") > 1 or digits.rfind(".") > digits.rfind(","):
        return "thousands"
    return "either" if THOUSANDS.fullmatch(digits) else "decimal"


def comma_of(commas: Iterable[Comma], delimiter: str) -> Comma:
    """Return what the commas of a column separate.

    A file with semicolons comes from programs that write decimal commas, so that `1,234` stays undecided there.

    Args:
        commas: What each cell says.
        delimiter: The character between the fields of the file.
    """
    known = set(commas) - {""}
    if "decimal" in known:
        return "decimal"
    if "thousands" in known:
        return "thousands"
    return ("either" if delimiter == ";" else "thousands") if known else ""


def amount_hint(cell: str, comma: Comma) -> str:
    """Return how to write an amount, where the commas of its column separate what `comma_of` says."""
    plain = plain_amount(cell)
    if comma_in(cell) in ("decimal", "either") and comma == "decimal":
        if not split_amount(cell)[1].replace(",", "").isdigit():
            return f"write {plain}: no separators, and decimals with a point, in the whole column"
        return f"write {plain_amount(cell, decimal_comma=True)}, and a decimal point in the whole column"
    if comma_in(cell) == comma == "either":
        return f"write {plain}, or {plain_amount(cell, decimal_comma=True)} if the comma is a decimal comma"
    return f"write {plain}: no separators, and decimals with a point"
