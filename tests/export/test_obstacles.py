"""Layers that a format cannot hold are refused before TensorFlow starts."""

import pytest

from dnn_cli.config.layers.core import Dense
from dnn_cli.config.layers.dropout import Dropout
from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import RunError
from dnn_cli.export.obstacles import check_export_support


def test_layer_with_an_obstacle_is_refused_in_this_format_only(config, monkeypatch):
    experiment = load_experiment(config()).experiment
    monkeypatch.setattr(Dense, "export_obstacles", {"onnx": "ONNX has no such operation"})
    with pytest.raises(RunError, match="cannot be written as onnx: Dense: ONNX has no such operation"):
        check_export_support(experiment, "onnx")
    check_export_support(experiment, "keras")


def test_layer_that_only_acts_in_training_is_no_obstacle(config, monkeypatch):
    layers = "layers=[Flatten, {type: Dropout, rate: 0.5}, {type: Dense, units: 10, activation: softmax}]"
    monkeypatch.setattr(Dropout, "export_obstacles", {"onnx": "a reason"})
    check_export_support(load_experiment(config(), [layers]).experiment, "onnx")
