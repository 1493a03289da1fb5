"""The tuning half and the reporting half of a validation set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.all_examples import VALIDATION, AllExamples
from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.errors import UserDataError

SIZE = 61


def make_examples(seed=0, class_count=3, group_count=13):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, class_count, SIZE).astype(np.int32) if class_count else rng.normal(size=(SIZE, 1))
    return Examples(
        np.arange(SIZE, dtype=np.float32)[:, None],
        targets,
        groups=rng.permutation(np.arange(SIZE) % group_count),
        times=rng.integers(0, 20, SIZE).astype(float),
    )


def make_data(examples, class_count=3, own_count=0, **keys):
    info = DatasetInfo(
        input_shape=(1,), classes=tuple("abc"[:class_count]), examples=SIZE, validation_examples=own_count,
        group_count=len(np.unique(examples.groups)), time_count=len(np.unique(examples.times)),
    )  # fmt: skip
    return Data(dataset="csv", path="x.csv", **{"reporting_half": True, **keys}).with_info(info)


def split_in_two_ways(examples, **keys):
    """Return the split with halves, and the split of the same data without halves."""
    data = make_data(examples, **keys)
    return split_examples(data, examples), split_examples(make_data(examples, **keys, reporting_half=False), examples)


@pytest.mark.parametrize(
    ("class_count", "keys", "splitter"),
    [
        (3, {}, StratifiedKFold),
        (0, {}, KFold),
        (3, {"group": "g", "validation_size": 0.5}, StratifiedGroupKFold),
        (0, {"group": "g", "validation_size": 0.5}, GroupKFold),
        (3, {"folds": 3, "fold": 2, "stratify": True}, StratifiedKFold),
        (3, {"own_count": 21}, StratifiedKFold),
        (3, {"test_size": 0.2}, StratifiedKFold),
    ],
    ids=["classes", "numbers", "groups of classes", "groups", "fold", "own file", "test set"],
)
def test_halves_are_two_folds_of_the_validation_set(class_count, keys, splitter):
    examples = make_examples(class_count=class_count)
    halves, undivided = split_in_two_ways(examples, class_count=class_count, **keys)
    indices = undivided.validation
    groups = examples.groups[indices] if "group" in keys else None
    reporting, tuning = next(
        splitter(2, shuffle=True, random_state=42).split(indices, examples.targets[indices], groups)
    )
    assert np.array_equal(halves.validation, indices[tuning])
    assert np.array_equal(halves.reporting, indices[reporting])
    assert np.array_equal(halves.train, undivided.train)
    assert np.array_equal(halves.test, undivided.test)


@given(st.integers(0, 1000), st.sampled_from([0, 3]), st.integers(2, 40), st.booleans())
def test_halves_have_half_of_each_class_and_the_numbers_that_a_config_knows(seed, class_count, size, crosses):
    examples = make_examples(seed, class_count)
    keys = {"folds": 5, "fold": 1 + seed % 5} if crosses else {"validation_size": size}
    data = make_data(examples, class_count, split_seed=seed, **keys)
    try:
        split = split_examples(data, examples)
    except UserDataError as error:
        assert "no class has two examples" in error.message
        return
    counts = (len(split.train), len(split.validation), len(split.reporting))
    assert counts == (data.training_examples, data.validation_examples, data.reporting_examples)
    assert len(split.validation) - len(split.reporting) in (0, 1)
    assert sorted(np.concatenate([split.train, split.validation, split.reporting])) == list(range(SIZE))
    if class_count:
        classes = [np.bincount(examples.targets[half], minlength=3) for half in (split.validation, split.reporting)]
        assert np.abs(classes[0] - classes[1]).max() <= 1


@given(st.integers(0, 1000), st.integers(0, 3), st.booleans())
def test_no_group_and_no_time_is_in_both_halves(seed, class_count, by_time):
    examples = make_examples(seed, class_count)
    keys = {"time": "t"} if by_time else {"group": "g"}
    split, _ = split_in_two_ways(examples, class_count=class_count, validation_size=0.4, split_seed=seed, **keys)
    if by_time:
        assert examples.times[split.validation].max() < examples.times[split.reporting].min()
    else:
        assert not set(examples.groups[split.validation]) & set(examples.groups[split.reporting])


@pytest.mark.parametrize(
    ("keys", "reason", "suggestion"),
    [
        ({"group": "g", "validation_size": 1}, "they are of one g", "use a larger data.validation_size"),
        ({"time": "t", "validation_size": 1}, "their t is equal", "use a larger data.validation_size"),
        ({"validation_size": 1}, "there are fewer than two", "use a larger data.validation_size"),
        ({"own_count": 1}, "there are fewer than two", "add validation examples"),
        ({"folds": SIZE}, "there are fewer than two", "use fewer folds"),
    ],
    ids=["one group", "one time", "one example", "one own example", "one example a fold"],
)
def test_validation_sets_without_halves_are_errors(keys, reason, suggestion):
    examples = make_examples()
    with pytest.raises(UserDataError, match=reason) as error:
        split_examples(make_data(examples, **keys), examples)
    assert error.value.key == "reporting_half"
    assert error.value.suggestion == f"{suggestion}, or set data.reporting_half=false"


def test_only_a_reporting_half_changes_the_fingerprint_of_a_split():
    train, validation, test = np.arange(3), np.arange(3, 7), np.arange(7, 9)
    earlier = "sha256:cd6053b5f10c07ed2393cd604f1d9d00a882f143ada3954e7ba8040521d8d107"
    assert Split(train, validation, test).compute_fingerprint() == earlier
    halved = Split(train, validation[:2], test, validation[2:])
    assert halved.compute_fingerprint() != Split(train, validation[:2], test).compute_fingerprint()


def test_checks_of_data_count_both_halves_as_validation_examples():
    examples = make_examples()
    halves, undivided = split_in_two_ways(examples)
    numbers = AllExamples(examples, None, halves).list_numbers(VALIDATION)
    assert np.array_equal(numbers, np.sort(undivided.validation))


@pytest.mark.parametrize("key", ["group", "time"])
def test_a_validation_file_is_divided_by_its_own_groups_and_times(tmp_path, key):
    numbers = np.random.default_rng(0).permutation(30) // 3
    for name, shift in {"train.csv": 0, "validation.csv": 5}.items():
        rows = (f"{row},{number + shift},{row % 2}\n" for row, number in enumerate(numbers))
        (tmp_path / name).write_text("a,b,y\n" + "".join(rows))
    paths = {"path": str(tmp_path / "train.csv"), "validation_path": str(tmp_path / "validation.csv")}
    data = Data(dataset="csv", **paths, **{key: "b"}, reporting_half=True)
    examples = load_examples(data)
    split = split_examples(data, examples)
    tuning, reporting = (numbers[half - 30] for half in (split.validation, split.reporting))
    assert sorted([*split.validation, *split.reporting]) == list(range(30, 60))
    if key == "group":
        assert not set(tuning) & set(reporting)
    else:
        assert tuning.max() < reporting.min()
    without = data.model_copy(update={"reporting_half": False})
    assert load_examples(without).compute_fingerprint() == examples.compute_fingerprint()
