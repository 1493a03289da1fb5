"""Temperature of an exported model: a layer that divides the logits before the last activation."""

from collections.abc import Sequence
from typing import Any

import keras

from dnn_cli.config.layer_stack import find_free_name
from dnn_cli.errors import RunError

_ACTIVATIONS = ("softmax", "sigmoid")
"""Activations whose inputs are logits."""


def insert_temperature(layers: Sequence[Any], temperature: float, used_names: set[str], *, logits: bool) -> list[Any]:
    """Return the layers of a model with a further layer that divides the logits by a temperature.

    The activation of the last layer becomes a layer of its own, after the new layer.

    Args:
        layers: The layers of a classification, built by Keras.
        temperature: The temperature.
        used_names: The names of all layers, which the new layers must not have.
        logits: Whether the outputs of the model are logits.

    Raises:
        RunError: the last layer has neither softmax nor sigmoid.
    """
    last = layers[-1]
    scaling = keras.layers.Rescaling(1 / temperature, name=find_free_name("temperature", used_names))
    if logits:
        return [*layers, scaling]
    if isinstance(last, keras.layers.Softmax):
        return [*layers[:-1], scaling, last]
    activation = getattr(getattr(last, "activation", None), "__name__", "")
    if activation not in _ACTIVATIONS:
        raise RunError(
            f"the temperature cannot be applied, because the last layer, {last.name}, has neither softmax nor sigmoid",
            "dnn evaluate RUN --no-temperature removes the temperature",
        )
    if isinstance(last, keras.layers.Activation):
        return [*layers[:-1], scaling, last]
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    linear.build(last.input.shape)
    linear.set_weights(last.get_weights())
    output = keras.layers.Activation(activation, name=find_free_name("probabilities", used_names))
    return [*layers[:-1], linear, scaling, output]
