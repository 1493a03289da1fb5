"""Classes with too few examples: too few in total, absent from a split, or with one example in a split."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import SPLIT_ADJECTIVES, AllExamples
from dnn_cli.data.data_issues import DataIssue, format_names, format_number, get_example_noun
from dnn_cli.data.examples import split_examples
from dnn_cli.errors import UserDataError

_MIN_CLASS_EXAMPLES = 2
"""Minimum number of examples of a class in a split. The share of correct predictions for one example is 0% or 100%."""


def list_class_issues(data: Data, all_examples: AllExamples) -> list[DataIssue]:
    """List issues of classes with too few examples; an empty list for a regression. A class is in one issue."""
    return [*_find_small_classes(data, all_examples)] if data.info.is_classification else []


def _count_classes(data: Data, all_examples: AllExamples) -> NDArray[np.int64]:
    """Count the examples of each class in each split, int64 of shape (splits, classes)."""
    size = len(data.info.classes)
    return np.stack(
        [
            np.bincount(all_examples.targets[all_examples.split_numbers == split], minlength=size)
            for split in range(len(SPLIT_ADJECTIVES))
        ]
    )


def _find_small_classes(data: Data, all_examples: AllExamples) -> Iterator[DataIssue]:
    """Yield the issues of classes with too few examples."""
    counts = _count_classes(data, all_examples)
    splits = [split for split in range(len(counts)) if counts[split].any()]
    stratified_counts = _count_stratified_classes(data, all_examples)
    totals, noun = counts.sum(0), get_example_noun(data)
    is_small = totals < _MIN_CLASS_EXAMPLES * len(splits)
    for total in np.unique(totals[is_small]).tolist():
        classes = np.flatnonzero(is_small & (totals == total))
        subject, verb = _format_classes(data, classes), "has" if len(classes) == 1 else "have"
        extent = "at least 2 are needed" if len(splits) == 1 else f"{len(splits)} splits need at least 2 each"
        message = f"{subject} {verb} {format_number(total, noun) if total else f'no {noun}s'}; {extent}"
        yield DataIssue("small_classes", message, f"add {noun}s, or remove the class")
    is_open = ~is_small
    for count in range(_MIN_CLASS_EXAMPLES):
        for split in splits:
            classes = np.flatnonzero(is_open & (counts[split] == count))
            if not len(classes):
                continue
            is_open[classes] = False
            subject, verb = _format_classes(data, classes), "has" if len(classes) == 1 else "have"
            amount = f"no {SPLIT_ADJECTIVES[split]} {noun}s" if not count else f"1 {SPLIT_ADJECTIVES[split]} {noun}"
            helps = stratified_counts is not None and (stratified_counts[splits][:, classes] > count).all()
            kind = "small_classes" if count else "absent_classes"
            yield DataIssue(
                kind, f"{subject} {verb} {amount}", "data.stratify=true" if helps else f"add {noun}s of this class"
            )


def _format_classes(data: Data, classes: NDArray[np.int64]) -> str:
    """Return the names of classes with a noun, such as `classes cat and dog`."""
    return format_names("class", "classes", [data.info.classes[number] for number in classes.tolist()])


def _count_stratified_classes(data: Data, all_examples: AllExamples) -> NDArray[np.int64] | None:
    """Count the examples of each class in each split with `data.stratify=true`.

    Return `None` if `data.stratify` is already true, or if a stratified split is impossible.
    """
    if data.stratify or data.time is not None:
        return None
    stratified = data.model_copy(update={"stratify": True}).with_info(data.info)
    try:
        split = split_examples(stratified, all_examples.examples)
    except UserDataError:
        return None
    return _count_classes(data, AllExamples(all_examples.examples, all_examples.test_set, split))
