"""Targets in arrays: which numbers are classes, under which names, and what is decided about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dnn_cli.errors import UserDataError
from dnn_cli.formats.npz_targets import parse_npz_targets

DIGITS = np.tile(np.arange(10), 5)


def list_named(targets):
    """Return the class name of each target."""
    return [targets.classes[number] for number in targets.values]


@pytest.mark.parametrize(
    ("y", "classes", "remark"),
    [
        (
            DIGITS.astype(float),
            "0 1 2 3 4 5 6 7 8 9",
            "y: whole floats, 0 to 9, are 10 classes  (data.task=regression)",
        ),
        (DIGITS[:, None].astype("f4"), "0 1 2 3 4 5 6 7 8 9", "y: whole floats, 0 to 9, are 10 classes"),
        (np.array([1, 2, 3, 2]), "1 2 3", "y: whole numbers, 1 to 3, are 3 classes"),
        (np.array([-1, 1, 1]), "-1 1", "y: whole numbers, -1 to 1, are 2 classes"),
        (np.array([-1.0, 1, 1, -1]), "-1 1", "y: whole floats, -1 to 1, are 2 classes"),
        (np.array([0, 1, 5, 2]), "0 1 2 5", "y: whole numbers, 0 to 5, are 4 classes"),
        (np.array([7, 10**12]), f"7 {10**12}", "y: whole numbers, 7 to 1000000000000, are 2 classes"),
        (DIGITS.astype(np.uint8), "0 1 2 3 4 5 6 7 8 9", None),
        (np.arange(100), " ".join(map(str, range(100))), None),
        (np.array([True, False, True]), "False True", None),
    ],
)
def test_whole_numbers_are_classes_named_like_them(y, classes, remark):
    targets = parse_npz_targets("y", y, "auto")
    assert targets.classes == tuple(classes.split())
    assert list_named(targets) == [str(value if y.dtype == bool else int(value)) for value in y.reshape(-1)]
    assert targets.values.dtype == np.int32
    assert str(targets.remark).startswith(remark) if remark else targets.remark is None


@pytest.mark.parametrize(
    ("y", "remark"),
    [
        (np.arange(18, 80), "y: 62 different whole numbers, 18 to 79, are a regression  (data.task=classification)"),
        (np.arange(0, 5000, 50), "y: 100 different whole numbers, 0 to 4950, are a regression"),
        (np.array([3.0, 8, 5]), "y: 3 different whole numbers, 3 to 8, are a regression"),
        (np.array([0.5, 1, 1]), None),
        (np.array([[1.0, 2], [3, 4]]), None),
    ],
)
def test_measurements_are_a_regression(y, remark):
    targets = parse_npz_targets("y", y, "auto")
    assert targets.classes == ()
    assert np.array_equal(targets.values, y.reshape(len(y), -1).astype(np.float32))
    assert str(targets.remark).startswith(remark) if remark else targets.remark is None


@pytest.mark.parametrize("y", [DIGITS.astype(float), np.array([1, 5, 5]), np.arange(18, 80), np.array([True, False])])
def test_explicit_task_repeats_the_decision_without_a_remark(y):
    decided = parse_npz_targets("y", y, "auto")
    again = parse_npz_targets("y", y, "classification" if decided.classes else "regression")
    assert again.classes == decided.classes
    assert again.remark is None
    assert np.array_equal(again.values, decided.values)


def test_explicit_task_overrides_the_decision():
    assert parse_npz_targets("y", DIGITS, "regression").values.shape == (50, 1)
    assert parse_npz_targets("y", np.arange(18, 80), "classification").classes[0] == "18"


def test_missing_target_among_whole_floats_is_an_error():
    with pytest.raises(UserDataError, match=r"y\[1\] is nan"):
        parse_npz_targets("y", np.array([0.0, np.nan, 1.0, 0.0]), "auto")


@pytest.mark.parametrize(
    ("train", "other", "numbers"),
    [
        (np.array([1, 2, 5]), np.array([5, 1]), [2, 0]),
        (np.array([1, 2, 5]), np.array([5.0, 1.0]), [2, 0]),
        (np.array([1, 2, 5]), np.array([[0, 0, 1], [1, 0, 0]]), [2, 0]),
        (np.array([True, False]), np.array([1, 0]), [1, 0]),
        (np.array([0, 1]), np.array([True, False]), [1, 0]),
        (np.array(["1", "2"]), np.array([2, 1]), [1, 0]),
    ],
)
def test_other_splits_use_the_training_classes(train, other, numbers):
    training_targets = parse_npz_targets("y_train", train, "auto")
    targets = parse_npz_targets("y_val", other, "auto", training_targets)
    assert targets.classes == training_targets.classes
    assert targets.values.tolist() == numbers


@pytest.mark.parametrize(
    ("train", "other", "message"),
    [
        (np.array([1, 2, 5]), np.array([3, 1]), "'3' is not a class of the training targets"),
        (np.array([1, 2, 5]), np.array([1.5, 1]), r"y_val\[0\] is 1.5, not a whole number"),
        (np.array([1, 2, 5]), np.eye(2), "has rows of 2 numbers, but there are 3 classes"),
        (np.array([True, False]), np.array([2, 0]), "is 2, but the class numbers are 0 to 1"),
        (np.array(["cat", "dog"]), np.eye(2), "contains numbers, but the training targets are text"),
    ],
)
def test_unknown_classes_of_other_splits_are_refused(train, other, message):
    with pytest.raises(UserDataError, match=message):
        parse_npz_targets("y_val", other, "auto", parse_npz_targets("y_train", train, "auto"))


def test_too_many_or_too_few_classes_are_refused():
    with pytest.raises(UserDataError, match="20,000 different numbers; the limit is 10,000 classes"):
        parse_npz_targets("y", np.arange(1, 20_001), "classification")
    for values in ([3, 3], [True, True], [2.0, 2.0]):
        with pytest.raises(UserDataError, match=f"contains only the class {int(values[0]) if values[0] > 1 else True}"):
            parse_npz_targets("y", np.array(values), "auto")


@pytest.mark.parametrize(
    ("y", "classes", "values"),
    [
        (np.array([0, 2, 0]), ("0", "1", "2"), [0, 2, 0]),
        (np.array([1, 2]), ("0", "1", "2"), [1, 2]),
        (np.array([True, False]), ("0", "1"), [1, 0]),
        (np.array([0.0, 1.0, 1.0, 0.0]), (), [[0], [1], [1], [0]]),
        (np.arange(18, 80), tuple(map(str, range(80))), list(range(18, 80))),
    ],
)
def test_first_rules_number_classes_from_zero(y, classes, values):
    targets = parse_npz_targets("y", y, "auto", rules=1)
    assert (targets.classes, targets.values.tolist(), targets.remark) == (classes, values, None)


def test_first_rules_refuse_negative_classes():
    with pytest.raises(UserDataError, match="class numbers start at 0"):
        parse_npz_targets("y", np.array([-1, 1]), "auto", rules=1)


@given(
    hnp.arrays(
        st.sampled_from([np.int64, np.uint8, np.float32, np.float64, np.bool_, np.uint64]), hnp.array_shapes(max_dims=2)
    ),
    st.sampled_from(["auto", "classification", "regression"]),
)
def test_any_numbers_are_targets_or_refused(y, task):
    try:
        targets = parse_npz_targets("y", y, task)
    except UserDataError:
        return
    again = parse_npz_targets("y", y, "classification" if targets.classes else "regression")
    assert again.classes == targets.classes
    assert np.array_equal(again.values, targets.values)
