"""The step of a lane against Keras's own `train_step`: every optimizer, option, layer and metric."""

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.training.lane_step import list_variables, train_step
from dnn_cli.training.model_builder import build_model
from tests.helpers.resume_cases import OPTIMIZERS

LANES, STEPS, BATCH = 3, 3, 16
RANDOM = np.random.default_rng(5)
INPUTS = RANDOM.random((LANES, STEPS, BATCH, 8, 8), np.float32)
TARGETS = RANDOM.integers(0, 10, (LANES, STEPS, BATCH)).astype(np.int32)
OUTPUT = "{type: Dense, units: 10, activation: softmax}"
NETWORK = f"layers=[Flatten, {{type: Dense, units: 12, activation: tanh}}, {OUTPUT}]"
TOLERANCE = 1e-5

OPTIONS = {
    "clipvalue": "{type: adam, clipvalue: 0.01}",
    "clipnorm": "{type: adam, clipnorm: 0.1}",
    "global_clipnorm": "{type: adam, global_clipnorm: 0.1}",
    "weight_decay": "{type: sgd, weight_decay: 0.1}",
    "averages": "{type: adam, use_ema: true, ema_momentum: 0.5, ema_overwrite_frequency: 2}",
    "accumulation": "{type: adam, gradient_accumulation_steps: 2}",
    "schedule": "{type: sgd, learning_rate: {type: CosineDecay, initial_learning_rate: 0.1, decay_steps: 5}}",
    "momentum": "{type: sgd, momentum: 0.9, nesterov: true}",
    "amsgrad": "{type: adam, amsgrad: true}",
}


def build_models(experiment, *overrides):
    """Build a model for each lane, with a seed of its own, and with built metrics."""
    models = []
    for seed in range(LANES):
        model = build_model(experiment(NETWORK, f"seed={seed}", *overrides))
        model.compute_metrics(tf.zeros((1, 8, 8)), tf.zeros(1, tf.int32), tf.fill((1, 10), 0.1))
        model.reset_metrics()
        models.append(model)
    return models


def copy_values(model):
    return [variable.numpy() for variable in list_variables(model)]


def train_alone(model, lane):
    """Train a model by Keras's own step, and return the values of its variables."""
    step = tf.function(model.train_step, autograph=False)
    for number in range(STEPS):
        step((INPUTS[lane, number], TARGETS[lane, number]))
    return copy_values(model)


def train_lanes(model, values):
    """Train all lanes, and return the values of each lane."""

    @tf.function(autograph=False)
    def run(values):
        for number in range(STEPS):
            batches = tf.constant(INPUTS[:, number]), tf.constant(TARGETS[:, number])
            values, logs = tf.vectorized_map(
                lambda lane: train_step(model, lane[0], lane[1]), (values, batches), fallback_to_while_loop=False
            )
        return values, logs

    stacked, _ = run([tf.constant(np.stack(parts)) for parts in zip(*values, strict=True)])
    return [[value[lane] for value in map(np.array, stacked)] for lane in range(LANES)]


def assert_lanes_match(models):
    """Check that lanes end with the values that Keras's own step computes."""
    lanes = train_lanes(models[0], [copy_values(model) for model in models])
    variables = list_variables(models[0])
    for lane, model in enumerate(models):
        for variable, ours, theirs in zip(variables, lanes[lane], train_alone(model, lane), strict=True):
            scale = max(float(np.abs(theirs).max(initial=0)), 1e-3)
            assert np.abs(ours - theirs.astype(ours.dtype)).max(initial=0) <= TOLERANCE * scale, variable.path


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_matches_keras(experiment, name):
    assert_lanes_match(build_models(experiment, f"optimizer={name}"))


@pytest.mark.parametrize("optimizer", OPTIONS.values(), ids=OPTIONS)
def test_option_matches_keras(experiment, optimizer):
    assert_lanes_match(build_models(experiment, f"optimizer={optimizer}"))


LAYERS = {
    "BatchNormalization": "{type: Dense, units: 12, use_bias: false}, BatchNormalization",
    "LayerNormalization": "{type: Dense, units: 12}, LayerNormalization",
    "Dropout": "{type: Dropout, rate: 0.3}",
    "GaussianNoise": "{type: GaussianNoise, stddev: 0.1}",
    "Rescaling": "{type: Rescaling, scale: 0.5}",
    "regularizers": "{type: Dense, units: 12, kernel_regularizer: l2, bias_regularizer: l1, activity_regularizer: l1}",
    "constraints": "{type: Dense, units: 12, kernel_constraint: {type: max_norm, max_value: 0.5}}",
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_layer_matches_keras(experiment, layers):
    network = f"layers=[Flatten, {layers}, {OUTPUT}]"
    assert_lanes_match(build_models(experiment, network, "optimizer={type: sgd, learning_rate: 0.1}"))


METRICS = ["sparse_top_k_categorical_accuracy", "sparse_categorical_accuracy"]


@pytest.mark.parametrize("metric", METRICS)
def test_metric_matches_keras(experiment, metric):
    assert_lanes_match(build_models(experiment, "optimizer=sgd", f"metrics=[accuracy, {{type: {metric}}}]"))
