"""Columns of group numbers: rows of one group, such as the visits of a patient, are nearly equal in other columns.

If rows of one group are in the training and the validation set, the validation score is too good.
"""

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import SPLIT_ADJECTIVES, TEST, TRAINING, VALIDATION, AllExamples
from dnn_cli.data.column_advice import get_column_names
from dnn_cli.data.data_issues import DataIssue, get_example_noun
from dnn_cli.formats.data_overrides import format_override

_MIN_GROUPS = 20
"""Minimum number of groups. A column with fewer values is a property, such as a country."""

_MIN_GROUP_ROWS = 2.0
"""Minimum of the mean number of rows in a group."""

_MAX_WITHIN_SHARE = 0.1
"""Rows of a group are nearly equal in a column if at most this share of its variance is within groups.

For groups that do not matter, the share is near 1."""

_MIN_NEAR_COLUMNS, _MIN_NEAR_SHARE = 2, 0.5
"""A column of group numbers is reported if at least this number and this share of the other columns are nearly equal
within groups."""

_MIN_SUCCESSIVE_RATIO = 0.5
"""Smallest ratio of von Neumann (1941) for a column of arbitrary numbers, for which the ratio is near 1.

The ratio is near 0 if another column is a smooth function of the number, such as a temperature of the day."""

_MAX_ROWS = 4000
"""Approximate maximum number of rows of the sample of whole groups. Searching 100 columns then takes 0.6 s."""

_MAX_COLUMNS = 100
"""Maximum number of columns of a table that is searched. The time grows with the square of the number."""


def list_group_issues(data: Data, all_examples: AllExamples) -> list[DataIssue]:
    """List columns of group numbers whose groups are in several splits; an empty list for other inputs than tables.

    Args:
        data: The data of an experiment.
        all_examples: The examples of all splits, before the encoding of typed columns.
    """
    shape = all_examples.examples.inputs.shape[1:]
    others = [split for split in (VALIDATION, TEST) if (all_examples.split_numbers == split).any()]
    if len(shape) != 1 or not _MIN_NEAR_COLUMNS < shape[0] <= _MAX_COLUMNS or not others:
        return []
    rows = all_examples.get_rows(np.arange(len(all_examples))).astype(np.float64)
    is_number = np.array([column.type == "number" for column in data.info.columns] or [True] * shape[0])
    is_category = np.array([column.type == "category" for column in data.info.columns] or [False] * shape[0])
    names, noun = get_column_names(data, shape[0]), get_example_noun(data)
    issues = []
    for column in np.flatnonzero(is_number | is_category).tolist():
        groups = _find_groups(rows[:, column])
        if groups is None:
            continue
        step = _choose_group_step(groups)
        is_sampled = groups % step == 0
        other_columns = np.flatnonzero(is_number & (np.arange(shape[0]) != column))
        sample, sample_groups = rows[np.ix_(is_sampled, other_columns)], groups[is_sampled] // step
        if not _are_near_within_groups(sample, sample_groups, is_ordered=not is_category[column]):
            continue
        for split in others:
            is_member = all_examples.split_numbers == split
            shared = int(np.isin(groups[is_member], groups[all_examples.split_numbers == TRAINING]).sum())
            if shared:
                adjective, total = SPLIT_ADJECTIVES[split], int(is_member.sum())
                message = (
                    f"{shared:,} of {total:,} {adjective} {noun}s have the same {names[column]} as training {noun}s, "
                    f"and {noun}s of the same {names[column]} are nearly equal"
                )
                issues.append(
                    DataIssue("grouped_rows", message, _suggest_split(data, names[column], split), (names[column],))
                )
    return issues


def _suggest_split(data: Data, name: str, split: int) -> str:
    """Suggest a split that keeps groups together.

    Args:
        data: The data of an experiment.
        name: The name of the column of group numbers.
        split: The number of the split that shares groups with the training examples.
    """
    info = data.info
    has_own_file = info.validation_examples if split == VALIDATION else info.test_examples
    if info.features and data.group is None and not has_own_file:
        return format_override("group", name)
    return f"put whole groups into the {SPLIT_ADJECTIVES[split]} set"


def _find_groups(values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Return the number of the group of each row; `None` if a column cannot be one of group numbers."""
    if np.isnan(values).any() or (values != np.rint(values)).any():
        return None
    distinct, groups = np.unique(values, return_inverse=True)
    if len(distinct) < _MIN_GROUPS or len(values) < _MIN_GROUP_ROWS * len(distinct):
        return None
    return groups.reshape(-1)


def _choose_group_step(groups: NDArray[np.int64]) -> int:
    """Return the step between the groups of a sample, which has about `_MAX_ROWS` rows or `_MIN_GROUPS` groups."""
    return max(1, min(len(groups) // _MAX_ROWS, (int(groups.max()) + 1) // _MIN_GROUPS))


def _are_near_within_groups(rows: NDArray[np.float64], groups: NDArray[np.int64], *, is_ordered: bool) -> bool:
    """Return whether rows of one group are nearly equal in enough columns.

    Args:
        rows: The other columns of numbers, of shape (n, columns).
        groups: The number of the group of each row, in the order of the values of the column.
        is_ordered: Whether the order of the groups has a meaning.
    """
    is_missing = np.isnan(rows)
    means = np.where(is_missing, 0, rows).sum(0) / np.maximum((~is_missing).sum(0), 1)
    values = np.where(is_missing, 0, rows - means)
    variances = (values**2).mean(0)
    values, variances = values[:, variances > 0], variances[variances > 0]
    if values.shape[1] < _MIN_NEAR_COLUMNS:
        return False
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    group_means = np.add.reduceat(values[order], np.cumsum(counts) - counts) / counts[:, None]
    within = (values**2).sum(0) - (counts[:, None] * group_means**2).sum(0)
    is_near = within / (len(values) - len(counts)) <= _MAX_WITHIN_SHARE * variances
    if is_ordered:
        successive = (np.diff(group_means, axis=0) ** 2).mean(0) / 2
        is_near &= successive >= _MIN_SUCCESSIVE_RATIO * group_means.var(0)
    return bool(is_near.sum() >= max(_MIN_NEAR_COLUMNS, _MIN_NEAR_SHARE * values.shape[1]))
