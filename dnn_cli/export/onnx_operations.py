"""Operations that tf2onnx lacks, and equivalents that it can convert."""

import math
from functools import partial

import keras
import tensorflow as tf


def replace_unsupported_operations(model: keras.Model) -> None:
    """Replace operations that tf2onnx 1.17 lacks (Erfc, Expm1 and XLA) with others that have the same results.

    The layers within wrappers and the cells of recurrent layers are changed too.
    """
    # The public interface of Keras lists only the outer layers.
    for layer in model._flatten_layers(include_self=False):
        _replace_activations(layer)
        if not hasattr(layer, "convolution_op") or layer.groups == 1:
            continue
        if layer.rank == 1:
            # Conv1D does not call `convolution_op`.
            layer.call = partial(_call_grouped_sequence_layer, layer)
        else:
            layer.convolution_op = partial(_convolve_groups, layer)


def _replace_activations(layer: keras.layers.Layer) -> None:
    """Replace the activations of a layer that tf2onnx cannot convert."""
    replacements = {keras.activations.gelu: _compute_gelu, keras.activations.celu: _compute_celu}
    for name in ("activation", "recurrent_activation"):
        # A recurrent layer has properties with the activations of its cell.
        if name in vars(layer) and vars(layer)[name] in replacements:
            setattr(layer, name, replacements[vars(layer)[name]])


def _compute_gelu(x: tf.Tensor) -> tf.Tensor:
    """Compute Keras's gelu with erf instead of erfc."""
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


def _compute_celu(x: tf.Tensor) -> tf.Tensor:
    """Compute Keras's celu with exp instead of expm1."""
    return tf.maximum(x, 0.0) + tf.exp(tf.minimum(x, 0.0)) - 1


def _call_grouped_sequence_layer(layer: keras.layers.Conv1D, inputs: tf.Tensor) -> tf.Tensor:
    """Compute the outputs of Conv1D with groups, as a convolution of images with the height 1, without XLA."""
    (size,), (step,), (rate,) = layer.kernel_size, layer.strides, layer.dilation_rate
    padding = layer.padding.upper()
    if layer.padding == "causal":
        inputs, padding = tf.pad(inputs, [[0, 0], [rate * (size - 1), 0], [0, 0]]), "VALID"
    images, kernel = tf.expand_dims(inputs, 1), tf.expand_dims(tf.convert_to_tensor(layer.kernel), 0)
    outputs = tf.squeeze(tf.nn.conv2d(images, kernel, (1, step), padding, dilations=(1, rate)), 1)
    if layer.use_bias:
        outputs += layer.bias
    return outputs if layer.activation is None else layer.activation(outputs)


def _convolve_groups(layer: keras.layers.Layer, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Compute a convolution in groups without XLA.

    On a CPU, Keras compiles this convolution with XLA, and tf2onnx lacks XLA operations.
    """
    arguments = {"padding": layer.padding.upper(), "dilations": layer.dilation_rate}
    if layer.rank == 2:
        return tf.nn.conv2d(inputs, kernel, layer.strides, **arguments)
    # tf2onnx ignores the groups of convolutions of volumes.
    parts = zip(tf.split(inputs, layer.groups, -1), tf.split(kernel, layer.groups, -1), strict=True)
    return tf.concat([tf.nn.convolution(part, weights, layer.strides, **arguments) for part, weights in parts], -1)
