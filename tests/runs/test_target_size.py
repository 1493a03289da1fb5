"""Numbers to predict that are far from 0, and the layer that brings outputs there."""

import numpy as np
import pytest

from dnn_cli.runs.target_size import far_targets
from dnn_cli.spec.load import load

REGRESSION = ["data.dataset=diabetes", "loss=mse", "metrics=[mae]", "layers=[{type: Dense, units: 1}]"]
PRICES = np.array([[150_000.0], [210_000.0], [240_000.0]], np.float32)


@pytest.fixture
def experiment(config):
    return load(config(), REGRESSION).experiment


def test_prices_are_named_with_the_layer_that_rescales(experiment, config):
    found = far_targets(experiment, PRICES)
    assert found.seen == "the numbers to predict are 2e+05 on average, and outputs begin near 0"
    layer = found.remedy.removeprefix("end the stack with ")
    stack = f"layers=[{{type: Dense, units: 1}}, {layer}]"
    assert far_targets(load(config(), [*REGRESSION[:-1], stack]).experiment, PRICES) is None


@pytest.mark.parametrize("labels", [PRICES / 1000, None, PRICES[:0]], ids=["thousands", "an older run", "no labels"])
def test_other_numbers_are_not(experiment, labels):
    assert far_targets(experiment, labels) is None


def test_classes_are_not_numbers_to_predict(config):
    assert far_targets(load(config()).experiment, np.array([5000, 6000], np.int32)) is None
