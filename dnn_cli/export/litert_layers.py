"""Layers that LiteRT needs to keep the digits of inputs far from 0."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

_LOWEST = np.finfo(np.float32).min


class _KeepDifference(keras.layers.Layer):  # type: ignore[misc]
    """Layer that returns its inputs, by an operation that LiteRT's converter does not combine with others."""

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return tf.maximum(inputs, _LOWEST)


def keep_centering(model: keras.Model) -> keras.Model:
    """Return a model in which LiteRT's converter keeps the subtraction of the mean from the inputs.

    The converter would combine the subtraction with the weights of the next layer. Years with a small deviation would
    then lose digits in float32.
    """
    is_sequential = isinstance(model, keras.Sequential)
    first = model.layers[0 if is_sequential else 1]
    if not isinstance(first, keras.layers.Rescaling) or not np.ndim(first.offset):
        return model
    if not is_sequential:
        inputs = keras.Input(model.input_shape[1:], name="inputs")
        centered = _KeepDifference(name="keep_difference")(first(inputs))
        return keras.Model(inputs, keras.Model(first.output, model.output)(centered), name=model.name)
    layers = [first, _KeepDifference(name="keep_difference"), *model.layers[1:]]
    return keras.Sequential([keras.Input(model.input_shape[1:], name="inputs"), *layers], name=model.name)
