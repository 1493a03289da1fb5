"""Folds, groups and times: the indices equal those of scikit-learn's splitters."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.examples import Examples, split_examples
from dnn_cli.errors import UserDataError

SIZE = 60


def make_examples(seed=0, group_count=13, times=None):
    rng = np.random.default_rng(seed)
    return Examples(
        np.arange(SIZE, dtype=np.float32)[:, None],
        rng.integers(0, 3, SIZE).astype(np.int32),
        groups=rng.permutation(np.arange(SIZE) % group_count),
        times=rng.permutation(SIZE).astype(float) if times is None else np.asarray(times, float),
    )


def make_data(examples, **keys):
    info = DatasetInfo(
        input_shape=(1,), classes=("a", "b", "c"), examples=len(examples),
        group_count=len(np.unique(examples.groups)), time_count=len(np.unique(examples.times)),
    )  # fmt: skip
    return Data(dataset="csv", path="x.csv", **keys).with_info(info)


def split(examples, **keys):
    return split_examples(make_data(examples, **keys), examples)


@pytest.mark.parametrize("seed", [42, 7])
@pytest.mark.parametrize(
    ("keys", "splitter"),
    [
        ({}, KFold),
        ({"stratify": True}, StratifiedKFold),
        ({"group": "g"}, GroupKFold),
        ({"group": "g", "stratify": True}, StratifiedGroupKFold),
    ],
    ids=["plain", "stratified", "grouped", "stratified and grouped"],
)
def test_folds_equal_those_of_scikit_learn(keys, splitter, seed):
    examples = make_examples()
    groups = examples.groups if "group" in keys else None
    expected = splitter(5, shuffle=True, random_state=seed).split(examples.inputs, examples.targets, groups)
    for fold, (train, validation) in enumerate(expected, 1):
        actual = split(examples, folds=5, fold=fold, split_seed=seed, **keys)
        assert np.array_equal(actual.train, train)
        assert np.array_equal(actual.validation, validation)
        assert not len(actual.test)


def test_folds_by_time_equal_those_of_scikit_learn():
    examples = make_examples()
    order = np.argsort(examples.times)
    for fold, (train, validation) in enumerate(TimeSeriesSplit(4).split(order), 1):
        actual = split(examples, folds=4, fold=fold, time="t")
        assert np.array_equal(actual.train, order[train])
        assert np.array_equal(actual.validation, order[validation])


@given(st.lists(st.integers(0, 9), min_size=SIZE, max_size=SIZE), st.integers(2, 4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_later_splits_have_later_times(times, folds, crosses):
    examples = make_examples(times=times)
    if len(set(times)) <= folds:
        return
    keys = {"folds": folds, "fold": folds} if crosses else {"test_size": 0.1, "validation_size": 0.1}
    try:
        parts = split(examples, time="t", **keys)
    except UserDataError as error:
        assert "use a smaller" in error.suggestion
        return
    ends = [(examples.times[part].min(), examples.times[part].max()) for part in (parts.train, parts.validation)]
    assert ends[0][1] < ends[1][0]
    assert not len(parts.test) or examples.times[parts.test].min() > ends[1][1]


@given(st.integers(0, 1000), st.integers(4, 30), st.sampled_from([0.2, 0.5, 2]))
@settings(max_examples=40, deadline=None)
def test_no_group_is_in_two_splits(seed, group_count, size):
    examples = make_examples(seed, group_count)
    keys = {"test_size": 1, "validation_size": size} if group_count > 4 else {"validation_size": size}
    parts = split(examples, group="g", split_seed=seed, **keys)
    groups = [np.unique(examples.groups[part]) for part in (parts.train, parts.validation, parts.test)]
    assert sorted(np.concatenate(groups)) == list(range(group_count))
    assert sum(map(len, (parts.train, parts.validation, parts.test))) == SIZE


def test_sizes_with_groups_equal_those_of_scikit_learn():
    examples = make_examples()
    for size in (0.25, 3):
        splitter = GroupShuffleSplit(1, test_size=size, random_state=42)
        expected = next(splitter.split(examples.inputs, None, examples.groups))
        actual = split(examples, group="g", validation_size=size)
        assert np.array_equal(actual.train, expected[0])
        assert np.array_equal(actual.validation, expected[1])


def test_each_example_is_in_one_validation_set_and_never_with_test_examples():
    examples = make_examples()
    parts = [split(examples, folds=4, fold=fold, test_size=0.2) for fold in range(1, 5)]
    joined = np.concatenate([part.validation for part in parts])
    assert all(np.array_equal(part.test, parts[0].test) for part in parts)
    assert sorted([*joined, *parts[0].test]) == list(range(SIZE))


@pytest.mark.parametrize(
    "keys", [{}, {"test_size": 0.3}, {"time": "t"}, {"time": "t", "test_size": 0.3}, {"validation_size": 0.1}], ids=str
)
def test_configs_know_the_numbers_of_examples(keys):
    examples = make_examples()
    for folds in ({}, {"folds": 4, "fold": 1}, {"folds": 4, "fold": 3}):
        data = make_data(examples, **keys, **folds)
        parts = split_examples(data, examples)
        counts = (len(parts.train), len(parts.validation), len(parts.test))
        assert counts == (data.training_examples, data.validation_examples, data.test_examples)


def test_an_example_keeps_its_weight_group_and_time():
    examples = make_examples()[[3, 5]]
    assert examples.groups.tolist() == make_examples().groups[[3, 5]].tolist()
    assert examples.times.tolist() == make_examples().times[[3, 5]].tolist()
    assert examples.digest != make_examples(1)[[3, 5]].digest


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"group": "g", "validation_size": 13}, "leaves none of the 13 groups of g"),
        ({"time": "t", "validation_size": 60}, "leaves no example with an earlier t"),
        ({"folds": 30, "stratify": True}, "too few examples of each class for 30 folds"),
    ],
)
def test_impossible_splits_are_errors(keys, message):
    with pytest.raises(UserDataError, match=message):
        split(make_examples(), **keys)


def test_the_suggested_number_of_folds_of_a_class_works():
    with pytest.raises(UserDataError) as caught:
        split(make_examples(), folds=30, stratify=True)
    (folds,) = map(int, re.findall(r"data\.folds=(\d+)", caught.value.suggestion))
    assert len(split(make_examples(), folds=folds, stratify=True).validation)
