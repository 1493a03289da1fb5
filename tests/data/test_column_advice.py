"""Columns that harm a training: each is named once, with the override that leaves it out."""

import shlex

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.column_advice import list_column_issues
from dnn_cli.data.data_advice import list_data_advice
from dnn_cli.data.examples import Examples, load_examples, split_examples

NETWORK = "model: {layers: [{type: Dense, units: 2, activation: softmax}]}\n"
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(0, 1, (300, 4)).astype(np.float32)
TARGETS = (RANDOM.random(300) > 0.5).astype(np.int32)


@pytest.fixture(autouse=True)
def restart_random_numbers():
    """Give each test the same random numbers, whichever tests ran before."""
    RANDOM.bit_generator.state = np.random.default_rng(0).bit_generator.state


def list_sentences(*columns, targets=TARGETS):
    """Return the sentences about three columns of noise and further columns."""
    inputs = np.column_stack([NOISE[:, :3], *columns]).astype(np.float32)
    names = ["a", "b", "c", *(f"new{number}" for number in range(1, len(columns) + 1))]
    return [issue.format_sentence(names) for issue in list_column_issues(Examples(inputs, targets), np.arange(300))]


def test_noise_has_no_issues():
    assert list_sentences() == []


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        pytest.param([np.full(300, 7)], "column new1 is constant", id="constant"),
        pytest.param([np.zeros(300)] * 7, "columns new1, new2, new3, new4, new5 and 2 more are constant", id="many"),
        pytest.param([RANDOM.permutation(300)], "column new1 contains only row numbers", id="row numbers"),
        pytest.param([TARGETS * 3.0], "column new1 alone predicts the target", id="revealed target"),
        pytest.param(
            [RANDOM.permutation(np.arange(300) * 3 + RANDOM.integers(0, 2, 300))],
            "column new1 has a different whole number in each row, as ids have",
            id="ids with gaps",
        ),
        pytest.param(
            [1.7e9 + np.arange(300) // 2 * 128],
            "column new1 has 300 numbers above 16,777,216, which 32-bit floats do not distinguish",
            id="timestamps",
        ),
    ],
)
def test_harmful_columns_are_named(columns, sentence):
    assert list_sentences(*columns) == [sentence]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(RANDOM.integers(10**8, 10**10, 300), id="numbers that are far apart"),
        pytest.param(RANDOM.integers(1, 900, 300) * 1_000_000, id="prices"),
        pytest.param(RANDOM.integers(0, 2, 300) * 2.0**30, id="two large numbers"),
    ],
)
def test_large_numbers_that_floats_distinguish_have_no_issue(column):
    assert list_sentences(column) == []


def test_columns_that_each_predict_the_target_are_named():
    assert list_sentences(NOISE[:, 3], TARGETS + 5, 1 - TARGETS) == ["columns new2, new3 each predict the target"]
    # Most columns of an easy task predict the target.
    assert list_sentences(*[TARGETS] * 4) == []


def test_different_whole_numbers_of_a_wide_range_have_no_issue():
    assert list_sentences(RANDOM.choice(100_000, 300, replace=False)) == []


def test_row_number_of_sorted_rows_is_named_once():
    assert list_sentences(np.arange(300), targets=np.sort(TARGETS)) == ["column new1 contains only row numbers"]


def write_table(tmp_path, names, columns):
    rows = [",".join(f"{value:g}" for value in row) for row in np.column_stack(columns)]
    (tmp_path / "table.csv").write_text("\n".join([",".join(names), *rows]) + "\n")


def list_advice(config, data, *overrides):
    experiment = load_experiment(config(f"data: {data}\n{NETWORK}"), overrides).experiment
    examples = load_examples(experiment.data)
    return list_data_advice(experiment, examples, split_examples(experiment.data, examples))


def test_overrides_of_several_lines_leave_out_all_columns(config, tmp_path):
    write_table(tmp_path, ["Unnamed: 0", "one", "leak", "a", "b", "c", "y"],
                [np.arange(300), np.ones(300), TARGETS, NOISE[:, :3], TARGETS])  # fmt: skip
    advice = list_advice(config, "{dataset: csv, path: table.csv}")
    assert [line.split("  ")[0] for line in advice] == [
        "Unnamed: 0 ranges from 0 to 299; a network learns best from inputs between about -1 and 1",
        "column one is constant",
        "column Unnamed: 0 contains only row numbers",
        "column leak alone predicts the target",
    ]
    overrides = [shlex.split(line.partition("  (")[2].removesuffix(")"))[0] for line in advice]
    assert overrides[1:] == ['data.ignore=["one", "Unnamed: 0", "leak"]'] * 3
    assert list_advice(config, "{dataset: csv, path: table.csv}", *overrides) == []


def test_inputs_have_advice_before_targets(config, tmp_path):
    write_table(tmp_path, ["a", "b", "c", "price"], [NOISE[:, :3] * 1000, 2e5 + 1e4 * NOISE[:, 3]])
    overrides = ["layers=[{type: Dense, units: 1}]", "loss=mse", "metrics=[]"]
    first, second = list_advice(config, "{dataset: csv, path: table.csv}", *overrides)
    assert first.endswith("(data.standardize=true)")
    assert second.startswith("the mean of the targets is 2.01e+05")


def test_columns_of_arrays_are_numbered(config, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.column_stack([NOISE, np.arange(300) / 1.0]), y=TARGETS)
    (line,) = list_advice(config, "{dataset: npz, path: a.npz, standardize: true}")
    assert line == "column 5 contains only row numbers  (remove such columns from the array)"


PIXELS = RANDOM.integers(0, 256, (300, 4, 5))
PIXELS[:, 0, 0], PIXELS[:, 0, 1] = 255, 0


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_pixels_that_are_not_uint8_have_advice(config, tmp_path, dtype):
    np.savez(tmp_path / "a.npz", x=PIXELS.astype(dtype), y=TARGETS)
    data = "{dataset: npz, path: a.npz, flatten: true}"
    assert list_advice(config, data) == [
        "the inputs are pixels up to 255; a network learns best from inputs between about -1 and 1  (data.scale=255)"
    ]
    assert list_advice(config, data, "data.scale=255") == []
    assert list_advice(config, data, "data.standardize=true") == []


def test_pixels_of_a_table_have_advice(config, tmp_path):
    rows = PIXELS.reshape(300, 20)
    write_table(tmp_path, [*(f"p{number}" for number in range(20)), "y"], [rows, TARGETS])
    (line,) = list_advice(config, "{dataset: csv, path: table.csv}")
    assert line.endswith("(data.scale=255)")
    write_table(tmp_path, [*(f"p{number}" for number in range(20)), "y"], [rows + 0.5, TARGETS])
    assert not any("pixels" in line for line in list_advice(config, "{dataset: csv, path: table.csv}"))


def test_uint8_pixels_have_advice_only_without_their_divisor(config, tmp_path):
    np.savez(tmp_path / "a.npz", x=PIXELS.astype(np.uint8), y=TARGETS)
    data = "{dataset: npz, path: a.npz, flatten: true}"
    assert list_advice(config, data) == []
    assert list_advice(config, data, "data.scale=1")[0].startswith("the inputs are pixels up to 255")


def test_validation_table_on_another_scale_has_advice(config, tmp_path):
    rows, names = PIXELS.reshape(300, 20), [*(f"p{number}" for number in range(20)), "y"]
    write_table(tmp_path, names, [rows / 255, TARGETS])
    (tmp_path / "table.csv").rename(tmp_path / "later.csv")
    write_table(tmp_path, names, [rows, TARGETS])
    first, second = list_advice(config, "{dataset: csv, path: table.csv, validation_path: later.csv}")
    assert first.startswith("the validation inputs are up to 1, and the training inputs up to 255")
    assert second.endswith("(data.scale=255)")


@pytest.mark.parametrize(
    ("equal", "line"),
    [
        (300, "all inputs are equal, so a network cannot learn from them  (check how the inputs were made)"),
        (240, r"% of the inputs are equal  (check how the inputs were made)"),
        (100, None),
    ],
)
def test_equal_inputs_have_advice(config, tmp_path, equal, line):
    x = RANDOM.normal(0, 1, (300, 4, 5))
    x[:equal] = 0.5
    np.savez(tmp_path / "a.npz", x=RANDOM.permutation(x), y=TARGETS)
    advice = list_advice(config, "{dataset: npz, path: a.npz, flatten: true}")
    equal_advice = [text for text in advice if "equal" in text]
    assert [text[text.find("%") :] if "%" in text else text for text in equal_advice] == ([line] if line else [])
