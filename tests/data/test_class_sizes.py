"""Classes with too few examples are named, with `data.stratify=true` only where it helps."""

from dataclasses import replace

import numpy as np
import pytest

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.class_sizes import list_class_issues
from dnn_cli.data.examples import Examples, split_examples


def list_issues(counts, test_counts=None, **settings):
    """The messages and suggestions for a table with these numbers of rows of classes a, b, c and so on."""
    targets = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    classes = tuple("abcdefgh"[: len(counts)])
    info = DatasetInfo(input_shape=(2,), examples=len(targets), classes=classes, features=("x", "y"))
    test_set = None
    if test_counts is not None:
        test_targets = np.repeat(np.arange(len(counts)), test_counts).astype(np.int32)
        test_set = Examples(np.zeros((len(test_targets), 2), np.float32), test_targets)
        info = replace(info, test_examples=len(test_targets))
    data = Data(dataset="csv", path="rows.csv", **settings).with_info(info)
    examples = Examples(np.zeros((len(targets), 2), np.float32), targets)
    issues = list_class_issues(data, AllExamples(examples, test_set, split_examples(data, examples)))
    return [(issue.message, issue.suggestion) for issue in issues]


def test_large_classes_have_no_issue():
    assert list_issues([40, 50, 60]) == []
    assert list_issues([40, 50, 60], test_counts=[2, 2, 2]) == []


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        pytest.param([60, 70, 1], "class c has 1 row; 2 splits need at least 2 each", id="one row"),
        pytest.param([3, 70, 3], "classes a, c have 3 rows; 2 splits need at least 2 each", id="two classes"),
        pytest.param([60, 70, 0], "class c has no rows; 2 splits need at least 2 each", id="no row"),
    ],
)
def test_class_with_too_few_rows_for_all_splits_is_named(counts, message):
    assert list_issues(counts) == [(message, "add rows, or remove the class")]


def test_single_split_needs_two_rows():
    assert list_issues([60, 1], validation_size=0)[0][0] == "class b has 1 row; at least 2 are needed"


def test_stratified_split_is_suggested_where_it_helps():
    settings = {"validation_size": 0.25, "split_seed": 9}
    (issue,) = list_issues([60, 70, 8], **settings)
    assert issue == ("class c has no validation rows", "data.stratify=true")
    assert list_issues([60, 70, 8], **settings, stratify=True) == []


def test_stratified_split_is_not_suggested_for_a_separate_test_set():
    assert list_issues([60, 70, 80], test_counts=[5, 0, 1]) == [
        ("class b has no test rows", "add rows of this class"),
        ("class c has 1 test row", "add rows of this class"),
    ]


def test_regression_has_no_classes():
    data = Data(dataset="diabetes")
    examples = Examples(np.zeros((20, 10), np.float32), np.zeros((20, 1), np.float32))
    assert list_class_issues(data, AllExamples(examples, None, split_examples(data, examples))) == []
