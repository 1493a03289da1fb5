"""Groups and times of examples, by which data is split: cells of a table, or arrays of an .npz file."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_errors import CsvErrors, format_more_cells
from dnn_cli.formats.csv_numbers import parse_float, quote_cell
from dnn_cli.formats.data_overrides import format_column_override
from dnn_cli.formats.date_cells import ISO_FORMAT, find_date_formats, parse_date

_INTEGER = re.compile(r"[+-]?\d{1,400}")
_TIME_HINT = "write numbers, or dates such as 2024-05-31 or 2024-05-31T14:00"


def parse_groups(cells: Sequence[str], lines: Sequence[int], column: str, errors: CsvErrors) -> NDArray[np.int64]:
    """Convert the groups of a table to numbers from 0, in the order of the integers or texts in their cells.

    Different texts are different groups. The order is that of `numpy.unique`, so that scikit-learn's splits of these
    numbers equal its splits of the values.

    Args:
        cells: The cells of the group column.
        lines: The line number of each cell.
        column: The name of the column, for messages.
        errors: The collection to which empty cells are added.

    Returns:
        The number of each row's group, of shape (n,).
    """
    different = set(cells)
    if "" in different:
        first, *more = [line for line, cell in zip(lines, cells, strict=True) if not cell]
        message = f"column {column}: the cell is empty{format_more_cells(len(more), more)}"
        errors.add_error(first, message, "write the group of each row")
    if all(_INTEGER.fullmatch(cell) for cell in different):
        ordered = sorted(different, key=lambda cell: (int(cell), cell))
    else:
        ordered = sorted(different)
    numbers = {cell: number for number, cell in enumerate(ordered)}
    return np.fromiter((numbers[cell] for cell in cells), np.int64, len(cells))


def parse_times(
    cells: Sequence[str], lines: Sequence[int], column: str, errors: CsvErrors, date_format: str | None = None
) -> NDArray[np.float64]:
    """Parse the times of a table: numbers, or dates and times.

    A time without an offset counts as UTC. A column must have numbers only or dates only.

    Args:
        cells: The cells of the time column.
        lines: The line number of each cell.
        column: The name of the column, for messages.
        errors: The collection to which cells without a time are added.
        date_format: The format of dates as in `datetime.strptime`. By default ISO 8601, or another format if it is the
            only one for all cells.

    Returns:
        The times of shape (n,): numbers as they are, and dates in seconds since 1970.
    """
    different = dict.fromkeys(cells)
    are_numbers = date_format is None and parse_float(next(iter(different))) is not None
    if not are_numbers and date_format is None:
        formats = find_date_formats(different)
        date_format = formats[0] if len(formats) == 1 else None
    times = {cell: parse_float(cell) if are_numbers else _parse_seconds(cell, date_format) for cell in different}
    wrong = {cell for cell, time in times.items() if time is None or not np.isfinite(time)}
    if wrong:
        kind = "a number, as in the first row" if are_numbers else f"a date in the format {date_format or ISO_FORMAT}"
        possible_formats = find_date_formats(different)
        hint = (
            f"use {format_column_override(column, 'date', format=possible_formats[0])}"
            if possible_formats
            else _TIME_HINT
        )
        (line, cell), *more = [(line, cell) for line, cell in zip(lines, cells, strict=True) if cell in wrong]
        message = f"{quote_cell(cell)} is not {kind}" if cell else "the cell is empty"
        more_cells = format_more_cells(len(more), [line for line, _ in more])
        errors.add_error(line, f"column {column}: {message}{more_cells}", hint)
    return np.array([times[cell] if cell not in wrong else np.nan for cell in cells], np.float64)


def _parse_seconds(cell: str, date_format: str | None) -> float | None:
    """Return the seconds since 1970 of a date; `None` for another text."""
    days = parse_date(cell, date_format)
    return None if days is None else days * 86_400


def convert_groups(array_name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """Convert the groups in an array to numbers from 0, in the order of the values.

    Args:
        array_name: The name of the array, for messages.
        values: Integers, Booleans or texts of shape (n,).

    Returns:
        The number of each example's group, of shape (n,).

    Raises:
        UserDataError: the values are of another type.
    """
    if values.dtype.kind not in "biuUS":
        raise UserDataError(
            f"{array_name} has the type {values.dtype}, but groups must be integers or texts",
            "save an array of integers or texts",
            "group",
        )
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def convert_times(array_name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """Convert the times in an array to float64: numbers as they are, and dates in seconds since 1970.

    Args:
        array_name: The name of the array, for messages.
        values: Numbers or `datetime64` of shape (n,).

    Returns:
        The times of shape (n,).

    Raises:
        UserDataError: the values are of another type, or some are not a number or not a time.
    """
    if values.dtype.kind == "M":
        times = np.where(np.isnat(values), np.nan, values.astype("datetime64[us]").astype(np.int64) / 1e6)
    elif values.dtype.kind in "iuf":
        times = values.astype(np.float64)
    else:
        raise UserDataError(
            f"{array_name} has the type {values.dtype}, but times must be numbers or datetime64",
            "save an array of numbers or of datetime64",
            "time",
        )
    if not np.isfinite(times).all():
        position = int(np.argmin(np.isfinite(times)))
        raise UserDataError(f"{array_name}: the value at position {position} is not a time", _TIME_HINT, "time")
    return times


def count_different(values: NDArray[Any] | None) -> int:
    """Return the number of different values of an array; 0 for `None`."""
    return 0 if values is None else len(np.unique(values))
