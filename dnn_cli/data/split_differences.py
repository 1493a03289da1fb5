"""Differences between the distributions of splits: columns, statistics of images, classes and targets.

Validation and test examples are compared with the training examples. A difference is reported if it is large and if
chance rarely explains it. The limit of the p-value is divided by the number of comparisons (Bonferroni).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import SPLIT_ADJECTIVES, TEST, TRAINING, VALIDATION, AllExamples
from dnn_cli.data.column_advice import get_column_names
from dnn_cli.data.data_issues import DataIssue, format_names, get_example_noun
from dnn_cli.data.input_statistics import is_image_shape, measure_looks
from dnn_cli.data.two_samples import compare_distributions, compare_shares
from dnn_cli.runs.input_profile import IMAGE_STATISTICS

_MAX_FALSE_ALARM_RATE = 0.01
"""Maximum chance that a kind of difference is reported for a random split: inputs, classes, or targets."""

_MIN_DISTANCE = 0.1
"""Smallest reported difference between the cumulative shares of a column in two splits.

For a normal distribution, it is a shift by a quarter of the standard deviation. Smaller differences harm little."""

_MIN_SHARE_DIFFERENCE, _MIN_SHARE_RATIO = 0.05, 2.0
"""Smallest reported difference between the shares of a class in two splits, or smallest ratio of the shares."""

_MAX_SAMPLE_VALUES = 4_000_000
"""Approximate maximum number of values in the sample of a split. Comparisons of 1,000 columns then take 1 s."""

_MAX_COLUMNS = 1000
"""Maximum number of columns that are compared. More columns are pixels or embeddings, which have no names."""


@dataclass(frozen=True)
class _Difference:
    """Difference of a column or class between two splits, with its size for the order of messages."""

    name: str
    size: float
    values: tuple[str, str]
    """Mean or share in the training split and in the other split, as text."""

    column: str = ""
    """Name of the column, if `name` is that of a category in the column."""


@dataclass(frozen=True)
class _Columns:
    """Columns that are compared between two splits."""

    names: tuple[str, ...]
    is_compared: list[bool]
    categories: tuple[tuple[str, ...], ...] = ()
    """Texts of the category codes of each column; empty for data without typed columns."""

    dates: frozenset[str] = frozenset()
    """Names of the columns of dates, whose numbers are days since 1970-01-01."""

    def list_categories(self, column: int) -> tuple[str, ...]:
        """Return the texts of the category codes of a column; empty for a column of numbers."""
        return self.categories[column] if self.categories else ()

    def format_number(self, column: int, number: float) -> str:
        """Return a number of a column as text; a date for a column of dates."""
        return str(np.datetime64(round(number), "D")) if self.names[column] in self.dates else f"{number:.4g}"

    @property
    def comparison_count(self) -> int:
        """Number of comparisons: one for each category; for numbers, their distribution and their missing values."""
        used = [column for column, is_used in enumerate(self.is_compared) if is_used]
        return sum(len(self.list_categories(column)) or 2 for column in used)


def list_difference_issues(data: Data, all_examples: AllExamples, ignored_columns: frozenset[str]) -> list[DataIssue]:
    """List differences between the training examples and the validation or test examples.

    Args:
        data: The data of an experiment.
        all_examples: The examples of all splits.
        ignored_columns: The names of columns that have another issue, and are left out.
    """
    others = [split for split in (VALIDATION, TEST) if (all_examples.split_numbers == split).any()]
    limit = _MAX_FALSE_ALARM_RATE / max(1, len(others))
    issues: list[DataIssue] = []
    for split in others:
        issues += _find_input_differences(data, all_examples, split, limit, ignored_columns)
        issues += _find_target_differences(data, all_examples, split, limit)
    return issues


def _list_independent_numbers(all_examples: AllExamples, split: int) -> NDArray[np.int64]:
    """Return the numbers of the examples of a split. With groups, they are those of the first example of each group.

    The tests of two samples need independent examples. Those of one group are similar.
    """
    numbers, groups = all_examples.list_numbers(split), all_examples.examples.groups
    if groups is None or not len(numbers) or numbers[-1] >= len(groups) or (groups[numbers] < 0).any():
        return numbers
    return np.sort(numbers[np.unique(groups[numbers], return_index=True)[1]])


def _sample_split(all_examples: AllExamples, split: int) -> NDArray[np.float32]:
    """Return inputs at evenly spaced positions of a split, as float32 rows."""
    numbers = _list_independent_numbers(all_examples, split)
    size = math.prod(all_examples.examples.inputs.shape[1:])
    return all_examples.get_rows(numbers[:: max(1, math.ceil(len(numbers) * size / _MAX_SAMPLE_VALUES))]).astype(
        np.float32
    )


def _find_input_differences(
    data: Data, all_examples: AllExamples, split: int, limit: float, ignored_columns: frozenset[str]
) -> Iterator[DataIssue]:
    """Yield an issue if inputs differ between the training examples and those of another split.

    Args:
        data: The data of an experiment.
        all_examples: The examples of all splits.
        split: The number of the other split.
        limit: The maximum p-value, before its division by the number of columns.
        ignored_columns: The names of columns that are left out.
    """
    shape = all_examples.examples.inputs.shape[1:]
    is_image = data.info.has_images and is_image_shape(shape)
    if not is_image and (len(shape) != 1 or shape[0] > _MAX_COLUMNS):
        return
    first, second = (_sample_split(all_examples, number) for number in (TRAINING, split))
    if is_image:
        first, second = _measure_images(first, second, shape)
        names: tuple[str, ...] = IMAGE_STATISTICS
    else:
        names = get_column_names(data, shape[0])
    is_compared = [name not in ignored_columns for name in names]
    categories = () if is_image else all_examples.examples.categories
    dates = frozenset(column.name for column in data.info.columns if column.type == "date")
    differences = _compare_columns(first, second, _Columns(names, is_compared, categories, dates), limit)
    if not differences:
        return
    noun, adjective = get_example_noun(data), SPLIT_ADJECTIVES[split]
    listed = tuple(difference.column or difference.name for difference in differences)
    subject = " and ".join(listed) if is_image else format_names("column", "columns", listed)
    verb = "differs" if len(differences) == 1 else "differ"
    largest = differences[0]
    quantity = "share" if largest.column else "mean"
    detail = f"{quantity} of {largest.name} {largest.values[0]} and {largest.values[1]}"
    yield DataIssue(
        "input_shift",
        f"{subject} {verb} between the training and {adjective} {noun}s: {detail}",
        _suggest_common_source(data, split),
        () if is_image else listed,
    )


def _measure_images(
    first: NDArray[np.float32], second: NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the `IMAGE_STATISTICS` of the images of two splits, float64 of shape (n, statistics)."""
    minimum, maximum, average = first.min(0), first.max(0), first.mean(0)
    return measure_looks(first, shape, minimum, maximum, average), measure_looks(
        second, shape, minimum, maximum, average
    )


def _compare_columns(first: NDArray[Any], second: NDArray[Any], columns: _Columns, limit: float) -> list[_Difference]:
    """Return the columns that differ between two samples, the largest difference first.

    Missing values are left out, and their shares are compared as well. Of a column of categories, the category with the
    largest difference is returned.

    Args:
        first: The training rows, of shape (n, columns).
        second: The rows of another split, of shape (m, columns).
        columns: The columns.
        limit: The maximum p-value, before its division by the number of comparisons.
    """
    limit /= max(1, columns.comparison_count)
    differences = []
    for column, name in enumerate(columns.names):
        if not columns.is_compared[column]:
            continue
        samples = [values[~np.isnan(values)] for values in (first[:, column], second[:, column])]
        if categories := columns.list_categories(column):
            differences += _compare_categories(name, categories, samples, (len(first), len(second)), limit)
            continue
        distance, chance = compare_distributions(*samples)
        if distance >= _MIN_DISTANCE and chance <= limit:
            means = [columns.format_number(column, float(values.mean(dtype=np.float64))) for values in samples]
            differences.append(_Difference(name, distance, (means[0], means[1])))
            continue
        missing = len(first) - len(samples[0]), len(second) - len(samples[1])
        difference = _compare_counts(name, (missing[0], len(first)), (missing[1], len(second)), limit)
        if difference is not None:
            texts = f"missing {difference.values[0]}", f"missing {difference.values[1]}"
            differences.append(_Difference(name, difference.size, texts))
    return sorted(differences, key=lambda difference: -difference.size)


def _compare_categories(
    name: str, categories: tuple[str, ...], samples: list[NDArray[Any]], totals: tuple[int, int], limit: float
) -> list[_Difference]:
    """Return the difference of the category whose shares differ most; an empty list without a difference.

    Args:
        name: The name of the column.
        categories: The texts of the category codes.
        samples: The codes of two samples, without missing cells.
        totals: The number of examples of each sample.
        limit: The maximum p-value.
    """
    counts = [np.bincount(codes.astype(np.int64), minlength=len(categories)).tolist() for codes in samples]
    compared = [
        _compare_counts(f"{name}={category}", (first, totals[0]), (second, totals[1]), limit)
        for category, first, second in zip(categories, *counts, strict=True)
    ]
    differences = sorted(filter(None, compared), key=lambda difference: -difference.size)
    return [replace(difference, column=name) for difference in differences[:1]]


def _compare_counts(name: str, first: tuple[int, int], second: tuple[int, int], limit: float) -> _Difference | None:
    """Return the difference between two shares, each a count and a total; `None` if it is small or due to chance."""
    if not first[0] and not second[0]:
        return None
    shares = first[0] / first[1], second[0] / second[1]
    size = abs(shares[0] - shares[1])
    if size < _MIN_SHARE_DIFFERENCE and max(shares) < _MIN_SHARE_RATIO * min(shares):
        return None
    if compare_shares(*first, *second) > limit:
        return None
    return _Difference(name, size, (f"{shares[0]:.1%}", f"{shares[1]:.1%}"))


def _find_target_differences(data: Data, all_examples: AllExamples, split: int, limit: float) -> Iterator[DataIssue]:
    """Yield an issue if classes or targets differ between the training examples and those of another split.

    Args:
        data: The data of an experiment.
        all_examples: The examples of all splits.
        split: The number of the other split.
        limit: The maximum p-value, before its division by the number of classes or targets.
    """
    targets = [all_examples.targets[_list_independent_numbers(all_examples, number)] for number in (TRAINING, split)]
    between = f"between the training and {SPLIT_ADJECTIVES[split]} {get_example_noun(data)}s"
    if data.info.is_classification:
        classes = data.info.classes
        counts = [np.bincount(part, minlength=len(classes)).tolist() for part in targets]
        compared = [
            _compare_counts(name, (first, len(targets[0])), (second, len(targets[1])), limit / len(classes))
            for name, first, second in zip(classes, *counts, strict=True)
        ]
        differences = sorted(filter(None, compared), key=lambda difference: -difference.size)
        subject, quantity = "the shares of the classes", "share"
    else:
        size = targets[0].shape[1]
        names = ("the target",) if size == 1 else tuple(f"target {number + 1}" for number in range(size))
        differences = _compare_columns(targets[0], targets[1], _Columns(names, [True] * size), limit)
        subject, quantity = " and ".join(difference.name for difference in differences[:3]), "mean"
    if differences:
        largest = differences[0]
        verb = "differs" if len(differences) == 1 and quantity == "mean" else "differ"
        detail = f"{quantity} of {largest.name} {largest.values[0]} and {largest.values[1]}"
        suggestion = "data.stratify=true" if _can_stratify(data, split) else _suggest_common_source(data, split)
        yield DataIssue("target_shift", f"{subject} {verb} {between}: {detail}", suggestion)


def _can_stratify(data: Data, split: int) -> bool:
    """Return whether `data.stratify` would give a split the class shares of the training examples."""
    is_random = data.time is None and data.group is None and not _has_own_file(data, split)
    return data.info.is_classification and not data.stratify and is_random


def _suggest_common_source(data: Data, split: int) -> str:
    """Suggest a check of the files of two splits; empty for a split of one file, which differs only by chance."""
    if _has_own_file(data, split):
        return f"check how the {SPLIT_ADJECTIVES[split]} {get_example_noun(data)}s were chosen"
    return ""


def _has_own_file(data: Data, split: int) -> bool:
    """Return whether the validation or test examples have their own file."""
    return bool(data.info.validation_examples if split == VALIDATION else data.info.test_examples)
