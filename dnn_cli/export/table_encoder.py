"""Encoding of the columns of a table as operations of TensorFlow, for a SavedModel that takes cells as they come."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from dnn_cli.export.date_operations import build_date_pattern, encode_days, parse_dates
from dnn_cli.export.table_interface import list_tensor_names
from dnn_cli.formats.csv_inputs import WORD_VALUES
from dnn_cli.formats.table_encoding import ColumnEncoding, TableEncoding

_SPACES = r"[\pZ\s\x0b\x1c-\x1f\x85]+"
"""Characters that Python's `str.strip` removes."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


class TableEncoder(tf.Module):  # type: ignore[misc]
    """Encoder of the columns of a table: cells are tensors by the name of their column.

    Numbers are float32 of shape (n,), with NaN for missing cells. Cells of other columns are texts of shape (n,).
    """

    def __init__(self, encoding: TableEncoding, missing: Sequence[str]) -> None:
        """Create the encoder.

        Args:
            encoding: The encoding of a training.
            missing: The texts of missing cells.

        Raises:
            RunError: the format of a column of dates cannot be exported.
        """
        super().__init__(name="table_encoder")
        self._names = [column.column.name for column in encoding.columns]
        texts = list(dict.fromkeys(text.strip() for text in missing))
        self._encoders = [_ENCODERS[column.column.type](column, texts) for column in encoding.columns]
        tensor_names = list_tensor_names(self._names)
        self.signature = {
            column.column.name: tf.TensorSpec(
                (None,), tf.float32 if column.column.type == "number" else tf.string, name=tensor_names[at]
            )
            for at, column in enumerate(encoding.columns)
        }
        """Types of the cells by the name of their column."""

    def __call__(self, rows: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Encode rows into inputs, float32 of shape (n, inputs). An invalid cell fails with the name of its column."""
        inputs = [encode(rows[name]) for name, encode in zip(self._names, self._encoders, strict=True)]
        return tf.concat(inputs, axis=1)


class _CategoryEncoder(tf.Module):  # type: ignore[misc]
    """Encoder of a column of categories: each text selects a row of a constant matrix."""

    def __init__(self, encoding: ColumnEncoding, missing: Sequence[str]) -> None:
        super().__init__()
        names, unknown = encoding.categories, "".join(encoding.categories) + "?"
        codes = np.array([*range(len(names)), np.nan, len(names)], np.float64)
        self._rows = encoding.encode(codes, (*names, unknown))
        texts = [*names, *missing]
        numbers = [*range(len(names)), *[len(names)] * len(missing)]
        self._table = _build_table(texts, numbers, default=len(names) + 1)

    def __call__(self, cells: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(self._rows), self._table.lookup(_strip(cells)))


class _BooleanEncoder(tf.Module):  # type: ignore[misc]
    """Encoder of a column of yes and no."""

    def __init__(self, encoding: ColumnEncoding, missing: Sequence[str]) -> None:
        super().__init__()
        self._encoding, self._missing = encoding, missing
        self._words = _build_table([*WORD_VALUES], [*map(int, WORD_VALUES.values())], default=-1)

    def __call__(self, cells: tf.Tensor) -> tf.Tensor:
        cells = _strip(cells)
        is_missing = _find_missing(cells, self._missing)
        is_number = tf.strings.regex_full_match(cells, _NUMBER)
        numbers = tf.strings.to_number(tf.where(is_number, cells, "-1"), tf.float32)
        words = tf.cast(self._words.lookup(tf.strings.lower(cells, "utf-8")), tf.float32)
        values = tf.where(is_number, numbers, words)
        name = self._encoding.column.name
        is_valid = is_missing | (values == 0) | (values == 1)
        _check_cells(name, cells, is_valid, "is not yes or no, true or false, or 1 or 0")
        return _fill_missing(self._encoding, values[:, None], is_missing, cells)


class _NumberEncoder(tf.Module):  # type: ignore[misc]
    """Encoder of a column of numbers."""

    def __init__(self, encoding: ColumnEncoding, missing: Sequence[str]) -> None:
        super().__init__()
        self._encoding = encoding

    def __call__(self, cells: tf.Tensor) -> tf.Tensor:
        return _fill_missing(self._encoding, cells[:, None], tf.math.is_nan(cells), tf.strings.as_string(cells))


class _DateEncoder(tf.Module):  # type: ignore[misc]
    """Encoder of a column of dates."""

    def __init__(self, encoding: ColumnEncoding, missing: Sequence[str]) -> None:
        super().__init__()
        self._encoding, self._missing = encoding, missing
        self._pattern = build_date_pattern(encoding.column.name, encoding.column.format)

    def __call__(self, cells: tf.Tensor) -> tf.Tensor:
        cells, column = _strip(cells), self._encoding.column
        is_missing = _find_missing(cells, self._missing)
        days, is_date = parse_dates(cells, self._pattern)
        kind = f"is not a date in the format {column.format or 'ISO 8601'}"
        _check_cells(column.name, cells, is_missing | is_date, kind)
        return _fill_missing(self._encoding, encode_days(days, self._encoding), is_missing, cells)


_Encoder = Callable[[tf.Tensor], tf.Tensor]
_ENCODERS: dict[str, Callable[[ColumnEncoding, Sequence[str]], _Encoder]] = {
    "category": _CategoryEncoder,
    "boolean": _BooleanEncoder,
    "number": _NumberEncoder,
    "date": _DateEncoder,
}


def _build_table(texts: Sequence[str], numbers: Sequence[int], default: int) -> tf.lookup.StaticHashTable:
    """Build a table that looks up the number of a text."""
    keys, values = tf.constant(texts, tf.string), tf.constant(numbers, tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)


def _strip(cells: tf.Tensor) -> tf.Tensor:
    """Remove spaces from both ends of texts, as the reader of tables does."""
    return tf.strings.regex_replace(cells, f"^{_SPACES}|{_SPACES}$", "")


def _find_missing(cells: tf.Tensor, missing: Sequence[str]) -> tf.Tensor:
    """Return whether each text marks a missing cell."""
    return tf.reduce_any(tf.equal(cells[:, None], tf.constant([*missing], tf.string)[None]), axis=1)


def _fill_missing(encoding: ColumnEncoding, values: tf.Tensor, is_missing: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """Replace the inputs of missing cells, and add the input that marks them.

    Args:
        encoding: The encoding of the column.
        values: The inputs without this mark, float32 of shape (n, inputs). Those of missing cells have no meaning.
        is_missing: Whether each cell is missing, of shape (n,).
        cells: The texts of the cells, for messages.
    """
    column = encoding.column
    if column.missing == "error":
        _check_cells(column.name, cells, ~is_missing, "is missing")
    if not encoding.has_values:
        is_missing = tf.ones_like(is_missing)
    if column.has_indicator:
        values = tf.concat([values, tf.zeros_like(values[:, :1])], axis=1)
    missing_row = tf.constant(encoding.encode(np.array([np.nan]), ()))
    return tf.where(is_missing[:, None], missing_row, values)


def _check_cells(column: str, cells: tf.Tensor, is_valid: tf.Tensor, problem: str) -> None:
    """Let the model fail on an invalid cell, with the name of the column and the first invalid cell."""
    first = tf.boolean_mask(cells, ~is_valid)[:1]
    tf.debugging.Assert(tf.reduce_all(is_valid), [f"column {column}: this cell {problem}:", first])
