"""Transposed convolution layers of Keras, which enlarge their inputs; Zeiler et al. 2010."""

import math
import operator
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import (
    AxisSizes,
    Count,
    Margin,
    OutputPadding,
    OutputPaddingTriple,
    Pair,
    Shape,
    Single,
    Triple,
)
from dnn_cli.config.layer_base import (
    ChannelsLast,
    Family,
    LayerShapeError,
    WeightSpec,
    WindowPadding,
    XlaSupport,
    compute_activation_shape,
)
from dnn_cli.config.layer_shapes import check_image_shape, to_axis_tuple
from dnn_cli.config.layers.convolutions import check_strides_and_dilation, compute_dilated_window
from dnn_cli.config.layers.kernel import KernelLayer


class TransposedConvolutionLayer(KernelLayer):
    """Transposed convolution: each input position adds a weighted window to the outputs."""

    family: ClassVar[Family] = "convolution"
    spatial_axes: ClassVar[int]
    """Number of axes over which the window slides."""

    size_key: ClassVar[str | None] = "filters"
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    slowdown: ClassVar[int] = 2
    filters: Count
    kernel_size: AxisSizes
    strides: AxisSizes = 1
    padding: WindowPadding = "valid"
    output_padding: AxisSizes | None = None
    data_format: ChannelsLast | None = None
    dilation_rate: AxisSizes = 1

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape, self.spatial_axes)
        check_strides_and_dilation(self.type, self.strides, self.dilation_rate)
        strides = to_axis_tuple(self.strides)
        self._check_output_padding(self._window)
        sizes = tuple(
            (n - 1) * step + more for n, step, more in zip(shape[:-1], strides, self.count_last_outputs(), strict=True)
        )
        return compute_activation_shape(self.activation, (*sizes, self.filters))

    @property
    def _window(self) -> Shape:
        """Size of the window along each axis, with gaps between its weights."""
        return compute_dilated_window(self.kernel_size, self.dilation_rate)

    def count_last_outputs(self) -> Shape:
        """Return the number of output positions of the last input position, along each axis.

        Each earlier input position has as many as the stride.
        """
        strides = to_axis_tuple(self.strides)
        if self.output_padding is not None:
            # With `same`, Keras adds 1 for an odd window.
            counted = self._window if self.padding == "valid" else tuple(size % 2 for size in self._window)
            return tuple(map(sum, zip(counted, to_axis_tuple(self.output_padding), strict=True)))
        return tuple(map(max, self._window, strides)) if self.padding == "valid" else strides

    def _check_output_padding(self, window: Shape) -> None:
        """Check that the argument `output_padding` fits the strides and the window.

        Raises:
            LayerShapeError: `output_padding` is not below the strides, or TensorFlow cannot compute the outputs.
        """
        if self.output_padding is None:
            return
        padding, strides = to_axis_tuple(self.output_padding), to_axis_tuple(self.strides)
        if any(size >= stride for size, stride in zip(padding, strides, strict=True)):
            raise LayerShapeError(f"output_padding {padding} of {self.type} must be less than strides {strides}")
        # The outputs would have fewer rows than a convolution with these strides needs.
        if self.padding == "same" and any(n % 2 + size == 0 for n, size in zip(window, padding, strict=True)):
            raise LayerShapeError(
                f"output_padding 0 of {self.type} needs an odd window with padding: same: remove output_padding"
            )

    def find_dilation_obstacle(self, format_name: str) -> str:
        """Return why LiteRT cannot hold a window with gaps between its weights; empty for another format or window."""
        if format_name != "litert" or max(to_axis_tuple(self.dilation_rate)) == 1:
            return ""
        return f"LiteRT has no {self.type} with dilation_rate above 1"

    def find_gap_obstacle(self, format_name: str) -> str:
        """Return why ONNX cannot hold outputs that no window reaches; empty for another format or other outputs."""
        is_reached = all(map(operator.le, self.count_last_outputs(), self._window))
        if format_name != "onnx" or is_reached:
            return ""
        return "ONNX needs windows that reach all outputs: strides above kernel_size, or output_padding, leave gaps"

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        kernel = WeightSpec("kernel", (*to_axis_tuple(self.kernel_size), self.filters, shape[-1]))
        return (kernel, *((WeightSpec("bias", (self.filters,)),) if self.use_bias else ()))

    def count_multiply_adds(self, shape: Shape) -> int:
        return math.prod(shape) * self.filters * math.prod(to_axis_tuple(self.kernel_size))


class Conv1DTranspose(TransposedConvolutionLayer):
    """Transposed convolution layer for sequences of (time, features)."""

    keras_name: ClassVar[str] = "layers.Conv1DTranspose"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "strides": 2}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["Conv1DTranspose"] = "Conv1DTranspose"
    kernel_size: Single
    strides: Single = 1
    output_padding: OutputPadding | None = None
    dilation_rate: Single = 1

    def get_export_obstacle(self, format_name: str) -> str:
        return self.find_dilation_obstacle(format_name)


class Conv2DTranspose(TransposedConvolutionLayer):
    """Transposed convolution layer for images of (height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Conv2DTranspose"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 3, "strides": 2}
    spatial_axes: ClassVar[int] = 2
    type: Literal["Conv2DTranspose"] = "Conv2DTranspose"
    kernel_size: Pair
    strides: Pair = (1, 1)
    output_padding: Margin | None = None
    dilation_rate: Pair = (1, 1)

    def get_export_obstacle(self, format_name: str) -> str:
        return self.find_gap_obstacle(format_name) or self.find_dilation_obstacle(format_name)


class Conv3DTranspose(TransposedConvolutionLayer):
    """Transposed convolution layer for volumes of (depth, height, width, channels)."""

    keras_name: ClassVar[str] = "layers.Conv3DTranspose"
    example: ClassVar[Mapping[str, Any]] = {"filters": 4, "kernel_size": 2, "strides": 2}
    example_shape: ClassVar[Shape] = (3, 3, 3, 2)
    spatial_axes: ClassVar[int] = 3
    type: Literal["Conv3DTranspose"] = "Conv3DTranspose"
    kernel_size: Triple
    strides: Triple = (1, 1, 1)
    output_padding: OutputPaddingTriple | None = None
    dilation_rate: Triple = (1, 1, 1)

    def get_export_obstacle(self, format_name: str) -> str:
        return self.find_gap_obstacle(format_name)
