"""Adaptive pooling layers of Keras: the output has a given size, and the windows follow from this size."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from dnn_cli.config.base import AxisSizes, Pair, Shape, Single, Triple
from dnn_cli.config.layer_base import BaseLayer, ChannelsLast, Family, LayerShapeError
from dnn_cli.config.layer_shapes import check_image_shape, to_axis_tuple
from dnn_cli.config.layers.pooling import VOLUME_OBSTACLES


class AdaptivePoolingLayer(BaseLayer):
    """Pooling layer with a given size of the output."""

    family: ClassVar[Family] = "pooling"
    spatial_axes: ClassVar[int]
    """Number of axes of space or time."""

    min_keras_version: ClassVar[tuple[int, int]] = (3, 13)
    output_size: AxisSizes
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape, self.spatial_axes)
        sizes = to_axis_tuple(self.output_size)
        # Keras also computes windows with one more position than necessary. They must fit into the input.
        if min(shape[:-1]) < 2 or min(sizes) < 2:
            raise LayerShapeError(
                f"{self.type} needs at least 2 positions on each axis of its input and of output_size, not "
                f"{shape[:-1]} and {sizes}: use {self.type.replace('Adaptive', 'Global')} for one value of each channel"
            )
        return (*sizes, shape[-1])


class AdaptiveAveragePooling1D(AdaptivePoolingLayer):
    """Pooling layer for sequences with the mean of each window, and a given size of the output."""

    keras_name: ClassVar[str] = "layers.AdaptiveAveragePooling1D"
    example: ClassVar[Mapping[str, Any]] = {"output_size": 3}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    is_linear: ClassVar[bool] = True
    type: Literal["AdaptiveAveragePooling1D"] = "AdaptiveAveragePooling1D"
    output_size: Single


class AdaptiveAveragePooling2D(AdaptivePoolingLayer):
    """Pooling layer for images with the mean of each window, and a given size of the output."""

    keras_name: ClassVar[str] = "layers.AdaptiveAveragePooling2D"
    example: ClassVar[Mapping[str, Any]] = {"output_size": 3}
    spatial_axes: ClassVar[int] = 2
    is_linear: ClassVar[bool] = True
    type: Literal["AdaptiveAveragePooling2D"] = "AdaptiveAveragePooling2D"
    output_size: Pair


class AdaptiveAveragePooling3D(AdaptivePoolingLayer):
    """Pooling layer for volumes with the mean of each window, and a given size of the output."""

    keras_name: ClassVar[str] = "layers.AdaptiveAveragePooling3D"
    example: ClassVar[Mapping[str, Any]] = {"output_size": 3}
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    export_obstacles: ClassVar[Mapping[str, str]] = VOLUME_OBSTACLES
    is_linear: ClassVar[bool] = True
    type: Literal["AdaptiveAveragePooling3D"] = "AdaptiveAveragePooling3D"
    output_size: Triple


class AdaptiveMaxPooling1D(AdaptivePoolingLayer):
    """Pooling layer for sequences with the largest value of each window, and a given size of the output."""

    keras_name: ClassVar[str] = "layers.AdaptiveMaxPooling1D"
    example: ClassVar[Mapping[str, Any]] = {"output_size": 3}
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["AdaptiveMaxPooling1D"] = "AdaptiveMaxPooling1D"
    output_size: Single


class AdaptiveMaxPooling2D(AdaptivePoolingLayer):
    """Pooling layer for images with the largest value of each window, and a given size of the output."""

    keras_name: ClassVar[str] = "layers.AdaptiveMaxPooling2D"
    example: ClassVar[Mapping[str, Any]] = {"output_size": 3}
    spatial_axes: ClassVar[int] = 2
    type: Literal["AdaptiveMaxPooling2D"] = "AdaptiveMaxPooling2D"
    output_size: Pair


class AdaptiveMaxPooling3D(AdaptivePoolingLayer):
    """Pooling layer for volumes with the largest value of each window, and a given size of the output."""

    keras_name: ClassVar[str] = "layers.AdaptiveMaxPooling3D"
    example: ClassVar[Mapping[str, Any]] = {"output_size": 3}
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    export_obstacles: ClassVar[Mapping[str, str]] = VOLUME_OBSTACLES
    type: Literal["AdaptiveMaxPooling3D"] = "AdaptiveMaxPooling3D"
    output_size: Triple
