"""An exported model with a temperature computes the outputs of the run with this temperature."""

import keras
import numpy as np
import pytest

from dnn_cli.errors import RunError
from dnn_cli.export.temperature_layers import insert_temperature
from dnn_cli.metrics.temperature import apply_temperature

ENDS = {
    "softmax": [keras.layers.Dense(3, activation="softmax", name="output")],
    "sigmoid": [keras.layers.Dense(1, activation="sigmoid", name="output")],
    "logits": [keras.layers.Dense(3, name="output")],
    "Softmax": [keras.layers.Dense(3, name="output"), keras.layers.Softmax(name="ends")],
    "Activation": [keras.layers.Dense(3, name="output"), keras.layers.Activation("softmax", name="ends")],
}


@pytest.mark.parametrize("end", ENDS)
def test_outputs_have_the_temperature(end):
    inputs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), *ENDS[end]])
    names = {layer.name for layer in model.layers}
    layers = insert_temperature(model.layers, 2.5, names, logits=end == "logits")
    scaled = keras.Sequential([keras.Input((4,)), *layers])
    expected = apply_temperature(model(inputs).numpy(), 2.5, logits=end == "logits")
    assert scaled(inputs).numpy() == pytest.approx(expected, abs=1e-6)
    assert not np.allclose(model(inputs).numpy(), expected, atol=1e-3)


def test_network_without_softmax_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu", name="output")])
    with pytest.raises(RunError, match="output, has neither softmax nor sigmoid"):
        insert_temperature(model.layers, 2.0, {"output"}, logits=False)
