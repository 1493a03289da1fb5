"""Residual block: layers whose output is added to their input; He et al. 2016."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, WeightSpec, compute_activation_shape
from dnn_cli.config.layer_blocks import LayerItems, iter_unrolled_layers
from dnn_cli.config.layer_stack import Stage, examine_stack, list_layer_names, to_keras_names

_MAX_PROJECTED_AXES = 4
"""Maximum number of axes of a projected input. Keras has convolutions over up to three axes and the channels."""


class Residual(BaseLayer):
    """Layers whose output is added to their input, as in a residual network; He et al. 2016.

    If the shapes differ, a projection without bias brings the input to the shape of the output: a convolution of size 1
    with strides, or a Dense layer for inputs with one axis.
    """

    keras_name: ClassVar[str] = "dnn>Residual"
    family: ClassVar[Family] = "core"
    example: ClassVar[Mapping[str, Any]] = {
        "residual": [{"type": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"}],
        "activation": "relu",
    }
    inner_key: ClassVar[str | None] = "residual"
    keeps_mask: ClassVar[bool] = True
    type: Literal["Residual"] = "Residual"
    residual: LayerItems
    """Layers whose output is added to the input of the first."""

    activation: ActivationName | None = None
    """Activation after the addition."""

    projection_normalization: bool = False
    """Whether BatchNormalization follows the projection."""

    @property
    def inner_layers(self) -> tuple[BaseLayer, ...]:
        return tuple(layer for _, layer in self._unrolled)

    @property
    def inner_paths(self) -> tuple[tuple[str | int, ...], ...]:
        return tuple(path for path, _ in self._unrolled)

    @cached_property
    def _unrolled(self) -> tuple[tuple[tuple[str | int, ...], BaseLayer], ...]:
        return tuple(iter_unrolled_layers(self.residual))

    @cached_property
    def _stages_by_shape(self) -> dict[Shape, list[Stage]]:
        """Stages of the inner layers, by input shape. Without them, the time would grow exponentially with nesting."""
        return {}

    def list_inner_items(self) -> tuple[Any, ...]:
        return self.residual

    def compute_output_shape(self, shape: Shape) -> Shape:
        output = self._compute_inner_stages(shape)[-1].output_shape
        if output != shape:
            compute_projection_strides(shape, output)
        return compute_activation_shape(self.activation, output)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        stages = self._compute_inner_stages(shape)
        names = to_keras_names(list_layer_names(self.inner_layers))
        weights = [
            WeightSpec(f"{name}/{weight.name}", weight.shape, weight.trainable and stage.layer.trainable)
            for name, stage in zip(names, stages, strict=True)
            for weight in stage.weights
        ]
        return (*weights, *self._list_projection_weights(shape, stages[-1].output_shape))

    def count_multiply_adds(self, shape: Shape) -> int:
        stages = self._compute_inner_stages(shape)
        output = stages[-1].output_shape
        projection = 0 if output == shape else math.prod(output) * shape[-1]
        return sum(stage.layer.count_multiply_adds(stage.input_shape) for stage in stages) + projection

    def build_keras_object(self, **extra_arguments: Any) -> Any:
        """Return the Keras object with its inner layers, which have the same dtype policy."""
        names = to_keras_names(list_layer_names(self.inner_layers))
        policy = {key: value for key, value in extra_arguments.items() if key == "dtype"}
        inner = [
            layer.build_keras_object(name=name, **policy) for name, layer in zip(names, self.inner_layers, strict=True)
        ]
        return super().build_keras_object(**{**extra_arguments, "residual": inner})

    def _compute_inner_stages(self, shape: Shape) -> Sequence[Stage]:
        """Return the stages of the inner layers.

        Raises:
            LayerShapeError: an inner layer does not fit, or its activation is `glu`, for which Keras has no shape.
        """
        if shape not in self._stages_by_shape:
            stages, errors = examine_stack(self.inner_layers, shape)
            if errors:
                raise errors[0]
            if stages[-1].layer.applied_activation == "glu":
                raise LayerShapeError("glu cannot be the activation of the last layer within Residual")
            self._stages_by_shape[shape] = stages
        return self._stages_by_shape[shape]

    def _list_projection_weights(self, shape: Shape, output: Shape) -> tuple[WeightSpec, ...]:
        """Return the weights of the projection from the input shape to the shape of the output of the inner layers."""
        if output == shape:
            return ()
        window = (1,) * (len(shape) - 1)
        kernel = WeightSpec("projection/kernel", (*window, shape[-1], output[-1]))
        if not self.projection_normalization:
            return (kernel,)
        size = output[-1:]
        return (
            kernel,
            *(WeightSpec(f"projection_normalization/{name}", size) for name in ("gamma", "beta")),
            *(
                WeightSpec(f"projection_normalization/{name}", size, trainable=False)
                for name in ("moving_mean", "moving_variance")
            ),
        )


def compute_projection_strides(shape: Shape, output: Shape) -> Shape:
    """Return the strides of a convolution of size 1 that brings an input shape to an output shape.

    The result has one stride for each axis except the last, and is empty for shapes with one axis.

    Raises:
        LayerShapeError: no strides lead to the output shape.
    """
    if len(shape) == len(output) <= _MAX_PROJECTED_AXES:
        strides = tuple(-(-size // max(target, 1)) for size, target in zip(shape[:-1], output[:-1], strict=True))
        if all(
            (size - 1) // stride + 1 == target
            for size, target, stride in zip(shape[:-1], output[:-1], strides, strict=True)
        ):
            return strides
    raise LayerShapeError(
        f"the inner layers change the shape {shape} to {output}, which cannot be added to a projection of the input: "
        + (
            "write padding: same in the inner layers"
            if len(shape) == len(output)
            else "end the inner layers with as many axes as the input has"
        )
    )
