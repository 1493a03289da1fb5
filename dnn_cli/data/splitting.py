"""Splits of examples with scikit-learn: at random, by groups, by time, into folds, and into halves."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data, count_split_off
from dnn_cli.errors import UserDataError

if TYPE_CHECKING:
    from dnn_cli.data.examples import Examples
    from dnn_cli.formats.dataset_contents import ExampleArrays

_Indices = NDArray[np.int64]


def split_off(data: Data, examples: "ExampleArrays", indices: _Indices, key: str) -> tuple[_Indices, _Indices]:
    """Split indices into two arrays; the second has the size that a key of `data` gives.

    Without groups and times, the split is random, as by scikit-learn's `train_test_split`. With groups, whole groups
    are split off at random, as by its `GroupShuffleSplit`. With times, the latest examples are split off.

    Args:
        data: The data with the sizes and the seed.
        examples: All examples.
        indices: The indices of the examples that are split, int64 of shape (n,).
        key: The key of the size: `test_size` or `validation_size`.

    Raises:
        UserDataError: a class or a group has too few examples, or too many examples have the latest time.
    """
    size = getattr(data, key)
    if data.time is not None:
        return _split_off_latest(data, _select(examples.times, indices), indices, key)
    if data.group is not None:
        return _split_off_groups(data, _select(examples.groups, indices), indices, key)
    from sklearn.model_selection import train_test_split

    stratify_targets = examples.targets[indices] if data.stratify else None
    try:
        first, second = train_test_split(
            indices, test_size=size, random_state=data.split_seed, stratify=stratify_targets
        )
    except ValueError:
        names, counts = data.info.classes, np.bincount(examples.targets[indices], minlength=len(data.info.classes))
        rarest = int(np.argmin(np.where(counts > 0, counts, len(indices) + 1)))
        second_count = count_split_off(len(indices), size)
        raise UserDataError(
            f"data.stratify: {len(indices):,} examples of {np.count_nonzero(counts)} classes "
            f"({counts[rarest]} of {names[rarest]}) cannot be split by class into "
            f"{len(indices) - second_count:,} and {second_count:,}",
            "set data.stratify=false, or add examples",
        ) from None
    return first, second


def _select(values: NDArray[Any] | None, indices: _Indices) -> NDArray[Any]:
    """Return the groups or times at some indices. The examples must have groups or times."""
    assert values is not None  # noqa: S101 - the reader of the data has read the column
    return values[indices]


def _split_off_groups(data: Data, groups: NDArray[np.int64], indices: _Indices, key: str) -> tuple[_Indices, _Indices]:
    """Split off whole groups at random. The size is a share of the groups, or a number of groups.

    Raises:
        UserDataError: no group would be left for training.
    """
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(n_splits=1, test_size=getattr(data, key), random_state=data.split_seed)
    try:
        first, second = next(splitter.split(indices, groups=groups))
    except ValueError:
        count = len(np.unique(groups))
        raise UserDataError(
            f"data.{key}: {getattr(data, key)} leaves none of the {count} groups of {data.group} for training",
            f"use a smaller data.{key}, which counts groups",
            key,
        ) from None
    return indices[first], indices[second]


def _split_off_latest(data: Data, times: NDArray[np.float64], indices: _Indices, key: str) -> tuple[_Indices, _Indices]:
    """Split off the latest examples. Examples with the earliest time among these are split off too.

    Both arrays are in the order of the times.

    Raises:
        UserDataError: all examples would be split off.
    """
    earlier, later = _divide_by_time(times, indices, count_split_off(len(indices), getattr(data, key)))
    if not len(earlier):
        raise UserDataError(
            f"data.{key}: {getattr(data, key)} leaves no example with an earlier {data.time} for training",
            f"use a smaller data.{key}, or add examples of other times",
            key,
        )
    return earlier, later


def _divide_by_time(times: NDArray[np.float64], indices: _Indices, later_count: int) -> tuple[_Indices, _Indices]:
    """Return the indices of the earlier and of the later examples, in the order of the times.

    The later part has `later_count` examples, and those with the earliest time among these.
    """
    order = np.argsort(times, kind="stable")
    boundary = len(order) - later_count
    if boundary < len(order):
        boundary = int(np.searchsorted(times[order], times[order[max(boundary, 0)]]))
    return indices[order[:boundary]], indices[order[boundary:]]


def split_into_halves(data: Data, examples: "Examples", indices: _Indices) -> tuple[_Indices, _Indices]:
    """Divide the validation examples, and return the indices of the tuning half and of the reporting half.

    The halves are two folds of KFold, StratifiedKFold, GroupKFold or StratifiedGroupKFold, shuffled by
    `data.split_seed`. The halves of a classification have equal class shares, whatever `data.stratify` is. With times,
    the reporting half is the later half, and equal times stay in one half. The tuning half has an odd example.

    Args:
        data: The data.
        examples: All examples.
        indices: The indices of the validation examples, int64 of shape (n,).

    Raises:
        UserDataError: a half would have no example, or no class has two examples.
    """
    from sklearn import model_selection

    groups, times = _select_half_values(data, examples, indices)
    if times is not None:
        tuning, reporting = _divide_by_time(times, indices, len(indices) // 2)
        if not len(tuning) or not len(reporting):
            raise _build_halves_error(data, f"their {data.time} is equal")
        return tuning, reporting
    splitter_class = {
        (False, False): model_selection.KFold,
        (True, False): model_selection.StratifiedKFold,
        (False, True): model_selection.GroupKFold,
        (True, True): model_selection.StratifiedGroupKFold,
    }[data.info.is_classification, groups is not None]
    splitter = splitter_class(n_splits=2, shuffle=True, random_state=data.split_seed)
    if groups is not None and len(np.unique(groups)) < 2:
        raise _build_halves_error(data, f"they are of one {data.group}")
    targets = examples.targets[indices] if data.info.is_classification else None
    try:
        with warnings.catch_warnings():
            # A class with one example is missing in one half.
            warnings.simplefilter("ignore", UserWarning)
            second, first = next(splitter.split(indices, targets, groups))
    except ValueError:
        reason = "there are fewer than two" if len(indices) < 2 else "no class has two examples"
        raise _build_halves_error(data, reason) from None
    if not len(first) or not len(second):
        raise _build_halves_error(data, "one half would have no example")
    return indices[first], indices[second]


def _select_half_values(
    data: Data, examples: "Examples", indices: _Indices
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Return the groups and the times of the validation examples; `None` if the data is not split by them.

    The examples of a separate validation set have groups and times of their own.
    """
    is_separate = data.info.validation_examples > 0
    groups = examples.fixed_groups if is_separate else examples.groups
    times = examples.fixed_times if is_separate else examples.times
    positions = np.arange(len(indices)) if is_separate else indices
    return (
        None if data.group is None else _select(groups, positions),
        None if data.time is None else _select(times, positions),
    )


def _build_halves_error(data: Data, reason: str) -> UserDataError:
    """Build the error that the validation examples cannot be divided into two halves."""
    if data.info.validation_examples:
        suggestion = "add validation examples"
    else:
        suggestion = "use fewer folds" if data.folds else "use a larger data.validation_size"
    return UserDataError(
        f"data.reporting_half: the validation examples cannot be divided into two halves, because {reason}",
        f"{suggestion}, or set data.reporting_half=false",
        "reporting_half",
    )


def split_into_fold(data: Data, examples: "ExampleArrays", indices: _Indices) -> tuple[_Indices, _Indices]:
    """Return the training and the validation indices of one fold, as scikit-learn's splitters return them.

    The splitter is KFold, StratifiedKFold, GroupKFold or StratifiedGroupKFold, shuffled by `data.split_seed`. With
    times, TimeSeriesSplit divides the different times in their order, so that equal times stay in one part.

    Args:
        data: The data with the number of folds, the fold and the seed.
        examples: All examples.
        indices: The indices of the examples that are divided into folds, int64 of shape (n,).

    Raises:
        UserDataError: no class has as many examples as there are folds, or there are too few groups or times.
    """
    from sklearn import model_selection

    folds, position = data.folds or 2, data.used_fold - 1
    if data.time is not None:
        return _split_into_time_fold(folds, position, _select(examples.times, indices), indices)
    is_grouped = data.group is not None
    splitter_class = {
        (False, False): model_selection.KFold,
        (True, False): model_selection.StratifiedKFold,
        (False, True): model_selection.GroupKFold,
        (True, True): model_selection.StratifiedGroupKFold,
    }[data.stratify, is_grouped]
    splitter = splitter_class(n_splits=folds, shuffle=True, random_state=data.split_seed)
    groups = _select(examples.groups, indices) if is_grouped else None
    targets = examples.targets[indices] if data.stratify else None
    try:
        with warnings.catch_warnings():
            # A class with fewer examples than folds is missing in some folds.
            warnings.simplefilter("ignore", UserWarning)
            train, validation = list(splitter.split(indices, targets, groups))[position]
    except ValueError:
        parts = "groups" if is_grouped else "examples of each class" if data.stratify else "examples"
        hint = "use fewer folds, or add examples"
        if targets is not None and not is_grouped and (largest := int(np.bincount(targets).max())) > 1:
            hint = f"use data.folds={largest} or fewer, or set data.stratify=false"
        raise UserDataError(f"data.folds: {data.title} has too few {parts} for {folds} folds", hint, "folds") from None
    if not len(train) or not len(validation):
        raise UserDataError(
            f"data.folds: fold {position + 1} of {folds} has {len(validation):,} examples for validation and "
            f"{len(train):,} for training",
            "use fewer folds, or set data.stratify=false",
            "folds",
        )
    return indices[train], indices[validation]


def _split_into_time_fold(
    folds: int, position: int, times: NDArray[np.float64], indices: _Indices
) -> tuple[_Indices, _Indices]:
    """Return the training and validation indices of one fold by time, in the order of the times.

    Raises:
        UserDataError: there are fewer different times than one more than folds.
    """
    from sklearn.model_selection import TimeSeriesSplit

    different, numbers = np.unique(times, return_inverse=True)
    try:
        parts = list(TimeSeriesSplit(n_splits=folds).split(different))[position]
    except ValueError:
        raise UserDataError(
            f"data.folds: {len(different)} different times are too few for {folds} folds", "use fewer folds", "folds"
        ) from None
    order = np.argsort(times, kind="stable")
    train, validation = (indices[order[np.isin(numbers.reshape(-1)[order], part)]] for part in parts)
    return train, validation
