"""Columns of a table that harm a training: constant columns, row numbers, rounded numbers, and revealed targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.data_leakage import find_row_number_columns, score_single_columns
from dnn_cli.data.examples import Examples
from dnn_cli.formats.data_overrides import format_override
from dnn_cli.formats.table_encoding import TableEncoding
from dnn_cli.runs.revealing_column import find_revealing_column

_MAX_SCORED_COLUMNS = 50
"""Maximum number of columns that are scored one by one. Scoring takes about 1 ms per column."""

_MAX_NAMED_COLUMNS = 5

_FIRST_ROUNDED = 2**24
"""First whole number whose successor a 32-bit float cannot represent."""

_MIN_CLOSE_SHARE = 0.05
"""A column is reported if at least this share of its values are neighbouring 32-bit floats of whole numbers.

Prices are further apart. Numbers of customers or of seconds are so close that several of them become one float."""


@dataclass(frozen=True)
class ColumnIssue:
    """Columns with the same fault, in one sentence with `{}` instead of their names."""

    columns: tuple[int, ...]
    sentence: str

    def format_sentence(self, names: Sequence[str]) -> str:
        """Return the sentence with the names of the columns."""
        listed = ", ".join(names[column] for column in self.columns[:_MAX_NAMED_COLUMNS])
        more = len(self.columns) - _MAX_NAMED_COLUMNS
        noun = "column" if len(self.columns) == 1 else "columns"
        return self.sentence.format(f"{noun} {listed}{f' and {more} more' if more > 0 else ''}")


def list_column_issues(examples: Examples, train: NDArray[np.int64]) -> list[ColumnIssue]:
    """List columns of a table that harm a training. A column occurs in at most one issue.

    Args:
        examples: The examples of all splits, with inputs of shape (n, columns).
        train: The indices of the training examples.
    """
    low, high = examples.inputs.min(0), examples.inputs.max(0)
    return [
        *_find_constant_columns(low, high),
        *list_leak_issues(examples, train),
        *_find_rounded_columns(examples, low, high),
    ]


def list_leak_issues(examples: Examples, train: NDArray[np.int64]) -> list[ColumnIssue]:
    """List the columns of row numbers, and the column that alone predicts the target.

    Args:
        examples: The examples of all splits, with inputs of shape (n, columns).
        train: The indices of the training examples.
    """
    numbering = find_row_number_columns(examples.inputs)
    issues = [ColumnIssue((column,), "{} contains only row numbers") for column in np.flatnonzero(numbering).tolist()]
    if examples.inputs.shape[1] <= _MAX_SCORED_COLUMNS:
        revealing = find_revealing_column(score_single_columns(examples, train), numbering, len(train))
        if revealing is not None:
            issues.append(ColumnIssue((revealing.column,), "{} alone predicts the target"))
    return issues


def _find_constant_columns(low: NDArray[Any], high: NDArray[Any]) -> Iterator[ColumnIssue]:
    """Yield the columns in which all rows have the same number, by the minimum and maximum of each column."""
    is_constant = low == high
    if is_constant.any() and not is_constant.all():
        columns = tuple(np.flatnonzero(is_constant).tolist())
        yield ColumnIssue(columns, "{} is constant" if len(columns) == 1 else "{} are constant")


def _find_rounded_columns(examples: Examples, low: NDArray[Any], high: NDArray[Any]) -> Iterator[ColumnIssue]:
    """Yield the columns of whole numbers that 32-bit floats cannot distinguish.

    Args:
        examples: The examples of all splits.
        low: The minimum of each column.
        high: The maximum of each column.
    """
    if examples.inputs.dtype != np.float32:
        return
    for column in np.flatnonzero((np.maximum(np.abs(low), np.abs(high)) >= _FIRST_ROUNDED) & (low < high)).tolist():
        values = np.sort(examples.inputs[:, column])
        gaps = np.diff(values.astype(np.float64))
        is_close = (gaps > 0) & (gaps <= np.spacing(np.abs(values[1:]))) & (np.abs(values[1:]) >= _FIRST_ROUNDED)
        if is_close.sum() >= max(1, _MIN_CLOSE_SHARE * len(values)):
            count = int((np.abs(values) >= _FIRST_ROUNDED).sum())
            sentence = f"{{}} has {count:,} numbers above {_FIRST_ROUNDED:,}, which 32-bit floats do not distinguish"
            yield ColumnIssue((column,), sentence)


def list_column_advice(data: Data, examples: Examples, train: NDArray[np.int64]) -> list[str]:
    """Return advice on the columns of a table, as one line for each issue; an empty list for other inputs.

    Args:
        data: The data of an experiment.
        examples: The examples of all splits.
        train: The indices of the training examples.
    """
    if examples.inputs.ndim != 2 or not len(examples):
        return []
    names = data.info.features
    if examples.encoding is not None:
        names, examples = _select_number_columns(examples.encoding, examples)
        if not names:
            return []
    issues = list_column_issues(examples, train)
    if not names:
        numbers = [str(column + 1) for column in range(examples.inputs.shape[1])]
        return [f"{issue.format_sentence(numbers)}  (remove such columns from the array)" for issue in issues]
    ignored = {name: None for issue in issues for name in (names[column] for column in issue.columns)}
    # A table needs at least one input.
    hint = (
        format_override("ignore", [*(data.ignore or ()), *ignored])
        if len(ignored) < len(data.info.input_columns)
        else "add other columns"
    )
    return [f"{issue.format_sentence(names)}  ({hint})" for issue in issues]


def _select_number_columns(encoding: TableEncoding, examples: Examples) -> tuple[tuple[str, ...], Examples]:
    """Select the columns of numbers among encoded inputs. Return the names of the columns, and their examples.

    Inputs of dates and categories are often constant, and the days of a daily table count its rows.
    """
    names, positions, start = [], [], 0
    for column in encoding.columns:
        if column.column.type in ("number", "boolean"):
            names.append(column.column.name)
            positions.append(start)
        start += column.column.inputs
    return tuple(names), replace(examples, inputs=examples.inputs[:, positions], encoding=None)
