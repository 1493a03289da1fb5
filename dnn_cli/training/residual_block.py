"""Residual block as a Keras layer, which saved models contain; He et al. 2016."""

from collections.abc import Sequence
from typing import Any

import keras

from dnn_cli.config.layers.residual import compute_projection_strides


@keras.saving.register_keras_serializable(package="dnn")
class Residual(keras.layers.Layer):  # type: ignore[misc]
    """Keras layer that adds the output of inner layers to their input, and applies an activation.

    If the shapes differ, the input is first multiplied by the kernel of a projection: a convolution of size 1 with
    strides, or a Dense layer for inputs with one axis.

    Args:
        residual: The inner layers, in their order.
        activation: The activation after the addition.
        projection_normalization: Whether BatchNormalization follows the projection.
        kwargs: Keras's arguments of all layers, such as `name` and `dtype`.
    """

    def __init__(
        self,
        residual: Sequence[keras.layers.Layer],
        activation: Any = None,
        projection_normalization: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.residual = list(residual)
        self.activation = keras.activations.get(activation)
        self.projection_normalization = projection_normalization
        self.shortcut: list[keras.layers.Layer] = []
        self.supports_masking = True
        self.keeps_mask = False

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights of the inner layers, and of the projection if the shapes differ."""
        output_shape = tuple(input_shape)
        for layer in self.residual:
            if not layer.built:
                layer.build(output_shape)
            output_shape = tuple(layer.compute_output_shape(output_shape))
        self.keeps_mask = output_shape[:-1] == tuple(input_shape)[:-1]
        if output_shape != tuple(input_shape):
            self.shortcut = self._build_projection(tuple(input_shape), output_shape)

    def _build_projection(
        self, input_shape: tuple[int | None, ...], output_shape: tuple[int | None, ...]
    ) -> list[keras.layers.Layer]:
        """Return the layers that bring the input to the shape of the output, with their weights."""
        strides = compute_projection_strides(input_shape[1:], output_shape[1:])  # type: ignore[arg-type]
        arguments = {"use_bias": False, "name": "projection", "dtype": self.dtype_policy}
        if strides:
            cls = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}[len(strides)]
            layers = [cls(output_shape[-1], 1, strides=strides, **arguments)]
        else:
            layers = [keras.layers.Dense(output_shape[-1], **arguments)]
        if self.projection_normalization:
            layers.append(keras.layers.BatchNormalization(name="projection_normalization", dtype=self.dtype_policy))
        for layer, shape in zip(layers, (input_shape, output_shape), strict=False):
            layer.build(shape)
        return layers

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the activation of the sum of the inputs and the output of the inner layers."""
        # Keras passes `training` and the mask on to inner layers.
        outputs, shortcut = inputs, inputs
        for layer in self.residual:
            outputs = layer(outputs)
        for layer in self.shortcut:
            shortcut = layer(shortcut)
        return self.activation(keras.ops.add(outputs, shortcut))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the inputs, unless the inner layers change the number of steps."""
        return previous_mask if self.keeps_mask else None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the output shape for an input shape, both with the batch axis."""
        for layer in self.residual:
            input_shape = tuple(layer.compute_output_shape(input_shape))
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the block as plain data."""
        return {
            **super().get_config(),
            "residual": [keras.saving.serialize_keras_object(layer) for layer in self.residual],
            "activation": keras.activations.serialize(self.activation),
            "projection_normalization": self.projection_normalization,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Residual":
        """Return the block that a result of `get_config` describes."""
        layers = [keras.saving.deserialize_keras_object(layer) for layer in config["residual"]]
        return cls(**{**config, "residual": layers})
