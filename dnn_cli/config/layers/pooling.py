"""Pooling layers of Keras: one value for every window of a sequence, an image or a volume."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import AxisSizes, Pair, Shape, Single, Triple
from dnn_cli.config.layer_base import BaseLayer, ChannelsLast, Family, WindowPadding, XlaDeterminism
from dnn_cli.config.layer_shapes import check_image_shape, count_window_positions, to_axis_tuple

VOLUME_OBSTACLES = {"litert": "LiteRT has no pooling of volumes"}
"""Export obstacles of pooling layers with windows of three axes."""


class PoolingLayer(BaseLayer):
    """Pooling layer: one value for every window, in each channel."""

    family: ClassVar[Family] = "pooling"
    spatial_axes: ClassVar[int]
    """Number of axes over which the window slides."""

    pool_size: AxisSizes
    strides: AxisSizes | None = None
    padding: WindowPadding = "valid"
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape, self.spatial_axes)
        window, strides = to_axis_tuple(self.pool_size), to_axis_tuple(self.strides or self.pool_size)
        return (*count_window_positions(self.type, shape, window, strides, self.padding), shape[-1])

    def get_xla_determinism(self) -> XlaDeterminism:
        """Return `random` for overlapping windows, because an input then gets the gradients of several windows."""
        window, strides = to_axis_tuple(self.pool_size), to_axis_tuple(self.strides or self.pool_size)
        has_overlap = any(stride < size for stride, size in zip(strides, window, strict=True))
        return "random" if has_overlap else self.xla_determinism


class MaxPooling1D(PoolingLayer):
    """Pooling layer for sequences of (time, features): the largest value of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.MaxPooling1D"
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["MaxPooling1D"] = "MaxPooling1D"
    pool_size: Single = 2
    strides: Single | None = None


class MaxPooling2D(PoolingLayer):
    """Pooling layer for images of (height, width, channels): the largest value of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.MaxPooling2D"
    spatial_axes: ClassVar[int] = 2
    type: Literal["MaxPooling2D"] = "MaxPooling2D"
    pool_size: Pair = (2, 2)
    strides: Pair | None = None


class MaxPooling3D(PoolingLayer):
    """Pooling layer for volumes of (depth, height, width, channels): the largest value of every window."""

    keras_name: ClassVar[str] = "layers.MaxPooling3D"
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    export_obstacles: ClassVar[Mapping[str, str]] = VOLUME_OBSTACLES
    type: Literal["MaxPooling3D"] = "MaxPooling3D"
    pool_size: Triple = (2, 2, 2)
    strides: Triple | None = None


class AveragePooling1D(PoolingLayer):
    """Pooling layer for sequences of (time, features): the mean of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.AveragePooling1D"
    example: ClassVar[Mapping[str, Any]] = {"pool_size": 2}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    is_linear: ClassVar[bool] = True
    type: Literal["AveragePooling1D"] = "AveragePooling1D"
    pool_size: Single
    strides: Single | None = None


class AveragePooling2D(PoolingLayer):
    """Pooling layer for images of (height, width, channels): the mean of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.AveragePooling2D"
    example: ClassVar[Mapping[str, Any]] = {"pool_size": 2}
    spatial_axes: ClassVar[int] = 2
    is_linear: ClassVar[bool] = True
    type: Literal["AveragePooling2D"] = "AveragePooling2D"
    pool_size: Pair
    strides: Pair | None = None


class AveragePooling3D(PoolingLayer):
    """Pooling layer for volumes of (depth, height, width, channels): the mean of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.AveragePooling3D"
    example: ClassVar[Mapping[str, Any]] = {"pool_size": 2}
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    export_obstacles: ClassVar[Mapping[str, str]] = VOLUME_OBSTACLES
    is_linear: ClassVar[bool] = True
    type: Literal["AveragePooling3D"] = "AveragePooling3D"
    pool_size: Triple
    strides: Triple | None = None
