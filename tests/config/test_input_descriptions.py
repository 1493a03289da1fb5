"""Words for the inputs of a network: images, sequences, features or whole numbers."""

import numpy as np
import pytest

from dnn_cli.config.input_descriptions import describe_inputs
from dnn_cli.config.loading import load_experiment

OUTPUT = "{type: Dense, units: 2, activation: softmax}"


@pytest.fixture
def describe_arrays(config, tmp_path):
    """Return the noun and the sizes of arrays of an input shape, for a network that begins with some layers."""

    def describe(shape, layers, *overrides):
        labels = np.arange(20) % 2
        np.savez(tmp_path / "arrays.npz", x_train=np.ones((20, *shape), "float32"), y_train=labels)
        text = f"model: {{layers: [{layers}, {OUTPUT}]}}\noptimizer: adam\n"
        data = [f"data={{dataset: npz, path: {tmp_path / 'arrays.npz'}}}", *overrides]
        info = describe_inputs(load_experiment(config(text), data).experiment)
        return info.example_noun, info.sizes_text, info.has_images

    return describe


@pytest.mark.parametrize(
    "layers",
    [
        "{type: LSTM, units: 4}",
        "{type: Bidirectional, layer: {type: GRU, units: 4}}",
        "Masking, {type: SimpleRNN, units: 4}",
        "{type: Dropout, rate: 0.1}, {type: Conv1D, filters: 4, kernel_size: 3}, Flatten",
        "GlobalMaxPooling1D",
    ],
)
def test_networks_with_layers_for_sequences(describe_arrays, layers):
    assert describe_arrays((12, 3), layers) == ("sequence", "12 time steps × 3 features", False)


@pytest.mark.parametrize(
    ("layers", "overrides"),
    [
        ("Flatten", []),
        ("{type: Reshape, target_shape: [9, 4]}, {type: LSTM, units: 4}", []),
        ("{type: Reshape, target_shape: [12, 3, 1]}, {type: Conv2D, filters: 2, kernel_size: 3}, Flatten", []),
    ],
    ids=["Flatten", "reshaped sequences", "Conv2D"],
)
def test_other_networks_read_images(describe_arrays, layers, overrides):
    assert describe_arrays((12, 3), layers, *overrides) == ("image", "12 × 3", True)


def test_network_with_embedding_reads_whole_numbers(describe_arrays):
    embedding = "{type: Embedding, input_dim: 9, output_dim: 4}, Flatten"
    assert describe_arrays((12,), embedding) == ("example", "12 whole numbers", False)
    assert describe_arrays((1,), embedding) == ("example", "1 whole number", False)


def test_other_networks_read_features(describe_arrays):
    assert describe_arrays((12,), "{type: Dense, units: 4}") == ("example", "12 features", False)


def test_images_of_built_in_datasets_stay_images(config):
    text = f"model: {{layers: [{{type: LSTM, units: 4}}, {OUTPUT.replace('2', '10')}]}}\noptimizer: adam\n"
    info = describe_inputs(load_experiment(config(text)).experiment)
    assert (info.example_noun, info.sizes_text) == ("image", "28 × 28")
