"""Lanes of one program: independent of their place and of other lanes, to the last bit."""

import numpy as np
import pytest
import tensorflow as tf

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.chunked_engine import build_metric_variables
from dnn_cli.training.lane_program import LaneProgram
from dnn_cli.training.lane_step import list_variables
from dnn_cli.training.model_builder import build_model

WIDTH, COUNT = 4, 101
RANDOM = np.random.default_rng(3)
INPUTS = RANDOM.random((COUNT, 8, 8), np.float32)
INPUTS[0] = np.nan
TARGETS = RANDOM.integers(0, 10, COUNT).astype(np.uint8)
DIGITS = ["data.dataset=digits"]
NETWORK = [
    "layers=[Flatten, {type: Dense, units: 12, use_bias: false}, BatchNormalization, {type: Dropout, rate: 0.2}, "
    "{type: Dense, units: 10, activation: softmax}]",
    "optimizer={type: adam, global_clipnorm: 0.5}",
]
ALL_EXAMPLES = [COUNT - 1] * WIDTH
"""Numbers of examples of all lanes: three whole batches, and a short last batch."""


class Lanes:
    """A program, and the initial values and orders of lanes with different seeds."""

    def __init__(self, experiment):
        loaded = experiment(*NETWORK)
        self.pipeline = Pipeline(Examples(INPUTS, TARGETS), loaded)
        self.values = []
        for seed in range(WIDTH + 1):
            model = build_model(experiment(*NETWORK, f"seed={seed}"))
            build_metric_variables(model, self.pipeline)
            self.values.append([variable.numpy() for variable in list_variables(model)])
        self.program = LaneProgram(model, self.pipeline, None, WIDTH)
        self.orders = [1 + np.random.default_rng(seed).permutation(100).astype(np.int32) for seed in range(WIDTH + 1)]

    def train(self, lanes, orders=None, counts=ALL_EXAMPLES):
        """Train lanes with these seeds for one call, and return logs and values of each lane."""
        for lane, seed in enumerate(lanes):
            for variable, value in zip(self.program.variables, self.values[seed], strict=True):
                variable.assign(value)
            self.program.store_lane(tf.constant(lane))
        orders = np.stack(orders or [self.orders[seed] for seed in lanes])
        # Three batches of 32 fit into a call of 96 examples. A call has whole batches and one short batch.
        logs = self.program.train(np.pad(orders, [(0, 0), (0, 28)]), np.array(counts, np.int32))
        stacked = [variable.numpy() for variable in self.program.state]
        return logs, [[values[lane] for values in stacked] for lane in range(WIDTH)]


@pytest.fixture(scope="module")
def lanes():
    return Lanes(lambda *overrides: load_experiment("configs/relu_adam.yaml", [*DIGITS, *overrides]).experiment)


def assert_equal_lanes(ours, theirs):
    for our_value, their_value in zip(ours, theirs, strict=True):
        assert np.array_equal(our_value, their_value, equal_nan=True)


def replace_example(order, position, example):
    """Return an order with another example at a position."""
    changed = order.copy()
    changed[position] = example
    return changed


def test_lane_ignores_its_place_and_other_lanes(lanes):
    logs, values = lanes.train([0, 1, 2, 3])
    other_logs, other_values = lanes.train([4, 3, 4, 0])
    assert_equal_lanes(values[0], other_values[3])
    assert_equal_lanes(values[3], other_values[1])
    assert (logs["loss"][0], logs["loss"][3]) == (other_logs["loss"][3], other_logs["loss"][1])


def test_lane_ignores_nan_in_another_lane(lanes):
    _, values = lanes.train([0, 1, 2, 3])
    orders = [lanes.orders[0], replace_example(lanes.orders[1], 40, 0), *lanes.orders[2:4]]
    logs, other_values = lanes.train([0, 1, 2, 3], orders)
    assert np.isnan(logs["loss"][1])
    for lane in (0, 2, 3):
        assert_equal_lanes(other_values[lane], values[lane])


def test_lane_without_examples_stays_unchanged(lanes):
    _, values = lanes.train([0, 1, 2, 3])
    _, other_values = lanes.train([0, 1, 2, 3], counts=[100, 0, 100, 64])
    assert_equal_lanes(other_values[1], lanes.values[1])
    assert_equal_lanes(other_values[2], values[2])


@pytest.mark.parametrize("position", [5, 40, 95, 98], ids=["first", "middle", "last whole", "short"])
def test_lane_stops_after_the_batch_with_a_loss_of_nan(lanes, position):
    order = replace_example(lanes.orders[1], position, 0)
    stop = min((position // 32 + 1) * 32, 100)
    _, values = lanes.train([1] * WIDTH, [order] * WIDTH)
    _, expected_values = lanes.train([1] * WIDTH, [order] * WIDTH, counts=[stop] * WIDTH)
    assert_equal_lanes(values[0], expected_values[0])
