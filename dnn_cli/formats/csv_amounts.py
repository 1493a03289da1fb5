"""Cells that people read as a number and programs do not: `$12,500`, `1 200`, `1.234,56`, `12,5`."""

import re
import unicodedata

SIGN_AND_NUMBER = re.compile(r"([-+]?)([0-9][0-9.,  '’]*)")
THOUSANDS = re.compile(r"[0-9]{1,3}(?:([,.  '’])[0-9]{3})(?:\1[0-9]{3})*")
"""Digits in groups of three."""

WORDS = ("usd", "eur", "gbp", "krw", "jpy", "원")
"""Names of currencies after or before a number."""

MAX_LENGTH = 40
"""Characters of a cell; a longer one is text."""


def plain_amount(cell: str) -> str:
    """Return how the number in a cell is written plainly: `12500` for `$12,500`; nothing where it holds none.

    A comma before three digits separates thousands, as in `1,200`; before other digits it marks decimals. A point
    does that only where it occurs several times or with a comma.
    """
    text = cell.strip().lower()
    if len(text) > MAX_LENGTH:
        return ""
    bare = "".join(c for c in text if unicodedata.category(c) != "Sc")
    for word in WORDS:
        bare = bare.removeprefix(word).removesuffix(word)
    has_currency = bare != text
    found = SIGN_AND_NUMBER.fullmatch(bare.strip().replace("- ", "-"))
    if found is None:
        return ""
    sign, digits = found.groups()
    whole, decimals = digits.strip(), ""
    cut = re.fullmatch(r"(.*[0-9])([.,])([0-9]*)", whole)
    if cut and (not THOUSANDS.fullmatch(whole) or re.fullmatch(r"[0-9]+\.[0-9]+", whole)):
        whole, decimals = cut[1], cut[3]
        if cut[2] in whole:
            return ""
    grouped = THOUSANDS.fullmatch(whole)
    if not grouped and not whole.isdigit():
        return ""
    plain = sign.replace("+", "") + re.sub(r"[^0-9]", "", whole) + (f".{decimals}" if decimals else "")
    return plain if has_currency or grouped or "," in digits else ""
