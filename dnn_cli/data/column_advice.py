"""Columns of a table that harm a training: constant columns, row numbers, ids, rounded numbers, revealed targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.data.data_issues import DataIssue, format_names
from dnn_cli.data.data_leakage import find_id_columns, find_row_number_columns, score_single_columns
from dnn_cli.data.examples import Examples
from dnn_cli.formats.data_overrides import format_override
from dnn_cli.formats.table_encoding import TableEncoding
from dnn_cli.runs.revealing_columns import find_revealing_columns

_MAX_SCORED_COLUMNS = 50
"""Maximum number of columns that are scored one by one before a training. Scoring takes about 1 ms per column."""

MAX_CHECKED_COLUMNS = 1000
"""Maximum number of columns that a check of the data scores one by one."""

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
    kind: str
    """Name of the kind of issue, such as `constant_columns`."""

    def format_sentence(self, names: Sequence[str]) -> str:
        """Return the sentence with the names of the columns."""
        return self.sentence.format(format_names("column", "columns", [names[column] for column in self.columns]))


def list_column_issues(
    examples: Examples, train: NDArray[np.int64], max_scored: int = _MAX_SCORED_COLUMNS
) -> list[ColumnIssue]:
    """List columns of a table that harm a training. A column occurs in at most one issue.

    Args:
        examples: The examples of all splits, with inputs of shape (n, columns).
        train: The indices of the training examples.
        max_scored: The maximum number of columns of a table whose columns are scored one by one.
    """
    low, high = examples.inputs.min(0), examples.inputs.max(0)
    return [
        *_find_constant_columns(low, high),
        *list_leak_issues(examples, train, max_scored),
        *_find_rounded_columns(examples, low, high),
    ]


def list_leak_issues(
    examples: Examples, train: NDArray[np.int64], max_scored: int = _MAX_SCORED_COLUMNS
) -> list[ColumnIssue]:
    """List the columns of row numbers and of ids, and the columns that alone predict the target.

    Args:
        examples: The examples of all splits, with inputs of shape (n, columns).
        train: The indices of the training examples.
        max_scored: The maximum number of columns of a table whose columns are scored one by one.
    """
    numbering = find_row_number_columns(examples.inputs)
    ids = find_id_columns(examples.inputs[train]) & (numbering == 0)
    issues = [
        ColumnIssue((column,), "{} contains only row numbers", "row_numbers") for column in _list_marked(numbering)
    ]
    sentence = "{} has a different whole number in each row, as ids have"
    issues += [ColumnIssue((column,), sentence, "ids") for column in _list_marked(ids)]
    if examples.inputs.shape[1] <= max_scored:
        revealing = find_revealing_columns(score_single_columns(examples, train), numbering | ids, len(train))
        if revealing is not None:
            sentence = "{} alone predicts the target" if len(revealing.columns) == 1 else "{} each predict the target"
            issues.append(ColumnIssue(revealing.columns, sentence, "revealing_columns"))
    return issues


def _list_marked(marks: NDArray[np.uint8]) -> list[int]:
    """Return the positions of the marks that are not 0."""
    positions: list[int] = np.flatnonzero(marks).tolist()
    return positions


def _find_constant_columns(low: NDArray[Any], high: NDArray[Any]) -> Iterator[ColumnIssue]:
    """Yield the columns in which all rows have the same number, by the minimum and maximum of each column."""
    is_constant = low == high
    if is_constant.any() and not is_constant.all():
        columns = tuple(np.flatnonzero(is_constant).tolist())
        sentence = "{} is constant" if len(columns) == 1 else "{} are constant"
        yield ColumnIssue(columns, sentence, "constant_columns")


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
            yield ColumnIssue((column,), sentence, "rounded_numbers")


def list_column_advice(
    data: Data, examples: Examples, train: NDArray[np.int64], max_scored: int = _MAX_SCORED_COLUMNS
) -> list[DataIssue]:
    """Return issues of the columns of a table, with the override that leaves them out; an empty list for other inputs.

    Args:
        data: The data of an experiment.
        examples: The examples of all splits.
        train: The indices of the training examples.
        max_scored: The maximum number of columns of a table whose columns are scored one by one.
    """
    if examples.inputs.ndim != 2 or not len(examples):
        return []
    names = get_column_names(data, examples.inputs.shape[1])
    if examples.encoding is not None:
        names, examples = _select_number_columns(examples.encoding, examples)
        if not names:
            return []
    issues = list_column_issues(examples, train, max_scored)
    suggestion = suggest_ignoring_columns(data, [names[column] for issue in issues for column in issue.columns])
    return [
        DataIssue(
            issue.kind, issue.format_sentence(names), suggestion, tuple(names[column] for column in issue.columns)
        )
        for issue in issues
    ]


def get_column_names(data: Data, count: int) -> tuple[str, ...]:
    """Return the names of the columns of a table. The columns of an array are named 1, 2, 3 and so on."""
    return data.info.input_columns or tuple(str(column + 1) for column in range(count))


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


def suggest_ignoring_columns(data: Data, names: Sequence[str]) -> str:
    """Suggest how to leave columns out of the inputs; empty for a built-in dataset."""
    if data.dataset not in USER_DATA_KINDS:
        return ""
    if not data.info.features:
        return "remove such columns from the array"
    ignored = dict.fromkeys(names)
    # A table needs at least one input.
    if len(ignored) == len(data.info.input_columns):
        return "add other columns"
    return format_override("ignore", [*(data.ignore or ()), *ignored])
