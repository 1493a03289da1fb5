"""Encoding of typed columns in plain Python, with which the encoding of `dnn` is compared."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.helpers.random_typed_tables import TypedColumn, split_day


def encode_in_python(column: TypedColumn, train: Sequence[int], new_values: Sequence[Any]) -> list[list[float]]:
    """Encode values of a column, fitted to training rows of the column. Each item has the inputs of one value.

    Args:
        column: The column with all values of the file.
        train: The training rows.
        new_values: The values to encode.
    """
    values = [column.values[row] for row in train]
    if column.type == "category":
        return _encode_categories(column, values, new_values)
    present = [value for value in values if value is not None]
    has_indicator = None in column.values
    replacement = 0.0
    if present:
        mean = column.options.get("missing") == "mean"
        replacement = math.fsum(present) / len(present) if mean else statistics.median(present)
    inputs = []
    for value in new_values:
        # Without a value in the training rows, all values count as missing.
        is_missing = value is None or not present
        number = replacement if is_missing else value
        parts = [number]
        if column.type == "date":
            parts = [*map(float, split_day(number)), number - (min(present) if present else 0)]
            if any(day is not None and day % 1 for day in column.values):
                parts.append(number % 1 * 24)
        inputs.append([*parts, *([float(is_missing)] if has_indicator else [])])
    return inputs


def _encode_categories(column: TypedColumn, values: list[Any], new_values: Sequence[Any]) -> list[list[float]]:
    """Encode categories, of which `None` is one, fitted to the values of the training rows."""
    min_frequency, max_categories = column.options.get("min_frequency", 2), column.options.get("max_categories", 50)
    frequent = sum(count >= min_frequency for count in Counter(column.values).values())
    size = min(frequent + 1, max_categories)
    counts = Counter(values)
    # Of equally frequent categories, a missing cell and later texts come first.
    ranked = sorted(counts, key=lambda name: (counts[name], name is None, name or ""), reverse=True)
    own = [name for name in ranked if counts[name] >= min_frequency][: size - 1]
    ordered = sorted(name for name in own if name is not None) + [None] * (None in own)
    inputs = []
    for value in new_values:
        row = [0.0] * size
        if value in own:
            row[ordered.index(value)] = 1.0
        elif len(own) < len(counts):
            row[-1] = 1.0
        inputs.append(row)
    return inputs


def encode_table(columns: Sequence[TypedColumn], train: Sequence[int], new: Sequence[Sequence[Any]]) -> Any:
    """Encode the values of all columns, float32 of shape (rows, inputs)."""
    encoded = [encode_in_python(column, train, values) for column, values in zip(columns, new, strict=True)]
    return np.float32([[number for part in row for number in part] for row in zip(*encoded, strict=True)])
