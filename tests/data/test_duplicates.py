"""Equal inputs are counted in and across splits, as a comparison of every pair counts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dnn_cli.config.data import Data
from dnn_cli.data.all_examples import AllExamples
from dnn_cli.data.duplicates import find_duplicates, find_shared_inputs, list_duplicate_issues
from dnn_cli.data.examples import Examples, Split

TABLE = Data(dataset="iris")
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=(400, 5)).astype(np.float32)


@pytest.fixture(autouse=True)
def restart_random_numbers():
    """Give each test the same random numbers, whichever tests ran before."""
    RANDOM.bit_generator.state = np.random.default_rng(0).bit_generator.state


def split_rows(rows, targets=None, test_set=None, validation_count=None):
    """Examples of which the last quarter is for validation."""
    count = len(rows) // 4 if validation_count is None else validation_count
    indices = np.arange(len(rows))
    targets = np.zeros(len(rows), np.int32) if targets is None else targets
    split = Split(indices[: len(rows) - count], indices[len(rows) - count :])
    return AllExamples(Examples(rows, targets), test_set, split)


def list_messages(all_examples):
    return [issue.message for issue in list_duplicate_issues(TABLE, all_examples)]


FLOATS = st.sampled_from([0.0, -0.0, 1.0, 1.5, float("nan")])
ROWS = st.integers(1, 3).flatmap(lambda width: arrays(np.float32, st.tuples(st.integers(4, 30), st.just(width)),
                                                      elements=FLOATS))  # fmt: skip


@given(ROWS, st.integers(0, 3))
def test_groups_are_those_of_a_comparison_of_all_pairs(rows, test_count):
    test_set = Examples(rows[:test_count], np.zeros(test_count, np.int32)) if test_count else None
    all_examples = split_rows(rows, test_set=test_set)
    duplicates = find_duplicates(all_examples)
    every_row = np.concatenate([rows, rows[:test_count]])
    is_equal = np.array([[np.array_equal(a, b, equal_nan=True) for a in every_row] for b in every_row])
    expected = sorted({tuple(np.flatnonzero(line).tolist()) for line in is_equal if line.sum() > 1})
    groups = [tuple(duplicates.members[duplicates.groups == group].tolist()) for group in range(duplicates.group_count)]
    assert groups == expected
    assert duplicates.pair_count == sum(len(group) * (len(group) - 1) // 2 for group in expected)


def test_different_rows_have_no_issue():
    assert list_messages(split_rows(NOISE)) == []


def test_rows_shared_by_all_splits_are_counted():
    rows = np.concatenate([NOISE[:300], NOISE[:50], NOISE[350:400]])
    targets = np.arange(400, dtype=np.int32) % 2
    targets[300:350] = targets[:50]
    targets[300:303] = 1 - targets[300:303]
    all_examples = split_rows(rows, targets, Examples(NOISE[[7, 350, 20, 20]], targets[[7, 350, 20, 20]]), 100)
    issues = list_duplicate_issues(TABLE, all_examples)
    assert [issue.message for issue in issues] == [
        "50 of 100 validation examples have the inputs of a training example, 3 of them with different targets",
        "4 of 4 test examples have the inputs of a training or validation example, with equal targets",
        "1 of 4 test examples repeats the input of another test example",
        "6 examples with equal inputs have different targets, in 3 groups",
    ]
    assert [issue.suggestion for issue in issues[:2]] == [
        "remove the copies, which bias the validation score",
        "remove the copies, which make the test score too good",
    ]
    assert issues[0].groups[:2] == ((0, 300), (1, 301))
    assert (20, 320, 402, 403) in issues[1].groups
    assert issues[2].groups == ((402, 403),)
    assert issues[3].groups == ((0, 300), (1, 301), (2, 302))


def test_rows_without_a_split_are_in_none():
    """The earliest folds by time leave later rows out."""
    rows = np.concatenate([NOISE[:100], NOISE[:100]])
    examples = Examples(rows, np.zeros(200, np.int32))
    all_examples = AllExamples(examples, None, Split(np.arange(50), np.arange(50, 100)))
    assert all_examples.split_numbers.tolist() == [0] * 50 + [1] * 50 + [-1] * 100
    assert list_messages(all_examples) == []


def test_different_numbers_to_predict_are_named():
    targets = RANDOM.normal(size=(400, 2)).astype(np.float32)
    rows = NOISE.copy()
    rows[399] = rows[0]
    messages = list_messages(split_rows(rows, targets))
    assert messages[-1] == "2 examples with equal inputs have different targets, in 1 group"


def test_equal_rows_by_chance_have_no_issue():
    rows = RANDOM.integers(0, 3, (900, 4)).astype(np.float32)
    assert list_messages(split_rows(rows)) == []
    assert find_shared_inputs(TABLE, *get_parts(split_rows(rows))) is None


def get_parts(all_examples):
    return all_examples.examples, all_examples.split


@pytest.mark.parametrize(("copied", "is_reported"), [(100, True), (5, True), (4, False), (0, False)])
def test_training_advises_on_many_shared_rows(copied, is_reported):
    rows = NOISE.copy()
    rows[300 : 300 + copied] = rows[:copied]
    issue = find_shared_inputs(TABLE, *get_parts(split_rows(rows)))
    assert (issue is not None) == is_reported
    if issue is not None:
        assert issue.message == f"{copied} of 100 validation examples have the inputs of a training example"
