"""Checks of the folds, groups and times by which data is split, and of the halves of its validation set."""

from collections.abc import Iterator

from dnn_cli.config.data import Data
from dnn_cli.errors import Issue


def find_fold_issues(data: Data) -> Iterator[Issue]:
    """Yield issues of folds, groups and times: keys that exclude each other, and more folds than the data allows.

    Args:
        data: The data, whose files have been read.
    """
    yield from _find_key_conflicts(data)
    yield from _find_half_issues(data)
    if data.folds is None:
        return
    info = data.info
    if info.validation_examples:
        message = f"{data.title} already has a validation set"
        yield Issue(("data", "folds"), message, "remove data.folds, or the validation set")
        return
    examples = info.examples - data.split_off_test_examples
    parts, noun = examples, "examples"
    if data.group is not None:
        parts, noun = info.group_count, f"different groups in {data.group}"
    elif data.time is not None:
        # Before the first fold, there must be training examples.
        parts, noun = info.time_count - 1, f"times after the first in {data.time}"
    if data.folds > parts:
        # In equal shares of the classes, the largest class limits the number of folds.
        most = min(parts, 5) if data.stratify else parts
        suggestion = f"use data.folds={most}" if most >= 2 else "remove data.folds"
        yield Issue(("data", "folds"), f"is {data.folds}, but {data.title} has {parts:,} {noun}", suggestion)


def _find_key_conflicts(data: Data) -> Iterator[Issue]:
    """Yield issues of keys that exclude or need each other."""
    if data.fold is not None and data.folds is None:
        yield Issue(("data", "fold"), "needs the number of folds", "set data.folds, for example data.folds=5")
    elif data.fold is not None and data.folds is not None and data.fold > data.folds:
        yield Issue(
            ("data", "fold"),
            f"is {data.fold}, but data.folds is {data.folds}",
            f"use data.fold=1 to data.fold={data.folds}",
        )
    if data.group is not None and data.time is not None:
        yield Issue(("data", "time"), "cannot be combined with data.group", "remove one of the two keys")
    if data.time is not None and data.stratify:
        yield Issue(("data", "stratify"), "cannot be combined with data.time", "set data.stratify=false")
    if data.group is not None and data.stratify and data.folds is None:
        message = "cannot be combined with data.group, except in a cross-validation"
        yield Issue(("data", "stratify"), message, "set data.stratify=false or data.folds=5")


def _find_half_issues(data: Data) -> Iterator[Issue]:
    """Yield issues of a reporting half: a validation set that is missing, too small, or without groups or times."""
    if not data.reporting_half:
        return
    key, count = ("data", "reporting_half"), data.validation_examples + data.reporting_examples
    if not count:
        yield Issue(key, "needs validation examples", "set data.validation_size=0.2")
    elif count < 2 and data.has_exact_counts:
        yield Issue(key, "needs two validation examples or more", "use more validation examples, or remove it")
    column = data.group or data.time
    if data.dataset == "npz" and data.info.validation_examples and column is not None:
        # The arrays of groups and times have values for the training examples alone.
        message = f"cannot divide the validation examples of {data.title}, for which {column} has no values"
        yield Issue(key, message, f"remove it, or data.{'group' if data.group else 'time'}")
