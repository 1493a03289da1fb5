"""Numbers to predict that are far from 0, and the remedies: standardized targets, or a layer that scales outputs."""

import numpy as np
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.data_scale import find_unscaled_targets

REGRESSION = ["data.dataset=diabetes", "loss=mse", "metrics=[mae]", "layers=[{type: Dense, units: 1}]"]
PRICES = np.array([[150_000.0], [210_000.0], [240_000.0]], np.float32)


@pytest.fixture
def experiment(config):
    return load_experiment(config(), REGRESSION).experiment


def test_large_targets_suggest_standardized_targets(experiment, config):
    scale = find_unscaled_targets(experiment, PRICES)
    assert scale.observation == "the mean of the targets is 2e+05, but the first outputs of a network are near 0"
    assert scale.suggestion == "data.standardize_target=true"
    assert find_unscaled_targets(load_experiment(config(), [*REGRESSION, scale.override]).experiment, PRICES) is None


def test_relative_loss_suggests_a_rescaling_layer(config):
    experiment = load_experiment(config(), [*REGRESSION, "loss=mape"]).experiment
    scale = find_unscaled_targets(experiment, PRICES)
    layer = scale.suggestion.removeprefix("end the stack with ")
    stack = f"layers=[{{type: Dense, units: 1}}, {layer}]"
    assert find_unscaled_targets(load_experiment(config(), [*REGRESSION[:-1], stack]).experiment, PRICES) is None


@pytest.mark.parametrize("labels", [PRICES / 1000, None, PRICES[:0]], ids=["thousands", "an older run", "no labels"])
def test_other_targets_need_no_rescaling(experiment, labels):
    assert find_unscaled_targets(experiment, labels) is None


def test_classes_need_no_rescaling(config):
    assert find_unscaled_targets(load_experiment(config()).experiment, np.array([5000, 6000], np.int32)) is None
