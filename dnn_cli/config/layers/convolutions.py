"""Convolution layers of Keras: a window of weights slides over time, an image or a volume."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import AxisSizes, Count, Pair, Shape, Single, Triple
from dnn_cli.config.layer_base import (
    ChannelsLast,
    Family,
    LayerShapeError,
    WeightSpec,
    WindowPadding,
    XlaSupport,
    compute_activation_shape,
)
from dnn_cli.config.layer_shapes import check_image_shape, count_window_positions, to_axis_tuple
from dnn_cli.config.layers.kernel import KernelLayer


def check_strides_and_dilation(layer: str, strides: AxisSizes, dilation_rate: AxisSizes) -> None:
    """Check that a convolution has strides above 1 or a dilation above 1, but not both.

    Args:
        layer: The class of the layer, for messages.
        strides: The step of the window along each axis.
        dilation_rate: The distance of the weights of the window along each axis.

    Raises:
        LayerShapeError: both are above 1.
    """
    if max(to_axis_tuple(strides)) > 1 and max(to_axis_tuple(dilation_rate)) > 1:
        raise LayerShapeError(f"{layer} accepts strides above 1 or dilation_rate above 1, but not both")


def compute_dilated_window(kernel_size: AxisSizes, dilation_rate: AxisSizes) -> Shape:
    """Return the size of the window that a kernel covers along each axis, with gaps between its weights."""
    sizes = zip(to_axis_tuple(kernel_size), to_axis_tuple(dilation_rate), strict=True)
    return tuple(rate * (size - 1) + 1 for size, rate in sizes)


class ConvolutionLayer(KernelLayer):
    """Convolution layer: a window of weights slides over one, two or three axes."""

    family: ClassVar[Family] = "convolution"
    spatial_axes: ClassVar[int]
    """Number of axes over which the window slides."""

    size_key: ClassVar[str | None] = "filters"
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 2
    filters: Count
    kernel_size: AxisSizes
    strides: AxisSizes = 1
    padding: WindowPadding | Literal["causal"] = "valid"
    data_format: ChannelsLast | None = None
    dilation_rate: AxisSizes = 1
    groups: Count = 1

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape, self.spatial_axes)
        check_strides_and_dilation(self.type, self.strides, self.dilation_rate)
        if shape[-1] % self.groups or self.filters % self.groups:
            raise LayerShapeError(
                f"groups {self.groups} must divide both the {shape[-1]} channels of the input "
                f"and the {self.filters} filters"
            )
        window = compute_dilated_window(self.kernel_size, self.dilation_rate)
        positions = count_window_positions(self.type, shape, window, to_axis_tuple(self.strides), self.padding)
        return compute_activation_shape(self.activation, (*positions, self.filters))

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        return self.build_kernel_and_bias((*to_axis_tuple(self.kernel_size), shape[-1] // self.groups, self.filters))

    def count_multiply_adds(self, shape: Shape) -> int:
        positions = math.prod(self.compute_output_shape(shape)[:-1])
        return positions * self.filters * math.prod(to_axis_tuple(self.kernel_size)) * (shape[-1] // self.groups)


class Conv1D(ConvolutionLayer):
    """Convolution layer for sequences: a window of weights slides over an input of (time, features)."""

    keras_name: ClassVar[str] = "layers.Conv1D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "activation": "relu"}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["Conv1D"] = "Conv1D"
    kernel_size: Single
    strides: Single = 1
    dilation_rate: Single = 1


class Conv2D(ConvolutionLayer):
    """Convolution layer: a window of weights slides over an image of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Conv2D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "activation": "relu"}
    spatial_axes: ClassVar[int] = 2
    type: Literal["Conv2D"] = "Conv2D"
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: WindowPadding = "valid"
    dilation_rate: Pair = (1, 1)


class Conv3D(ConvolutionLayer):
    """Convolution layer: a window of weights slides over a volume of (depth, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Conv3D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 2, "activation": "relu"}
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    type: Literal["Conv3D"] = "Conv3D"
    kernel_size: Triple
    strides: Triple = (1, 1, 1)
    padding: WindowPadding = "valid"
    dilation_rate: Triple = (1, 1, 1)

    def get_export_obstacle(self, format_name: str) -> str:
        if format_name == "litert" and self.groups > 1:
            return "LiteRT has no convolution of volumes with groups above 1"
        if format_name == "litert" and max(self.dilation_rate) > 1:
            return "LiteRT has no convolution of volumes with dilation_rate above 1"
        return super().get_export_obstacle(format_name)
