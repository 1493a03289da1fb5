"""Depthwise and separable convolution layers of Keras, which have fewer weights than convolutions; Chollet 2017."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import AxisSizes, Count, Pair, Shape, Single
from dnn_cli.config.layer_base import (
    BaseLayer,
    ChannelsLast,
    Family,
    WeightSpec,
    WindowPadding,
    XlaSupport,
    compute_activation_shape,
)
from dnn_cli.config.layer_shapes import check_image_shape, count_window_positions, to_axis_tuple
from dnn_cli.config.layers.convolutions import check_strides_and_dilation, compute_dilated_window
from dnn_cli.config.weight_configs import (
    ActivityRegularizer,
    Constraint,
    GlorotUniform,
    Initializer,
    Regularizer,
    Zeros,
)


class DepthwiseLayer(BaseLayer):
    """Layer with a depthwise kernel: each channel has its own window of weights."""

    family: ClassVar[Family] = "convolution"
    spatial_axes: ClassVar[int]
    """Number of axes over which the window slides."""

    is_linear: ClassVar[bool] = True
    has_kernel: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 4
    kernel_size: AxisSizes
    strides: AxisSizes = 1
    padding: WindowPadding = "valid"
    depth_multiplier: Count = 1
    data_format: ChannelsLast | None = None
    dilation_rate: AxisSizes = 1
    activation: ActivationName | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()
    depthwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: ActivityRegularizer | None = None
    depthwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def count_positions(self, shape: Shape) -> Shape:
        """Return the number of positions of the window along each axis of space or time."""
        check_image_shape(self.type, shape, self.spatial_axes)
        check_strides_and_dilation(self.type, self.strides, self.dilation_rate)
        window = compute_dilated_window(self.kernel_size, self.dilation_rate)
        return count_window_positions(self.type, shape, window, to_axis_tuple(self.strides), self.padding)

    def count_depthwise_channels(self, shape: Shape) -> int:
        """Return the number of channels after the depthwise kernel."""
        return shape[-1] * self.depth_multiplier

    def build_depthwise_shape(self, shape: Shape) -> Shape:
        """Return the shape of the depthwise kernel."""
        return (*to_axis_tuple(self.kernel_size), shape[-1], self.depth_multiplier)

    def build_bias(self, size: int) -> tuple[WeightSpec, ...]:
        """Return the bias with `size` numbers, if the layer has a bias."""
        return (WeightSpec("bias", (size,)),) if self.use_bias else ()

    def compute_output_shape(self, shape: Shape) -> Shape:
        output = (*self.count_positions(shape), self.count_depthwise_channels(shape))
        return compute_activation_shape(self.activation, output)

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        kernel = WeightSpec("kernel", self.build_depthwise_shape(shape), argument_prefix="depthwise")
        return (kernel, *self.build_bias(self.count_depthwise_channels(shape)))

    def count_multiply_adds(self, shape: Shape) -> int:
        return math.prod(self.count_positions(shape)) * math.prod(self.build_depthwise_shape(shape))


class SeparableLayer(DepthwiseLayer):
    """Layer with a depthwise kernel, then a pointwise kernel that combines the channels of each position."""

    kernel_names: ClassVar[tuple[str, ...]] = ("depthwise_kernel", "pointwise_kernel")
    size_key: ClassVar[str | None] = "filters"
    filters: Count
    pointwise_initializer: Initializer = GlorotUniform()
    pointwise_regularizer: Regularizer | None = None
    pointwise_constraint: Constraint | None = None

    @classmethod
    def get_field_order(cls) -> list[str]:
        # As in Keras, `filters` is the first argument.
        return list(dict.fromkeys(["type", "filters", *super().get_field_order()]))

    def compute_output_shape(self, shape: Shape) -> Shape:
        return compute_activation_shape(self.activation, (*self.count_positions(shape), self.filters))

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        pointwise = (*(1,) * self.spatial_axes, self.count_depthwise_channels(shape), self.filters)
        return (
            WeightSpec("depthwise_kernel", self.build_depthwise_shape(shape), argument_prefix="depthwise"),
            WeightSpec("pointwise_kernel", pointwise, argument_prefix="pointwise"),
            *self.build_bias(self.filters),
        )

    def count_multiply_adds(self, shape: Shape) -> int:
        combinations = self.count_depthwise_channels(shape) * self.filters
        return super().count_multiply_adds(shape) + math.prod(self.count_positions(shape)) * combinations


class DepthwiseConv1D(DepthwiseLayer):
    """Depthwise convolution layer for sequences: each feature has its own window of weights."""

    keras_name: ClassVar[str] = "layers.DepthwiseConv1D"
    example: ClassVar[Mapping[str, Any]] = {"kernel_size": 3, "activation": "relu"}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["DepthwiseConv1D"] = "DepthwiseConv1D"
    kernel_size: Single
    strides: Single = 1
    dilation_rate: Single = 1


class DepthwiseConv2D(DepthwiseLayer):
    """Depthwise convolution layer for images: each channel has its own window of weights."""

    keras_name: ClassVar[str] = "layers.DepthwiseConv2D"
    example: ClassVar[Mapping[str, Any]] = {"kernel_size": 3, "activation": "relu"}
    spatial_axes: ClassVar[int] = 2
    type: Literal["DepthwiseConv2D"] = "DepthwiseConv2D"
    kernel_size: Pair
    strides: Pair = (1, 1)
    dilation_rate: Pair = (1, 1)


class SeparableConv1D(SeparableLayer):
    """Separable convolution layer for sequences: a depthwise convolution, then a sum over features."""

    keras_name: ClassVar[str] = "layers.SeparableConv1D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "activation": "relu"}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["SeparableConv1D"] = "SeparableConv1D"
    kernel_size: Single
    strides: Single = 1
    dilation_rate: Single = 1


class SeparableConv2D(SeparableLayer):
    """Separable convolution layer for images: a depthwise convolution, then a sum over channels."""

    keras_name: ClassVar[str] = "layers.SeparableConv2D"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "activation": "relu"}
    spatial_axes: ClassVar[int] = 2
    type: Literal["SeparableConv2D"] = "SeparableConv2D"
    kernel_size: Pair
    strides: Pair = (1, 1)
    dilation_rate: Pair = (1, 1)
