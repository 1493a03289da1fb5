"""Networks as books write them: deep, with BatchNormalization before the activation, weights and gradients limited."""

import keras
import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.training.model_builder import build_model

DEEP = """\
data: {dataset: npz, path: tiny.npz}
model:
  layers:
    - Flatten
    - repeat: 20
      layers:
        - {type: Dense, units: 12, kernel_initializer: HeNormal, use_bias: false}
        - BatchNormalization
        - {type: Activation, activation: swish}
    - {type: Dense, units: 10, activation: softmax}
optimizer: {type: Nadam, learning_rate: 5e-4}
metrics: accuracy
batch_size: 48
engine: keras
jit: false
diagnostics: false
"""


@pytest.fixture
def deep(config, tmp_path):
    """Reads the deep network with overrides, on small images in colour."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "tiny.npz", x=rng.integers(0, 256, (60, 32, 32, 3), np.uint8), y=np.arange(60) % 10)
    path = config(DEEP, "deep.yaml")
    return lambda *overrides: load_experiment(path, overrides)


def test_repeated_layers_with_limits_train_on_images_in_colour(deep, trained):
    loaded = deep()
    assert loaded.advice == ()
    assert len(loaded.experiment.model.stack) == 62
    limits = "optimizer={type: SGD, clipvalue: 1.0}", "layers.dense.kernel_constraint={type: MaxNorm, max_value: 1.}"
    _, record, reporter = trained(deep("layers.1.repeat=2", *limits).experiment)
    assert record.status == "completed"
    assert len(reporter.epochs) == 1


def test_other_limits_and_activations_are_spelled_as_in_keras(deep):
    overrides = [
        "optimizer={type: SGD, clipnorm: 1.0}", "layers.1.layers.0.kernel_initializer=lecun_normal",
        "layers.1.layers.2.activation=selu", "layers.1.repeat=1",
    ]  # fmt: skip
    model = build_model(deep(*overrides).experiment)
    assert model.optimizer.clipnorm == 1
    assert isinstance(model.layers[1].kernel_initializer, keras.initializers.LecunNormal)
    assert model.layers[3].activation is keras.activations.selu


def test_normalized_dense_layers_are_not_called_linear(deep):
    layers = (
        "[Flatten, {type: Dense, units: 20, use_bias: false}, BatchNormalization, "
        "{type: Activation, activation: relu}, {type: Dense, units: 10, activation: softmax}]"
    )
    assert deep(f"layers={layers}").advice == ()
