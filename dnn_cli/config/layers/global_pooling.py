"""Global pooling layers of Keras: one value for every channel."""

from typing import ClassVar, Literal

from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import BaseLayer, ChannelsLast, Family
from dnn_cli.config.layer_shapes import check_image_shape


class GlobalPoolingLayer(BaseLayer):
    """Pooling layer with one value for every channel."""

    family: ClassVar[Family] = "pooling"
    spatial_axes: ClassVar[int]
    """Number of axes of space or time."""

    data_format: ChannelsLast | None = None
    keepdims: bool = False

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape, self.spatial_axes)
        return (*((1,) * self.spatial_axes if self.keepdims else ()), shape[-1])


class GlobalAveragePooling1D(GlobalPoolingLayer):
    """Pooling layer with the mean of every feature of a sequence."""

    keras_name: ClassVar[str] = "layers.GlobalAveragePooling1D"
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    is_linear: ClassVar[bool] = True
    keeps_mask: ClassVar[bool] = True
    type: Literal["GlobalAveragePooling1D"] = "GlobalAveragePooling1D"


class GlobalAveragePooling2D(GlobalPoolingLayer):
    """Pooling layer with the mean of every channel of an image."""

    keras_name: ClassVar[str] = "layers.GlobalAveragePooling2D"
    spatial_axes: ClassVar[int] = 2
    is_linear: ClassVar[bool] = True
    type: Literal["GlobalAveragePooling2D"] = "GlobalAveragePooling2D"


class GlobalAveragePooling3D(GlobalPoolingLayer):
    """Pooling layer with the mean of every channel of a volume."""

    keras_name: ClassVar[str] = "layers.GlobalAveragePooling3D"
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    is_linear: ClassVar[bool] = True
    type: Literal["GlobalAveragePooling3D"] = "GlobalAveragePooling3D"


class GlobalMaxPooling1D(GlobalPoolingLayer):
    """Pooling layer with the largest value of every feature of a sequence."""

    keras_name: ClassVar[str] = "layers.GlobalMaxPooling1D"
    example_shape: ClassVar[Shape] = (6, 2)
    spatial_axes: ClassVar[int] = 1
    type: Literal["GlobalMaxPooling1D"] = "GlobalMaxPooling1D"


class GlobalMaxPooling2D(GlobalPoolingLayer):
    """Pooling layer with the largest value of every channel of an image."""

    keras_name: ClassVar[str] = "layers.GlobalMaxPooling2D"
    spatial_axes: ClassVar[int] = 2
    type: Literal["GlobalMaxPooling2D"] = "GlobalMaxPooling2D"


class GlobalMaxPooling3D(GlobalPoolingLayer):
    """Pooling layer with the largest value of every channel of a volume."""

    keras_name: ClassVar[str] = "layers.GlobalMaxPooling3D"
    example_shape: ClassVar[Shape] = (4, 4, 4, 2)
    spatial_axes: ClassVar[int] = 3
    type: Literal["GlobalMaxPooling3D"] = "GlobalMaxPooling3D"
