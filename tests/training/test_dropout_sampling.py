"""Samples with active dropout: their distribution, their bits, and the layers that stay in inference mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.layer_base import LAYER_CLASSES
from dnn_cli.config.network_dropout import check_has_dropout
from dnn_cli.errors import UsageError
from dnn_cli.metrics.sampled_predictions import DropoutSampling
from dnn_cli.training.dropout_sampling import build_sampler, find_dropout_layers, iter_statistics
from dnn_cli.training.model_builder import build_model
from tests.helpers.settings import RUN_ALL_CASES

OUTPUT = "{type: Dense, units: 10, activation: softmax}"
IMAGE = "{type: Reshape, target_shape: [8, 8, 1]}"
DIGITS = np.random.default_rng(0).random((3, 8, 8), np.float32)


@pytest.fixture
def sample(experiment):
    """Return a function that samples the outputs of an untrained network with these layers."""

    def draw(layers, inputs=DIGITS, samples=40, seed=7, change=lambda model: None):
        experiment_with_layers = experiment(f"layers=[{layers}]", "epochs=1")
        model = build_model(experiment_with_layers)
        change(model)
        return build_sampler(model, experiment_with_layers, DropoutSampling(samples, seed))(inputs).numpy()

    return draw


def test_mean_and_deviation_are_those_of_the_masks(sample):
    """Between linear layers, the sum over units h·w·mask/(1 − p) has the variance p/(1 − p) · Σ(h·w)².

    Normalization must use its moving averages, and the flip must not act, or other sums would result.
    """
    parts = {}

    def change(model):
        normalization, *_, output = model.layers[-4:]
        rng = np.random.default_rng(1)
        normalization.set_weights([rng.uniform(0.5, 2, array.shape) for array in normalization.get_weights()])
        parts.update(model=keras.Sequential(model.layers[:-2]), kernel=output.get_weights()[0])

    layers = (
        f"{IMAGE}, RandomFlip, Flatten, BatchNormalization, {{type: Dense, units: 20}}, {{type: Dropout, rate: 0.4}}"
    )
    drawn = sample(f"{layers}, {{type: Dense, units: 10}}", DIGITS[:1], 3000, change=change)[0]
    hidden = parts["model"](DIGITS[:1], training=False).numpy()[0]
    products = hidden[:, np.newaxis] * parts["kernel"]
    deviation = np.sqrt(0.4 / 0.6 * (products**2).sum(0))
    np.testing.assert_allclose(drawn.mean(0), products.sum(0), atol=4 * deviation.max() / np.sqrt(3000))
    np.testing.assert_allclose(drawn.std(0), deviation, rtol=0.08)


def test_bits_depend_on_the_input_the_seed_and_the_number_of_samples_alone(sample):
    layers = f"Flatten, {{type: Dropout, rate: 0.5}}, {{type: GaussianNoise, stddev: 0.1}}, {OUTPUT}"
    drawn = sample(layers)
    assert drawn.shape == (3, 40, 10)
    assert len({row.tobytes() for row in drawn[0]}) == 40
    np.testing.assert_array_equal(sample(layers), drawn)
    np.testing.assert_array_equal(sample(layers, DIGITS[::-1])[::-1], drawn)
    np.testing.assert_array_equal(sample(layers, DIGITS[1:2]), drawn[1:2])
    assert not np.array_equal(sample(layers, seed=8), drawn)


def test_temperature_divides_the_logits_of_each_sample(experiment):
    """The mean is that of tempered probabilities, not the tempered mean."""
    logits = np.zeros((1, 2, 10), np.float32)
    logits[0, :, 0] = 4, 8
    from_logits = experiment("loss={type: sparse_categorical_crossentropy, from_logits: true}", "epochs=1")
    for temperature, scale in ((None, 1), (2.0, 2)):
        ((mean, deviation),) = iter_statistics(lambda scaled: tf.constant(logits), from_logits, DIGITS, temperature)
        shares = np.exp([4 / scale, 8 / scale]) / (np.exp([4 / scale, 8 / scale]) + 9)
        assert mean[0] == pytest.approx(shares.mean(), abs=1e-6)
        assert deviation[0] == pytest.approx(shares.std(ddof=1), abs=1e-6)


SEQUENCE = "{type: GRU, units: 3, recurrent_dropout: 0.5}"
NETWORKS = {
    "one mask for a batch": "Flatten, {type: Dropout, rate: 0.5, noise_shape: [1, 64]}, " + OUTPUT,
    "within a residual block": f"Flatten, {{residual: [{{type: AlphaDropout, rate: 0.5}}]}}, {OUTPUT}",
    "in both directions": f"{{type: Bidirectional, layer: {SEQUENCE}}}, {OUTPUT}",
    "of channels": f"{{type: SpatialDropout1D, rate: 0.5}}, Flatten, {OUTPUT}",
    "at each time step": f"{{type: TimeDistributed, layer: {{type: GaussianDropout, rate: 0.5}}}}, Flatten, {OUTPUT}",
}


@pytest.mark.parametrize("layers", list(NETWORKS.values()) if RUN_ALL_CASES else list(NETWORKS.values())[:3])
def test_every_sample_has_its_own_mask(sample, layers):
    drawn = sample(layers, DIGITS[:1], 10)[0]
    assert len({row.tobytes() for row in drawn}) > 5


def test_config_and_keras_agree_on_layers_with_dropout():
    for name, cls in LAYER_CLASSES.items():
        if cls.family not in ("dropout and noise", "recurrent"):
            continue
        quiet = {key: 0.0 for key in ("rate", "stddev") if key in cls.model_fields}
        active = {key: 0.25 for key in ("rate", "stddev", "recurrent_dropout") if key in cls.model_fields}
        for arguments, is_active in ((quiet, False), (active, True)):
            layer = cls.model_validate({"type": name, **cls.example, **arguments})
            model = keras.Sequential([keras.Input(cls.example_shape), layer.build_keras_object()])
            assert layer.has_dropout == is_active == bool(find_dropout_layers(model)), name


def test_network_without_dropout_is_refused(experiment):
    with pytest.raises(UsageError, match="no dropout and no noise"):
        check_has_dropout(experiment("layers=[Flatten, {type: Dropout, rate: 0}, " + OUTPUT + "]"))
    check_has_dropout(experiment(f"layers=[{NETWORKS['in both directions']}]"))
    plain = experiment()
    with pytest.raises(UsageError, match="no dropout and no noise"):
        build_sampler(build_model(plain), plain, DropoutSampling(2, 0))
