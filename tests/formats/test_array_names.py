"""Arrays of each split by their names, and refusals where several arrays can be the same."""

import numpy as np
import pytest

from dnn_cli.errors import UserDataError
from dnn_cli.formats.array_names import find_array_pair, list_unused_names, parse_array_name
from dnn_cli.formats.npz_arrays import inspect_npz
from dnn_cli.formats.reader_options import ArrayOptions


@pytest.mark.parametrize(
    ("names", "parsed"),
    [
        ("x X data images features inputs", ("inputs", "any")),
        ("y labels target targets label", ("targets", "any")),
        ("X_train x-train train_X train_images xTrain X_train_full train-data", ("inputs", "train")),
        ("y_train train_labels Train-Targets y_train_full", ("targets", "train")),
        ("X_valid x_valid valid_X val_x x_dev val_images X_validation xval", ("inputs", "validation")),
        ("y_valid valid_Y val_labels y_dev", ("targets", "validation")),
        ("X_test test_data test_images x_testing", ("inputs", "test")),
        ("y_test test_targets test_labels", ("targets", "test")),
        ("ids target_names classes try index x_scaler train test x_train_1", None),
    ],
)
def test_role_and_split_follow_from_the_words_of_a_name(names, parsed):
    assert {name: parse_array_name(name) for name in names.split()} == dict.fromkeys(names.split(), parsed)


@pytest.mark.parametrize(
    ("names", "split", "pair"),
    [
        (("X_train", "y_train", "X_valid", "y_valid"), "validation", ("X_valid", "y_valid")),
        (("train_images", "train_labels"), "train", ("train_images", "train_labels")),
        (("data", "target", "target_names"), "train", ("data", "target")),
        (("x", "y", "x_train", "y_train"), "train", ("x_train", "y_train")),
        (("x", "y"), "test", None),
    ],
)
def test_pair_of_a_split(names, split, pair):
    assert find_array_pair("a.npz", names, split, 2) == pair


@pytest.mark.parametrize(
    ("names", "split", "message"),
    [
        (("x_val", "valid_X", "y_val"), "validation", "x_val and valid_X can both be the validation inputs"),
        (("data", "images", "target"), "train", "data and images can both be the inputs"),
        (("X_train", "X_train_full", "y_train"), "train", "X_train and X_train_full can both be the training inputs"),
        (
            ("x_test", "test_x", "test_data", "y_test"),
            "test",
            "x_test and test_x and test_data can all be the test inp",
        ),
        (("x_train", "y_train", "X_valid"), "validation", "has X_valid but no y_valid; it contains x_train, y_train"),
        (("x_train", "y_train", "test_labels"), "test", "has test_labels but no x_test"),
        (("y_train", "x"), "train", "has y_train but no x_train"),
    ],
)
def test_ambiguous_or_incomplete_splits_are_refused(names, split, message):
    with pytest.raises(UserDataError, match=message):
        find_array_pair("a.npz", names, split, 2)


def test_first_rules_know_only_their_own_names():
    names = ("x", "X", "y", "X_valid", "y_valid", "data")
    assert find_array_pair("a.npz", names, "train", 1) == ("x", "y")
    assert find_array_pair("a.npz", names, "validation", 1) is None
    with pytest.raises(UserDataError, match="has x_val but no y_val"):
        find_array_pair("a.npz", ("x_val",), "validation", 1)


def test_unused_arrays_are_named_in_one_remark(tmp_path):
    x, y = np.ones((4, 2)), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, extra=x, ids=y, x=x)
    contents = inspect_npz(str(tmp_path / "a.npz"), ArrayOptions(), "train")
    assert [str(remark) for remark in contents.remarks] == ["a.npz: not used: extra, ids, x"]
    assert list_unused_names(("x", "y", "x_val", "y_val")) == []


def test_validation_arrays_named_valid_are_used(tmp_path):
    x, y = np.ones((4, 2)), np.array([0, 1, 0, 1])
    path = str(tmp_path / "a.npz")
    np.savez(path, X_train=x, y_train=y, X_valid=x[:3], y_valid=y[:3], X_test=x[:2], y_test=y[:2])
    sizes = [inspect_npz(path, ArrayOptions(), split).examples for split in ("train", "validation", "test")]
    assert sizes == [4, 3, 2]
