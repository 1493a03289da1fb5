"""Weights of examples: loss and metrics of training and validation are those of Keras with `sample_weight`."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline, count_batches
from dnn_cli.training import lane_step
from dnn_cli.training.chunked_engine import build_dataset, install_chunk_functions
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.model_builder import build_model
from tests.helpers.settings import RUN_ALL_CASES

RANDOM = np.random.default_rng(3)
COUNT, TRAIN = 100, 72
INPUTS = RANDOM.random((COUNT, 8, 8), np.float32)
CLASSES = RANDOM.integers(0, 10, COUNT).astype(np.int32)
WEIGHTS = RANDOM.integers(0, 4, COUNT).astype(np.float32)
NUMBERS = RANDOM.random((COUNT, 1), np.float32)
NO_XLA = ExecutionPlan("chunked", jit=False, precision="float32", steps=2, why="")
OUTPUT = "layers=[Flatten, {type: Dense, units: 10, activation: softmax}]"


@pytest.fixture
def weighted(experiment):
    """Builds an experiment whose examples have weights."""

    def build(*overrides):
        plain = experiment(*overrides)
        data = plain.data.model_copy(update={"weight": "w"}).with_info(plain.data.info)
        return plain.model_copy(update={"data": data})

    return build


def fit(experiment, examples, plan):
    """Return the scores of two epochs of the engine or of Keras's loop, and the trained model."""
    pipeline, model = Pipeline(examples, experiment), build_model(experiment, jit=plan.jit)
    if plan.engine == "chunked":
        install_chunk_functions(model, pipeline, plan)
    train, validation = (pipeline.build_fixed_order(np.arange(*ends)) for ends in ((0, TRAIN), (TRAIN, COUNT)))
    history = model.fit(
        build_dataset(pipeline, plan, train, range(2), weighted=True),
        epochs=2,
        steps_per_epoch=count_batches(TRAIN, experiment.batch_size),
        validation_data=build_dataset(pipeline, plan, validation),
        validation_steps=count_batches(COUNT - TRAIN, experiment.batch_size),
        verbose=0,
        shuffle=False,
    ).history
    return history, model


def fit_with_sample_weight(experiment, inputs, targets):
    """Return the scores of two epochs of plain `fit` with Keras's argument `sample_weight`, and the trained model."""
    model = build_model(experiment)
    history = model.fit(
        inputs[:TRAIN], targets[:TRAIN], sample_weight=WEIGHTS[:TRAIN], epochs=2, shuffle=False, verbose=0,
        batch_size=experiment.batch_size, validation_batch_size=experiment.batch_size,
        validation_data=(inputs[TRAIN:], targets[TRAIN:], WEIGHTS[TRAIN:]),
    ).history  # fmt: skip
    return history, model


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(NO_XLA, id="chunked"),
        *(
            [
                pytest.param(replace(NO_XLA, jit=True), id="XLA"),
                pytest.param(replace(NO_XLA, engine="keras", steps=1), id="keras"),
            ]
            if RUN_ALL_CASES
            else []
        ),
    ],
)
def test_engines_weight_loss_and_metrics_as_keras_does(weighted, plan):
    experiment = weighted(
        "data.dataset=digits", OUTPUT, "optimizer=sgd", "metrics=[accuracy, sparse_top_k_categorical_accuracy]"
    )
    examples = Examples(INPUTS, CLASSES, WEIGHTS)
    history, model = fit(experiment, examples, plan)
    expected, keras_model = fit_with_sample_weight(experiment, INPUTS / experiment.data.info.pixel_max, CLASSES)
    assert set(history) == set(experiment.score_names)
    for name, values in history.items():
        assert values == pytest.approx(expected[name], rel=1e-5)
    for ours, theirs in zip(model.get_weights(), keras_model.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)
    unweighted, _ = fit(experiment, Examples(INPUTS, CLASSES), plan)
    assert unweighted["val_accuracy"] != history["val_accuracy"]


def test_regression_targets_are_weighted(weighted):
    experiment = weighted(
        "data.dataset=diabetes", "layers=[{type: Dense, units: 1}]", "loss=mean_squared_error",
        "metrics=[mean_absolute_error]", "optimizer=sgd",
    )  # fmt: skip
    rows = INPUTS.reshape(COUNT, -1)[:, :10]
    history, _ = fit(experiment, Examples(rows, NUMBERS, WEIGHTS), NO_XLA)
    expected, _ = fit_with_sample_weight(experiment, rows, NUMBERS)
    for name, values in history.items():
        assert values == pytest.approx(expected[name], rel=1e-5)


def test_lanes_evaluate_with_weights(weighted):
    experiment = weighted("data.dataset=digits", OUTPUT)
    model = build_model(experiment)
    model.compute_metrics(INPUTS, CLASSES, model(INPUTS), WEIGHTS)
    model.reset_metrics()
    expected = model.evaluate(INPUTS, CLASSES, sample_weight=WEIGHTS, batch_size=COUNT, return_dict=True, verbose=0)
    model.reset_metrics()
    values = [tf.convert_to_tensor(variable.value) for variable in lane_step.list_variables(model)]
    _, logs = lane_step.test_step(model, values, (tf.constant(INPUTS), tf.constant(CLASSES), tf.constant(WEIGHTS)))
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(expected, rel=1e-5)


def test_a_part_of_the_examples_keeps_its_weights():
    examples = Examples(INPUTS, CLASSES, WEIGHTS)
    indices = np.array([5, 2, 60])
    assert np.array_equal(examples[indices].weights, WEIGHTS[indices])
    assert Examples(INPUTS, CLASSES)[indices].weights is None
    assert examples.digest not in (Examples(INPUTS, CLASSES).digest, Examples(INPUTS, CLASSES, WEIGHTS + 1).digest)
