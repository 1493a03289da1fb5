"""Training on standardized targets: equal to targets standardized by hand, with outputs in the units of the target."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.training import lane_step
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.chunked_engine import build_metric_variables
from dnn_cli.training.training_job import prepare_job
from tests.helpers.settings import RUN_ALL_CASES

COUNT = 442
RANDOM = np.random.default_rng(4)
INPUTS = RANDOM.normal(0, 1, (COUNT, 10)).astype(np.float32)
PRICES = (np.array([200_000, 3]) + INPUTS[:, :2] * np.array([50_000, 0.01])).astype(np.float32)
NETWORK = "layers=[{type: Dense, units: 4, activation: tanh}, {type: Dense, units: 2}]"
LOSSES = ["huber", "mse", "mae", "log_cosh"] if RUN_ALL_CASES else ["huber"]
NO_SCALING = "data.standardize_target=false"


@pytest.fixture
def build_job(experiment, tmp_path):
    """Return a function that builds the training job of an npz file with these targets."""

    def build(targets, *overrides):
        np.savez(tmp_path / "prices.npz", x=INPUTS, y=targets)
        loaded = experiment(
            f"data={{dataset: npz, path: {tmp_path}/prices.npz, task: regression, standardize_target: true}}",
            NETWORK, "optimizer=sgd", "metrics=[mae]", "batch_size=200", "jit=false", *overrides,
        )  # fmt: skip
        examples = load_examples(loaded.data)
        return prepare_job(loaded, examples, split_examples(loaded.data, examples))

    return build


def fit(job):
    """Train two epochs, and return the weights, the outputs for the validation inputs, and the scores."""
    contender = Contender(job, job.plan)
    for number in range(2):
        contender.run_epoch(number)
    inputs, targets = job.examples.inputs[job.split.validation], job.examples.targets[job.split.validation]
    model = contender.model
    # The test function of the engine needs chunks instead of arrays.
    model.make_test_function(force=True)
    scores = model.evaluate(inputs, targets, verbose=0, return_dict=True)
    return contender.get_weights(), model(inputs).numpy(), scores


@pytest.mark.parametrize("loss", LOSSES)
def test_result_equals_targets_standardized_by_hand(build_job, loss):
    job = build_job(PRICES, f"loss={loss}")
    scaler = StandardScaler().fit(PRICES[job.split.train])
    weights, outputs, scores = fit(job)
    by_hand = build_job(scaler.transform(PRICES).astype(np.float32), f"loss={loss}", NO_SCALING)
    expected_weights, expected_outputs, expected_scores = fit(by_hand)
    for ours, theirs in zip(weights, expected_weights, strict=True):
        assert ours == pytest.approx(theirs, abs=2e-5)
    assert scaler.transform(outputs) == pytest.approx(expected_outputs, abs=1e-4)
    assert scores["loss"] == pytest.approx(expected_scores["loss"], rel=1e-4)
    errors = np.abs(outputs - PRICES[job.split.validation])
    assert scores["mean_absolute_error"] == pytest.approx(errors.mean(), rel=1e-5)


def test_constant_target_keeps_its_scale(build_job):
    targets = PRICES * [1, 0] + [0, 7]
    job = build_job(targets.astype(np.float32), "loss=mse")
    scaling = job.preprocessing.target_scaling
    assert (scaling.mean[1], scaling.scale[1]) == (7, 1)
    assert job.preprocessing.target_scaling.standardize(targets[job.split.train]).std(0) == pytest.approx([1, 0])


@pytest.mark.parametrize("jit", ["true"] if not RUN_ALL_CASES else ["true", "false"])
def test_engines_give_the_same_bits(build_job, jit):
    job = build_job(PRICES, "loss=mse", f"jit={jit}", "batch_size=353")
    ours, plain = Contender(job, job.plan), Contender(job, replace(job.plan, engine="keras", steps=1))
    for number in range(3):
        ours.run_epoch(number)
        plain.run_epoch(number)
    assert all(map(np.array_equal, ours.get_weights(), plain.get_weights()))


def test_step_of_a_lane_equals_keras_own_step(build_job):
    contender = Contender(build_job(PRICES, "loss=mse"), replace(build_job(PRICES, "loss=mse").plan, engine="keras"))
    model, batch = contender.model, (tf.constant(INPUTS[:50]), tf.constant(PRICES[:50]))
    build_metric_variables(model, contender.pipeline)
    values = [tf.convert_to_tensor(variable.value) for variable in lane_step.list_variables(model)]
    new_values, logs = tf.function(lambda: lane_step.train_step(model, values, batch), autograph=False)()
    expected = model.train_step(batch)
    for ours, theirs in zip(new_values, lane_step.list_variables(model), strict=True):
        assert ours.numpy() == pytest.approx(theirs.numpy(), rel=1e-4, abs=1e-6)
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-5
    )


def test_saved_model_is_loaded_by_keras_alone(build_job, tmp_path):
    contender = Contender(build_job(PRICES, "loss=huber"), build_job(PRICES, "loss=huber").plan)
    contender.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    outputs = loaded(INPUTS[:5]).numpy()
    assert np.array_equal(outputs, contender.model(INPUTS[:5]).numpy())
    assert outputs[:, 0].min() > 1e4
    scores = loaded.evaluate(INPUTS[:5], PRICES[:5], verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(float(keras.losses.Huber()(PRICES[:5], outputs)), rel=1e-5)
