"""Checks of the data of an experiment: its keys, its files and its splits."""

import os
from collections.abc import Iterator

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, DATASETS_BY_KEY, TABLE_KINDS, USER_DATA_KINDS, EmbeddedDataset
from dnn_cli.config.fold_validation import find_fold_issues
from dnn_cli.errors import Issue, UserDataError

_SPLIT_SIZE_KEYS = {"validation_path": "validation_size", "test_path": "test_size"}
"""Key of `data` that splits off a share of the examples, by the key that names a separate file for the same split."""

_NPZ_SPLIT_TEXTS = {
    "validation_path": "save x_val and y_val in the npz at path instead",
    "test_path": "save x_test and y_test in the npz at path instead",
}
"""Suggestions for npz data, by the key of `data` that names a separate file for a split.

Npz data refuses these keys, because one npz contains all splits.
"""


def find_data_issues(data: Data) -> Iterator[Issue]:
    """Yield issues of the data: keys of another dataset, missing files, equal paths, and impossible splits."""
    key_issues = [*_find_data_key_issues(data)]
    yield from key_issues
    if key_issues:
        return
    try:
        info = data.info
        paths = {
            "path": data.get_split_path("train"),
            "validation_path": data.get_split_path("validation"),
            "test_path": data.get_split_path("test"),
        }
    except UserDataError as error:
        # Each line is an error of the file.
        *lines, last = error.message.split("\n")
        yield from (Issue(("data", error.key), line) for line in lines)
        yield Issue(("data", error.key), last, error.suggestion)
        return
    key_by_path: dict[str, str] = {}
    for key, path in paths.items():
        if path is not None and (first := key_by_path.setdefault(os.path.realpath(path), key)) != key:
            yield Issue(
                ("data", key),
                f"is the same path as data.{first}",
                f"use other examples, or split off a share with {_SPLIT_SIZE_KEYS[key]}",
            )
    if info.test_examples and data.test_size:
        yield Issue(("data", "test_size"), f"{data.title} already has a test set", "remove it")
    elif data.training_examples < 1 and not data.folds:
        key = (
            "test_size"
            if data.split_off_test_examples >= info.examples - info.validation_examples
            else "validation_size"
        )
        message = f"leaves none of the {info.examples:,} examples for training"
        yield Issue(("data", key), message, "use a smaller size, or add examples")
    if data.stratify and not info.is_classification:
        yield Issue(("data", "stratify"), f"needs classes, but {data.title} is for regression", "remove it")
    if data.standardize_target and info.is_classification:
        message = f"needs numbers to predict, but {data.title} has {len(info.classes)} classes"
        yield Issue(("data", "standardize_target"), message, "remove it")
    yield from find_fold_issues(data)


def _find_data_key_issues(data: Data) -> Iterator[Issue]:
    """Yield issues of keys of `data` that the dataset does not accept, and of a missing path of user data."""
    for key, owners in DATASETS_BY_KEY.items():
        if getattr(data, key) is not None and data.dataset not in owners:
            reason = (
                _NPZ_SPLIT_TEXTS[key]
                if data.dataset == "npz" and key in _NPZ_SPLIT_TEXTS
                else f"only {' and '.join(owners)} data accepts this key"
            )
            yield Issue(("data", key), f"{data.dataset} does not accept {key}", f"remove it: {reason}")
    yield from _find_column_issues(data)
    if data.dataset in USER_DATA_KINDS and data.path is None:
        noun = "directory" if data.dataset == "image_folder" else "file"
        yield Issue(("data",), f"dataset: {data.dataset} needs a path", f"path: the {noun} with your data")
    if data.path is not None and isinstance(DATASETS.get(data.dataset), EmbeddedDataset):
        yield Issue(("data", "path"), f"{data.dataset} is part of scikit-learn and needs no path", "remove it")


def _find_column_issues(data: Data) -> Iterator[Issue]:
    """Yield issues of keys that typed columns exclude or that need typed columns."""
    if data.columns is not None and data.scale is not None:
        yield Issue(("data", "scale"), "a table with columns does not accept scale", "remove it, or use standardize")
    if data.dataset in TABLE_KINDS and data.missing is not None and data.columns is None:
        suggestion = "add columns with the types of the columns, or remove missing"
        yield Issue(("data", "missing"), "needs columns, as all cells of other tables must be numbers", suggestion)
