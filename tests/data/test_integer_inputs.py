"""Whole numbers for an Embedding layer: they reach it unchanged, and wrong numbers are named before a training."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.data.data_advice import list_data_advice
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.input_statistics import build_input_profile
from dnn_cli.data.integer_inputs import check_integer_inputs, list_integer_remarks
from dnn_cli.data.preprocessing import compute_preprocessing
from dnn_cli.errors import UserDataError

WORDS = np.random.default_rng(0).integers(0, 200, (60, 6)).astype(np.uint8)
WORDS[7, 2] = 250
EMBEDDING = "{type: Embedding, input_dim: 251, output_dim: 2}"
OUTPUT = "{type: Dense, units: 2, activation: softmax}"
ACCEPTED = "Embedding takes whole numbers from 0 to 250"
SAVE_AS_WHOLE_NUMBERS = "save the inputs as whole numbers from 0, or remove the Embedding layer"
LAYERS = [EMBEDDING, f"Flatten, {EMBEDDING}", f"{{type: TimeDistributed, layer: {EMBEDDING}}}"]


@pytest.fixture
def load_words(tmp_path):
    """Return a function that loads an experiment on an npz file with whole numbers."""

    def load(inputs=WORDS, layers=EMBEDDING, *overrides):
        arrays = {
            "x_train": inputs[:40],
            "x_val": inputs[40:],
            "y_train": np.arange(40) % 2,
            "y_val": np.arange(20) % 2,
        }
        np.savez(tmp_path / "words.npz", **arrays)
        text = f"data: {{dataset: npz, path: words.npz}}\nmodel: {{layers: [{layers}, Flatten, {OUTPUT}]}}\n"
        (tmp_path / "words.yaml").write_text(text)
        return load_experiment(str(tmp_path / "words.yaml"), overrides).experiment

    return load


def load_profile(experiment):
    """Return the examples of an experiment and its input profile."""
    examples = load_examples(experiment.data)
    split = split_examples(experiment.data, examples)
    preprocessing = compute_preprocessing(experiment, examples, split)
    return examples, split, build_input_profile(experiment.data.info, examples, split, preprocessing)


@pytest.mark.parametrize("layers", LAYERS)
def test_bytes_reach_an_embedding_unchanged(load_words, layers):
    experiment = load_words(WORDS if "Time" not in layers else WORDS[:, :, None], layers)
    examples, split, profile = load_profile(experiment)
    np.testing.assert_array_equal(profile.scale_inputs(examples.inputs), WORDS)
    (remark,) = list_integer_remarks(experiment, examples)
    assert str(remark) == "the inputs are whole numbers for Embedding, and are not divided"
    assert [remark.override for remark in experiment.data.info.remarks] == [""]
    assert not [line for line in list_data_advice(experiment, examples, split) if "scale" in line or "pixel" in line]


def test_bytes_for_other_layers_are_divided(load_words):
    experiment = load_words(WORDS, "{type: Dense, units: 3}")
    examples, _, profile = load_profile(experiment)
    assert profile.scale == 255
    assert list_integer_remarks(experiment, examples) == []
    check_integer_inputs(experiment, np.full((2, 6), -0.5), "file")


def test_config_of_the_run_contains_the_scale(load_words, tmp_path):
    experiment = load_words()
    (tmp_path / "run.yaml").write_text(to_yaml(experiment))
    assert "scale: 1" in (tmp_path / "run.yaml").read_text()
    assert load_experiment(str(tmp_path / "run.yaml")).experiment == experiment


def test_built_in_images_reach_an_embedding_unchanged(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "data: {dataset: digits}\nmodel: {layers: [Flatten, {type: Embedding, input_dim: 17, output_dim: 2}, Flatten, "
        "{type: Dense, units: 10, activation: softmax}]}\n"
    )
    experiment = load_experiment(str(tmp_path / "a.yaml")).experiment
    examples, _, profile = load_profile(experiment)
    assert (profile.scale, examples.inputs.max()) == (1, 16)
    check_integer_inputs(experiment, examples.inputs, "digits")


@pytest.mark.parametrize("rows_before", [0, 5000])
@pytest.mark.parametrize(
    ("wrong", "trained", "message", "suggestion"),
    [
        (251, False, f"the largest input is 251, in the example at index {{}}, but {ACCEPTED}", "write input_dim: 252"),
        (90000, True, f"the largest input is 90,000, in the example at index {{}}, but {ACCEPTED}",
         "train a network with input_dim: 90001"),
        (-1, False, f"the example at index {{}} has the input -1, but {ACCEPTED}", SAVE_AS_WHOLE_NUMBERS),
        (2.5, False, f"the example at index {{}} has the input 2.5, but {ACCEPTED}", SAVE_AS_WHOLE_NUMBERS),
        (2.0**25, False, "the largest input is 33,554,432, in the example at index {}, but whole numbers above "
         "16,777,216 are not exact in float32", "number the inputs from 0, without gaps"),
    ],
)  # fmt: skip
def test_wrong_numbers_are_named(load_words, rows_before, wrong, trained, message, suggestion):
    inputs = np.zeros((rows_before + 3, 6), np.float32)
    inputs[rows_before + 1, 4] = wrong
    with pytest.raises(UserDataError) as caught:
        check_integer_inputs(load_words(), inputs, "words.npz", is_trained=trained)
    expected = f"words.npz: {message.format(rows_before + 1)}"
    assert (caught.value.message, caught.value.suggestion) == (expected, suggestion)


@pytest.mark.parametrize(
    ("layers", "location", "key"),
    [
        (LAYERS[0], "2:36", "model.layers.0.input_dim"),
        (LAYERS[1], "2:45", "model.layers.1.input_dim"),
        (f"{{repeat: 1, layers: [{LAYERS[0]}]}}", "2:57", "model.layers.0.layers.0.input_dim"),
    ],
)
def test_check_shows_the_line_of_the_limit(load_words, dnn, layers, location, key):
    load_words(np.where(WORDS == 250, 251, WORDS), layers)
    done = dnn("check", "words.yaml")
    assert done.returncode == 2
    assert done.stdout.startswith(f"words.yaml:{location}  {key}  words.npz: the largest input is 251, ")
    assert done.stdout.endswith("(write input_dim: 252)\n")


def test_following_the_suggestion_resolves_the_error(load_words):
    inputs = WORDS.astype(np.int64) + 100
    check_integer_inputs(load_words(inputs, EMBEDDING, "layers.0.input_dim=351"), inputs, "words.npz")
    with pytest.raises(UserDataError, match="the largest input is 350"):
        check_integer_inputs(load_words(inputs, EMBEDDING, "layers.0.input_dim=350"), inputs, "words.npz")
