"""What is kept of the training inputs, and what is said of others that are unlike them."""

import time

import numpy as np
import pytest

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.measured import measure
from dnn_cli.data.statistics import describe, remarks, white_of
from dnn_cli.spec.datasets import Facts


@pytest.fixture(scope="module")
def digits():
    """The images that train, those that do not, and what is known of the former."""
    from dnn_cli.spec.experiment import Experiment

    layers = [{"type": "Flatten"}, {"type": "Dense", "units": 10, "activation": "softmax"}]
    experiment = Experiment.model_validate({"name": "d", "data": {"dataset": "digits"}, "model": {"layers": layers}})
    examples = load_examples(experiment.data)
    split = split_examples(experiment.data, examples)
    measured = measure(experiment, examples, split)
    known = describe(experiment.data.facts, examples, split, measured)
    return examples[split.train].inputs, examples[split.validation].inputs, known


def table(rows, **facts):
    """What is known of a table, all of whose rows train."""
    from dnn_cli.data.examples import Examples, Split
    from dnn_cli.data.measured import Measured

    shape = rows.shape[1:]
    examples = Examples(rows.astype(np.float32), np.zeros(len(rows), np.int32))
    facts = Facts(input_shape=shape, classes=("a", "b"), examples=len(rows), **facts)
    return describe(facts, examples, Split(np.arange(len(rows))), Measured(np.asarray(np.float32(1))))


def test_images_like_those_of_the_training_pass_and_inverted_ones_do_not(digits):
    _, others, known = digits
    assert sum(map(bool, remarks(others, known))) <= len(others) / 100
    inverted = remarks(16 - others, known)
    assert all("background is light" in said[0] and "--invert" in said[0] for said in inverted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda images: images * 16.0, "its values go from 0 to 256, those of the training go from 0 to 16"),
        (lambda images: images * 0, "its values are all 0"),
        (lambda images: images / 16, "of less contrast"),
        (lambda images: images[:, ::-1, ::-1] * 0.2, "of less contrast"),
    ],
    ids=["brighter than any pixel", "blank", "scaled already", "pale"],
)
def test_an_image_that_is_otherwise_is_told_in_words(digits, change, said):
    _, others, known = digits
    assert said in "; ".join(remarks(change(others[:1]), known)[0])


def test_statistics_are_those_of_the_training_examples(digits):
    inputs, _, known = digits
    rows = inputs.reshape(len(inputs), -1)
    np.testing.assert_array_equal(known.minimum, rows.min(0))
    np.testing.assert_allclose(known.average, rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(known.deviation, rows.std(0), rtol=1e-4, atol=1e-6)


def test_numbers_far_outside_of_the_training_are_named_by_their_column():
    rows = np.random.default_rng(0).uniform(0, 10, (200, 5))
    known = table(rows, features=("age", "area", "rooms", "year", "x"))
    new = np.array([[5, 5, 5, 5, 5], [5, 14, 5, 5, 5], [500, 5, 5, 5, 5], [99, 99, 99, 99, 99]], np.float32)
    found = remarks(new, known)
    assert found[:2] == [[], []], "half the range beyond it is not far"
    assert found[2][0].startswith("age is 500, in training 0.0")
    assert found[3][-1] == "and 2 more"


def test_a_few_numbers_of_very_many_may_be_outside():
    known = table(np.zeros((50, 784)))
    row = np.zeros((2, 784), np.float32)
    row[0, :10], row[1, :200] = 1, 1
    assert [bool(said) for said in remarks(row, known)] == [False, True]


@pytest.mark.parametrize(
    ("high", "low", "pixel_max", "white"),
    [(200, 0, 255, 255), (16, 0, 16, 16), (1, 0, 1, 1), (200, 0, 1, 255), (1, -1, 1, None)],
    ids=["pixels", "pixels to 16", "shares", "pixels as floats", "about 0"],
)
def test_what_white_was_in_training(high, low, pixel_max, white):
    assert white_of(table(np.array([[[low, high]], [[high, low]]]), pixel_max=pixel_max)) == white


def test_large_data_is_looked_at_in_a_moment_and_the_same_way():
    rows = np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), np.uint8)
    begun = time.perf_counter()
    first = table(rows, pixel_max=255)
    assert time.perf_counter() - begun < 2
    np.testing.assert_array_equal(first.looks, table(rows, pixel_max=255).looks)
