"""From the text of a cell to a 32-bit float: fast for many cells, and with words for one that is none."""

import math

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.csv_amounts import amount_hint, comma_in, plain_amount
from dnn_cli.formats.csv_rows import quoted

FLOAT32_MAX = float(np.finfo(np.float32).max)
MISSING = {"", "?", "-", "na", "n/a", "nan", "null", "none", "inf", "-inf", "+inf"}
FILL_IN = "fill it in or remove the row"


def to_floats(cells: list[str]) -> NDArray[np.float32] | None:
    """The numbers in many cells, or None if any of them is no finite number."""
    if "_" in "".join(cells):  # Python reads 1_000 as a number, other programs do not
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    return floats if np.isfinite(floats).all() else None


def to_float(cell: str) -> float | None:
    """The number in one cell, or None if it is none that a 32-bit float can hold."""
    if "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= FLOAT32_MAX else None  # false for nan, too


def number_fault(cell: str) -> tuple[str, str] | None:
    """What is wrong with a cell that should hold a number, and what to do; None if nothing is."""
    cell = cell.strip()
    if to_float(cell) is not None:
        return None
    if not cell:
        return "is empty", FILL_IN
    if cell.lower() in MISSING:
        return f"{quoted(cell)} is not a finite number", FILL_IN
    if plain_amount(cell):
        return f"{quoted(cell)} is not a number", amount_hint(cell, comma_in(cell))
    if is_too_large(cell):
        return f"{quoted(cell)} is more than a 32-bit float can hold", "scale the column down"
    return f"{quoted(cell)} is not a number", "encode text as numbers"


def is_text(cell: str) -> bool:
    """Return whether a cell without a fitting number holds text or an amount: nothing missing and nothing too large."""
    cell = cell.strip()
    return cell.lower() not in MISSING and not is_too_large(cell)


def is_too_large(cell: str) -> bool:
    """Whether a cell holds a finite number beyond 32-bit floats."""
    try:
        value = float(cell)
    except ValueError:
        return False
    return "_" not in cell and not math.isnan(value) and abs(value) > FLOAT32_MAX
