from dataclasses import replace

import numpy as np
import pytest
import sklearn.datasets
from sklearn.model_selection import train_test_split

from dnn_cli.config.experiment import Data
from dnn_cli.data.examples import Examples, load_examples, load_test_examples, split_examples
from dnn_cli.errors import DataError


def test_digits_match_scikit_learn():
    examples = load_examples(Data(dataset="digits"))
    bunch = sklearn.datasets.load_digits()
    assert examples.inputs.dtype == examples.targets.dtype == np.uint8
    assert np.array_equal(examples.inputs, bunch.images)
    assert np.array_equal(examples.targets, bunch.target)


@pytest.mark.parametrize(("size", "seed"), [(0.2, 42), (0.25, 7), (300, 42)], ids=str)
def test_split_matches_scikit_learn(size, seed):
    data = Data(dataset="digits", validation_size=size, split_seed=seed)
    examples = load_examples(data)
    split = split_examples(data, examples)
    train_x, validation_x, train_y, validation_y = train_test_split(
        examples.inputs, examples.targets, test_size=size, random_state=seed
    )
    assert np.array_equal(examples.inputs[split.train], train_x)
    assert np.array_equal(examples.inputs[split.validation], validation_x)
    assert np.array_equal(examples.targets[split.train], train_y)
    assert np.array_equal(examples.targets[split.validation], validation_y)


def test_60_000_examples_are_split_48_000_to_12_000():
    split = split_examples(Data(), Examples(np.zeros((60_000, 1)), np.zeros(60_000)))
    assert (len(split.train), len(split.validation)) == (48_000, 12_000)


def test_splits_of_5_000_and_10_000_examples():
    data = Data(validation_size=5_000, test_size=10_000).with_info(replace(Data().info, test_examples=0))
    split = split_examples(data, Examples(np.zeros((60_000, 1)), np.zeros(60_000)))
    assert (len(split.train), len(split.validation), len(split.test)) == (45_000, 5_000, 10_000)
    assert (data.training_examples, data.validation_examples, data.test_examples) == (45_000, 5_000, 10_000)


def test_missing_test_set_is_an_error():
    with pytest.raises(DataError, match="digits has no test set"):
        load_test_examples(Data(dataset="digits"))


def test_fingerprint_depends_on_values_shape_and_order():
    images, targets = np.arange(12, dtype=np.uint8).reshape(3, 2, 2), np.arange(3, dtype=np.uint8)
    prints = {
        Examples(images, targets).compute_fingerprint(),
        Examples(images[::-1], targets[::-1]).compute_fingerprint(),
        Examples(images, targets[::-1]).compute_fingerprint(),
        Examples(images.reshape(3, 4, 1), targets).compute_fingerprint(),
    }
    assert len(prints) == 4
    assert Examples(images.copy(), targets.copy()).compute_fingerprint() in prints
