"""Random rows of a table, on which an exported model that takes cells is compared with the run's own model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.date_cells import parse_date
from dnn_cli.formats.table_columns import DAYS_PART
from dnn_cli.formats.table_encoding import ColumnEncoding
from dnn_cli.runs.input_profile import InputProfile

_MISSING_SHARE = 0.1
_UNKNOWN_CATEGORY = "no such category"
_FIRST_DAY = datetime(1000, 1, 1)
"""Earliest date of a row: formats of dates have years of four digits."""


@dataclass(frozen=True)
class ComparisonRows:
    """Rows of a table in two forms: as the reader of tables returns them, and as cells."""

    values: NDArray[np.float64]
    """Values of shape (n, columns), with NaN for missing cells."""

    categories: tuple[tuple[str, ...], ...]
    """Texts of the category codes of each column."""

    cells: dict[str, NDArray[np.float32] | list[str]]
    """Cells by the name of their column: float32 for numbers, and texts for other columns."""


def draw_comparison_rows(input_profile: InputProfile, missing: Sequence[str], count: int) -> ComparisonRows:
    """Draw rows within the range of the training, with missing cells and unknown categories.

    Equal arguments give equal rows.

    Args:
        input_profile: The input profile of a run with typed columns.
        missing: The texts of missing cells.
        count: The number of rows.
    """
    if input_profile.encoding is None:
        raise TypeError("the run has no typed columns")
    rng, start = np.random.default_rng(0), 0
    values, categories, cells = [], [], {}
    for encoding in input_profile.encoding.columns:
        column = encoding.column
        drawn, texts, column_cells = _draw_column(encoding, input_profile, start, rng, count)
        if column.type == "category" or column.missing != "error":
            is_missing = rng.random(count) < _MISSING_SHARE
            drawn[is_missing] = np.nan
            if isinstance(column_cells, list):
                column_cells = [missing[0] if gap else cell for gap, cell in zip(is_missing, column_cells, strict=True)]
            else:
                column_cells[is_missing] = np.nan
        values.append(drawn)
        categories.append(texts)
        cells[column.name] = column_cells
        start += column.inputs
    return ComparisonRows(np.stack(values, axis=1), tuple(categories), cells)


def _draw_column(
    encoding: ColumnEncoding, input_profile: InputProfile, start: int, rng: np.random.Generator, count: int
) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.float32] | list[str]]:
    """Draw the values of one column without missing cells, with the texts of its categories, and its cells.

    Args:
        encoding: The encoding of the column.
        input_profile: The input profile of the run.
        start: The position of the first input of the column.
        rng: The generator of random numbers.
        count: The number of rows.
    """
    column = encoding.column
    if column.type == "category":
        texts = (*encoding.categories, _UNKNOWN_CATEGORY)
        codes = rng.integers(0, len(texts), count)
        return codes.astype(np.float64), texts, [texts[code] for code in codes]
    if column.type == "boolean":
        codes = rng.integers(0, 2, count)
        return codes.astype(np.float64), (), ["yes" if code else "no" for code in codes]
    at = start + (column.parts.index(DAYS_PART) if column.type == "date" else 0)
    numbers = rng.uniform(input_profile.minimum[at], input_profile.maximum[at], count)
    if column.type == "number":
        rounded = numbers.astype(np.float32)
        return rounded.astype(np.float64), (), rounded
    dates = [_format_date(encoding, float(number) + encoding.first_day) for number in numbers]
    # A format without seconds or years changes the date.
    return np.array([parse_date(date, column.format) for date in dates], np.float64), (), dates


def _format_date(encoding: ColumnEncoding, days: float) -> str:
    """Format days since 1970-01-01 as a cell of a column."""
    column = encoding.column
    moment = max(datetime(1970, 1, 1) + timedelta(seconds=round(days * 86_400)), _FIRST_DAY)
    if column.format is not None:
        return moment.strftime(column.format)
    return moment.isoformat(" ") if column.has_time else moment.date().isoformat()
