"""Lanes of one program: independent of their place and of other lanes, to the last bit."""

import numpy as np
import pytest

from dnn_cli.data.examples import Examples
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.training.chunked_engine import build_metric_variables
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.lane_program import LaneProgram
from dnn_cli.training.lane_step import list_variables
from dnn_cli.training.model_builder import build_model

PLAN = ExecutionPlan("chunked", jit=True, precision="float32", steps=3, why="")
WIDTH, COUNT = 4, 101
RANDOM = np.random.default_rng(3)
INPUTS = RANDOM.random((COUNT, 8, 8), np.float32)
INPUTS[0] = np.nan
TARGETS = RANDOM.integers(0, 10, COUNT).astype(np.uint8)
NETWORK = [
    "layers=[Flatten, {type: Dense, units: 12, use_bias: false}, BatchNormalization, {type: Dropout, rate: 0.2}, "
    "{type: Dense, units: 10, activation: softmax}]",
    "optimizer={type: adam, global_clipnorm: 0.5}",
]
EVERYONE = np.ones(WIDTH, bool)


class Lanes:
    """A program, and the initial values and orders of lanes with different seeds."""

    def __init__(self, experiment, plan=PLAN, network=NETWORK):
        loaded = experiment(*network)
        self.pipeline = Pipeline(Examples(INPUTS, TARGETS), loaded)
        self.values = []
        for seed in range(WIDTH + 1):
            model = build_model(experiment(*network, f"seed={seed}"))
            build_metric_variables(model, self.pipeline)
            self.values.append([variable.numpy() for variable in list_variables(model)])
        self.program = LaneProgram(model, self.pipeline, plan, WIDTH)
        self.orders = [1 + np.random.default_rng(seed).permutation(100).astype(np.int32) for seed in range(WIDTH + 1)]

    def train(self, lanes, orders=None, active=EVERYONE):
        """Train lanes with these seeds on one chunk with a short last batch, and return logs and values of each."""
        self.program.write_lanes([self.values[seed] for seed in lanes])
        logs = self.program.train(np.stack(orders or [self.orders[seed] for seed in lanes]), active)
        return logs, self.program.read_lanes()


@pytest.fixture
def lanes(experiment):
    return Lanes(experiment)


def assert_equal_lanes(ours, theirs):
    for our_value, their_value in zip(ours, theirs, strict=True):
        assert np.array_equal(our_value, their_value, equal_nan=True)


def test_lane_ignores_its_place_its_neighbours_and_their_end(lanes):
    logs, values = lanes.train([0, 1, 2, 3])
    other_logs, other_values = lanes.train([4, 3, 4, 0])
    assert_equal_lanes(values[0], other_values[3])
    assert_equal_lanes(values[3], other_values[1])
    assert (logs["loss"][0], logs["loss"][3]) == (other_logs["loss"][3], other_logs["loss"][1])
    broken_order = np.concatenate([lanes.orders[1][:40], [0], lanes.orders[1][41:]]).astype(np.int32)
    broken_logs, broken_values = lanes.train([0, 1, 2, 3], [lanes.orders[0], broken_order, *lanes.orders[2:4]])
    assert np.isnan(broken_logs["loss"][1])
    for lane in (0, 2, 3):
        assert_equal_lanes(broken_values[lane], values[lane])
    _, frozen_values = lanes.train([0, 1, 2, 3], active=np.array([True, False, True, True]))
    assert_equal_lanes(frozen_values[1], lanes.values[1])
    assert_equal_lanes(frozen_values[2], values[2])


def test_lane_stops_after_the_batch_with_a_loss_of_nan(lanes):
    order = np.concatenate([lanes.orders[1][:40], [0], lanes.orders[1][41:]]).astype(np.int32)
    _, values = lanes.train([1] * WIDTH, [order] * WIDTH)
    _, expected = lanes.train([1] * WIDTH, [order[:64]] * WIDTH)
    assert_equal_lanes(values[0], expected[0])
