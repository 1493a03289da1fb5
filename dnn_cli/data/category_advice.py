"""Columns of categories that harm a training: ids, a single text, and texts that reveal the target."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.column_advice import ColumnIssue, suggest_ignoring_columns
from dnn_cli.data.data_issues import DataIssue
from dnn_cli.data.data_leakage import score_single_columns
from dnn_cli.data.examples import Examples
from dnn_cli.runs.revealing_columns import find_revealing_columns

_MIN_ROWS = 20
"""Minimum number of rows for an issue. Fewer texts can differ by coincidence."""


def list_category_advice(data: Data, examples: Examples, train: NDArray[np.int64]) -> list[DataIssue]:
    """List issues of columns of categories; an empty list for data without such columns.

    Args:
        data: The data of an experiment.
        examples: The examples of all splits, before the encoding of typed columns.
        train: The indices of the training examples.
    """
    if not examples.categories or len(train) < _MIN_ROWS:
        return []
    codes = examples.inputs[train]
    is_category = np.array([column.type == "category" for column in data.info.columns])
    # Missing cells are a category of their own.
    counts = np.array([len(np.unique(codes[:, column])) for column in range(codes.shape[1])])
    ids = np.flatnonzero(is_category & (counts == len(codes)) & ~np.isnan(codes).any(0)).tolist()
    constants = np.flatnonzero(is_category & (counts == 1)).tolist()
    issues = [ColumnIssue((column,), "{} has a different text in each row, as ids have", "ids") for column in ids]
    if constants:
        sentence = "{} is constant" if len(constants) == 1 else "{} are constant"
        issues.append(ColumnIssue(tuple(constants), sentence, "constant_columns"))
    revealing = _find_revealing_categories(examples, train, is_category, ids)
    if revealing:
        sentence = "{} alone predicts the target" if len(revealing) == 1 else "{} each predict the target"
        issues.append(ColumnIssue(revealing, sentence, "revealing_columns"))
    names = data.info.input_columns
    columns = [[names[column] for column in issue.columns] for issue in issues]
    suggestion = suggest_ignoring_columns(data, [name for listed in columns for name in listed])
    return [
        DataIssue(issue.kind, issue.format_sentence(names), suggestion, tuple(listed))
        for issue, listed in zip(issues, columns, strict=True)
    ]


def _find_revealing_categories(
    examples: Examples, train: NDArray[np.int64], is_category: NDArray[np.bool_], ids: list[int]
) -> tuple[int, ...]:
    """Find columns of categories that alone predict the target, if all other columns are clearly worse.

    Args:
        examples: The examples of all splits, before the encoding of typed columns.
        train: The indices of the training examples.
        is_category: Whether each column has categories.
        ids: The positions of columns of ids, which are left out.
    """
    filled = replace(examples, inputs=np.nan_to_num(examples.inputs, nan=-1.0))
    marks = np.zeros(len(is_category), np.uint8)
    marks[ids] = 1
    revealing = find_revealing_columns(score_single_columns(filled, train), marks, len(train))
    # Columns of numbers have their own issues.
    return tuple(column for column in revealing.columns if is_category[column]) if revealing else ()
