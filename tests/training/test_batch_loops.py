"""The counted loop against the checked loop: the same results, also when a loss is not finite."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training import chunked_engine
from dnn_cli.training.chunked_engine import install_chunk_functions
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.training_state import copy_value, iter_variables
from tests.helpers.digits import DIGITS_YAML

CHECKED = ExecutionPlan("chunked", jit=False, precision="mixed_float16", steps=3, why="")
COUNTED = replace(CHECKED, loop="counted")
BAD_ROW, COUNT = 0, 101
NETWORK = [
    "layers=[Flatten, BatchNormalization, {type: Dropout, rate: 0.3}, {type: Dense, units: 10}]",
    "optimizer={type: adam, global_clipnorm: 0.5, use_ema: true}",
    "loss={type: sparse_categorical_crossentropy, from_logits: true}",
]


def load_digits(directory, *overrides):
    """Load an experiment on digits."""
    (directory / "digits.yaml").write_text(DIGITS_YAML)
    return load_experiment(str(directory / "digits.yaml"), overrides).experiment


class ResettableModel:
    """Model that trains one chunk of examples from the same initial state in each call. One row gives a loss of NaN."""

    def __init__(self, experiment, plan):
        random = np.random.default_rng(3)
        inputs = random.random((COUNT, 8, 8), np.float32)
        inputs[BAD_ROW] = np.nan
        self.pipeline = Pipeline(Examples(inputs, random.integers(0, 10, COUNT).astype(np.uint8)), experiment)
        self.model = build_model(experiment, jit=plan.jit, precision=plan.precision)
        install_chunk_functions(self.model, self.pipeline, plan)
        self.initial_values = self.copy_state()

    def copy_state(self):
        return {name: copy_value(variable) for name, variable in iter_variables(self.model)}

    def train_chunk(self, order, function_name="train_function"):
        """Train or test on rows in an order, and return the logs and the state of the model."""
        for name, variable in iter_variables(self.model):
            variable.assign(self.initial_values[name])
        chunk = *self.pipeline.chunk_examples, tf.constant(order, tf.int32), tf.constant(len(order))
        logs = getattr(self.model, function_name)(iter([chunk]))
        return {name: float(value) for name, value in logs.items()}, self.copy_state()


def assert_same(ours, theirs):
    """Check that logs and states of two models have the same bits."""
    for our_values, their_values in zip(ours, theirs, strict=True):
        assert list(our_values) == list(their_values)
        for name, value in our_values.items():
            assert np.array_equal(value, their_values[name], equal_nan=True), name


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    experiment = load_digits(tmp_path_factory.mktemp("config"), *NETWORK)
    return ResettableModel(experiment, COUNTED), ResettableModel(experiment, CHECKED)


def place_bad_row(position, length):
    """Return row numbers with the bad row at a position; the bad row is left out without a position."""
    order = list(range(1, length + (position is None)))
    if position is not None:
        order.insert(position, BAD_ROW)
    return order


@pytest.mark.parametrize(
    ("position", "length"),
    [(None, 96), (0, 96), (40, 96), (95, 96), (98, 100), (None, 100)],
    ids=["finite", "first", "middle", "last", "short", "finite with short"],
)
def test_loops_stop_at_the_same_batch_with_the_same_state(models, position, length):
    order = place_bad_row(position, length)
    counted, checked = (model.train_chunk(order) for model in models)
    assert_same(counted, checked)
    assert np.isfinite(counted[0]["loss"]) == (position is None)


@pytest.mark.parametrize("position", [None, 40], ids=["finite", "middle"])
def test_loops_give_the_same_scores(models, position):
    order = place_bad_row(position, 96)
    assert_same(*(model.train_chunk(order, "test_function") for model in models))


def test_loops_give_the_same_weights_with_xla(experiment):
    small = experiment("layers=[Flatten, {type: Dense, units: 10, activation: softmax}]", "optimizer=sgd")
    counted, checked = (ResettableModel(small, replace(plan, jit=True, precision="float32"))
                        for plan in (COUNTED, CHECKED))  # fmt: skip
    for position in (None, 40):
        order = place_bad_row(position, 96)
        assert_same(counted.train_chunk(order), checked.train_chunk(order))


def test_finite_repetition_counts(models, experiment, monkeypatch):
    """The sum of all losses may overflow although each loss is finite."""

    def run_overflowing_loop(model, run_batch, count, variables):
        return {"loss": tf.constant(np.inf)}, tf.constant(False)

    monkeypatch.setattr(chunked_engine, "run_counted_loop", run_overflowing_loop)
    overflowing = ResettableModel(experiment(*NETWORK), COUNTED)
    order = place_bad_row(None, 96)
    assert_same(overflowing.train_chunk(order), models[1].train_chunk(order))
