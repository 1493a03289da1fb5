"""Statistics of the training inputs, and warnings about inputs that differ from them."""

import time
from dataclasses import replace

import numpy as np
import pytest

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.input_statistics import build_input_profile, describe_unusual_inputs, find_white_value
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.formats.prediction_inputs import read_prediction_inputs
from dnn_cli.formats.table_columns import ColumnOptions
from tests.helpers.typed_tables import fit_table


@pytest.fixture(scope="module")
def digits():
    """The images that train, those that do not, and what is known of the former."""
    from dnn_cli.config.experiment import Experiment

    layers = [{"type": "Flatten"}, {"type": "Dense", "units": 10, "activation": "softmax"}]
    experiment = Experiment.model_validate({"name": "d", "data": {"dataset": "digits"}, "model": {"layers": layers}})
    examples = load_examples(experiment.data)
    split = split_examples(experiment.data, examples)
    preprocessing = compute_preprocessing(experiment, examples, split)
    input_profile = build_input_profile(experiment.data.info, examples, split, preprocessing)
    return examples[split.train].inputs, examples[split.validation].inputs, input_profile


def build_table_profile(rows, **dataset_info):
    """Return the input profile of a table whose rows are all used for training."""
    from dnn_cli.data.examples import Examples, Split
    from dnn_cli.data.preprocessing import Preprocessing

    shape = rows.shape[1:]
    examples = Examples(rows.astype(np.float32), np.zeros(len(rows), np.int32))
    dataset_info = DatasetInfo(input_shape=shape, classes=("a", "b"), examples=len(rows), **dataset_info)
    return build_input_profile(
        dataset_info, examples, Split(np.arange(len(rows))), Preprocessing(np.asarray(np.float32(1)))
    )


@pytest.mark.parametrize("shape", [(784,), (28, 28)], ids=["rows", "images"])
def test_inputs_on_another_scale_are_unusual(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (50, *shape))
    for factor, inverse in ((1, 1 / 255), (1 / 255, 1)):
        input_profile = build_table_profile(pixels * factor)
        assert describe_unusual_inputs(pixels * factor, input_profile)[0] == []
        (first, *_), *_ = describe_unusual_inputs((pixels * inverse).astype(np.float32), input_profile)
        assert first.startswith("its values are on another scale, 0 to ")


def test_inverted_images_are_unusual(digits):
    _, others, input_profile = digits
    assert sum(map(bool, describe_unusual_inputs(others, input_profile))) <= len(others) / 100
    inverted = describe_unusual_inputs(16 - others, input_profile)
    assert all("background is light" in descriptions[0] and "--invert" in descriptions[0] for descriptions in inverted)


@pytest.mark.parametrize(
    ("change", "description"),
    [
        (lambda images: images * 16.0, "its values range from 0 to 256; the training values range from 0 to 16"),
        (lambda images: images * 0, "its values are all 0"),
        (lambda images: images / 16, "has less contrast"),
        (lambda images: images[:, ::-1, ::-1] * 0.2, "has less contrast"),
    ],
    ids=["brighter than any pixel", "blank", "scaled already", "pale"],
)
def test_unusual_image_is_described(digits, change, description):
    _, others, input_profile = digits
    assert description in "; ".join(describe_unusual_inputs(change(others[:1]), input_profile)[0])


def test_statistics_match_training_examples(digits):
    inputs, _, input_profile = digits
    rows = inputs.reshape(len(inputs), -1)
    np.testing.assert_array_equal(input_profile.minimum, rows.min(0))
    np.testing.assert_allclose(input_profile.average, rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(input_profile.deviation, rows.std(0), rtol=1e-4, atol=1e-6)


def test_numbers_far_outside_are_named_by_column():
    rows = np.random.default_rng(0).uniform(0, 10, (200, 5))
    input_profile = build_table_profile(rows, features=("age", "area", "rooms", "year", "x"))
    new = np.array([[5, 5, 5, 5, 5], [5, 14, 5, 5, 5], [500, 5, 5, 5, 5], [99, 99, 99, 99, 99]], np.float32)
    descriptions = describe_unusual_inputs(new, input_profile)
    assert descriptions[:2] == [[], []], "half the range beyond it is not far"
    assert descriptions[2][0].startswith("age is 500, in training 0.0")
    assert descriptions[3][-1] == "and 2 more"


def test_few_of_many_numbers_may_be_outside():
    input_profile = build_table_profile(np.zeros((50, 784)))
    row = np.zeros((2, 784), np.float32)
    row[0, :10], row[1, :200] = 1, 1
    assert [bool(descriptions) for descriptions in describe_unusual_inputs(row, input_profile)] == [False, True]


@pytest.mark.parametrize(
    ("high", "low", "pixel_max", "white"),
    [(200, 0, 255, 255), (16, 0, 16, 16), (1, 0, 1, 1), (200, 0, 1, 255), (1, -1, 1, None), (200, 0, 127.5, 255)],
    ids=["pixels", "pixels to 16", "shares", "pixels as floats", "about 0", "half of white as divisor"],
)
def test_white_value_of_training_images(high, low, pixel_max, white):
    assert find_white_value(build_table_profile(np.array([[[low, high]], [[high, low]]]), pixel_max=pixel_max)) == white


def test_profile_of_large_data_is_fast_and_deterministic():
    rows = np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), np.uint8)
    start_time = time.perf_counter()
    first = build_table_profile(rows, pixel_max=255)
    assert time.perf_counter() - start_time < 2
    np.testing.assert_array_equal(first.looks, build_table_profile(rows, pixel_max=255).looks)


def test_encoded_columns_are_judged_by_the_values_of_the_table(tmp_path):
    dates = [f"2024-01-{day:02d}" for day in range(1, 29)]
    rows = "".join(f"{'AB'[at % 2]},{at},yes,{date},{at % 3 == 0:d}\n" for at, date in enumerate(dates))
    columns = {"kind": "category", "size": "number", "open": "boolean", "when": "date"}
    columns = {name: ColumnOptions(column_type) for name, column_type in columns.items()}
    inputs, spec = fit_table(tmp_path / "old.csv", f"kind,size,open,when,y\n{rows}", columns)
    info = {"columns": tuple(column.column for column in spec.encoding.columns)}
    profile = build_table_profile(inputs, features=spec.encoding.input_names, **info)
    profile = replace(profile, encoding=spec.encoding)
    path = tmp_path / "new.csv"
    path.write_text("size,kind,open,when\n5,A,no,2024-01-05\n,?,,\n900,C,no,2035-12-24\n")
    descriptions = describe_unusual_inputs(read_prediction_inputs(str(path), spec).inputs, profile)
    assert descriptions == [
        [],
        [],
        ["size is 900, in training 0 to 27", "when is 2035-12-24, in training 2024-01-01 to 2024-01-28"],
    ]
