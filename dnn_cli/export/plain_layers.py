"""Conversion of a model with residual blocks into a model that consists of Keras's own layers."""

from collections.abc import Sequence
from typing import Any

import keras

from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import find_free_name
from dnn_cli.training.residual_block import Residual


def select_inference_layers(stack: Sequence[BaseLayer], layers: Sequence[keras.layers.Layer]) -> list[Any]:
    """Return the layers of a stack without those that have an effect only in training.

    A residual block becomes an object with the block and its remaining inner layers.

    Args:
        stack: The layers of the config.
        layers: The same layers, built by Keras.
    """
    return [
        _InferenceBlock(layer, select_inference_layers(part.inner_layers, layer.residual))
        if isinstance(layer, Residual)
        else layer
        for part, layer in zip(stack, layers, strict=True)
        if not part.is_training_only
    ]


class _InferenceBlock:
    """Residual block and its inner layers without those that have an effect only in training."""

    def __init__(self, block: Residual, residual: Sequence[Any]) -> None:
        self.block = block
        self.residual = residual
        self.name = block.name


def build_plain_model(inputs: keras.KerasTensor, layers: Sequence[Any], name: str) -> keras.Model:
    """Build a model of Keras's own layers, which loads without `dnn`.

    The model is a `Sequential` if there are no residual blocks.

    Args:
        inputs: The input of the model.
        layers: The layers, as `select_inference_layers` returns them.
        name: The name of the model.
    """
    if not any(isinstance(layer, _InferenceBlock) for layer in layers):
        return keras.Sequential([inputs, *layers], name=name)
    used_names = {inputs.name, *(layer.name for layer in layers)}
    outputs = inputs
    for layer in layers:
        is_block = isinstance(layer, _InferenceBlock)
        outputs = _add_block(outputs, layer, layer.name, used_names) if is_block else layer(outputs)
    return keras.Model(inputs, outputs, name=name)


def _add_block(inputs: Any, block: _InferenceBlock, path: str, used_names: set[str]) -> Any:
    """Return the output of a residual block for an input, both symbolic.

    Args:
        inputs: The input of the block.
        block: The block.
        path: The name of the block within the model: `body_1` or `body_1_residual`.
        used_names: The names of all layers of the model, to which the names of new layers are added.
    """
    outputs, shortcut = inputs, inputs
    for layer in block.residual:
        inner_path = f"{path}_{layer.name}"
        if isinstance(layer, _InferenceBlock):
            outputs = _add_block(outputs, layer, inner_path, used_names)
        else:
            outputs = _apply_copy(layer, _reserve_name(inner_path, used_names), outputs)
    for layer in block.block.shortcut:
        shortcut = _apply_copy(layer, _reserve_name(f"{path}_{layer.name}", used_names), shortcut)
    outputs = keras.layers.Add(name=_reserve_name(f"{path}_add", used_names))([outputs, shortcut])
    if block.block.activation is keras.activations.linear:
        return outputs
    name = _reserve_name(f"{path}_activation", used_names)
    return keras.layers.Activation(block.block.activation, name=name)(outputs)


def _apply_copy(layer: keras.layers.Layer, name: str, inputs: Any) -> Any:
    """Return the symbolic output of a layer with the same weights and another name, as names in a model are unique."""
    copy = type(layer).from_config({**layer.get_config(), "name": name})
    outputs = copy(inputs)
    copy.set_weights(layer.get_weights())
    return outputs


def _reserve_name(name: str, used_names: set[str]) -> str:
    """Return a name that is not in `used_names`, such as `name`, and add the result to `used_names`."""
    free_name = find_free_name(name, used_names)
    used_names.add(free_name)
    return free_name
