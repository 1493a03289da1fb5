"""Operations that tf2onnx lacks, and equivalents that it can convert."""

import math
from functools import partial

import keras
import tensorflow as tf


def replace_unsupported_operations(model: keras.Model) -> None:
    """Replace operations that tf2onnx 1.17 lacks (Erfc, Expm1 and XLA) with others that have the same results."""
    for layer in model.layers:
        activation = getattr(layer, "activation", None)
        if activation is keras.activations.gelu:
            layer.activation = _compute_gelu
        elif activation is keras.activations.celu:
            layer.activation = _compute_celu
        if getattr(layer, "groups", 1) > 1:
            layer.convolution_op = partial(_convolve_groups, layer)


def _compute_gelu(x: tf.Tensor) -> tf.Tensor:
    """Compute Keras's gelu with erf instead of erfc."""
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


def _compute_celu(x: tf.Tensor) -> tf.Tensor:
    """Compute Keras's celu with exp instead of expm1."""
    return tf.maximum(x, 0.0) + tf.exp(tf.minimum(x, 0.0)) - 1


def _convolve_groups(layer: keras.layers.Conv2D, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Compute a convolution in groups without XLA.

    On a CPU, Keras compiles this convolution with XLA, and tf2onnx lacks XLA operations.
    """
    return tf.nn.conv2d(inputs, kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)
