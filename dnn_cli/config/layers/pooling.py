"""Pooling layers of Keras."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import Pair, Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    ChannelsLast,
    Family,
    WindowPadding,
    XlaDeterminism,
    check_image_shape,
    count_window_positions,
)


class PoolingLayer(BaseLayer):
    """Pooling layer: one value for every window of an image, in each channel."""

    pool_size: Pair
    strides: Pair | None = None
    padding: WindowPadding = "valid"
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        strides = self.strides or self.pool_size
        return (*count_window_positions(self.type, shape, self.pool_size, strides, self.padding), shape[2])

    def get_xla_determinism(self) -> XlaDeterminism:
        """Return `random` for overlapping windows, because an input then gets the gradients of several windows."""
        strides = self.strides or self.pool_size
        has_overlap = any(stride < size for stride, size in zip(strides, self.pool_size, strict=True))
        return "random" if has_overlap else self.xla_determinism


class MaxPooling2D(PoolingLayer):
    """Pooling layer with the largest value of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.MaxPooling2D"
    family: ClassVar[Family] = "pooling"
    type: Literal["MaxPooling2D"] = "MaxPooling2D"
    pool_size: Pair = (2, 2)


class AveragePooling2D(PoolingLayer):
    """Pooling layer with the mean of every window, in each channel."""

    keras_name: ClassVar[str] = "layers.AveragePooling2D"
    family: ClassVar[Family] = "pooling"
    example: ClassVar[Mapping[str, Any]] = {"pool_size": 2}
    is_linear: ClassVar[bool] = True
    type: Literal["AveragePooling2D"] = "AveragePooling2D"


class GlobalAveragePooling2D(BaseLayer):
    """Pooling layer with the mean of every channel."""

    keras_name: ClassVar[str] = "layers.GlobalAveragePooling2D"
    family: ClassVar[Family] = "pooling"
    is_linear: ClassVar[bool] = True
    type: Literal["GlobalAveragePooling2D"] = "GlobalAveragePooling2D"
    data_format: ChannelsLast | None = None
    keepdims: bool = False

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        return (1, 1, shape[2]) if self.keepdims else (shape[2],)
