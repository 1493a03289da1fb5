"""Augmentation layers: random changes of images during training.

In evaluation and prediction, the layers do not change images.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import BeforeValidator, Field, Strict

from dnn_cli.config.base import Finite, Seed, Shape
from dnn_cli.config.layer_base import BaseLayer, ChannelsLast, Family, XlaSupport, check_image_shape

_ChangeAmount = Annotated[float, Field(ge=-1, le=1)]


def _to_symmetric_range(value: object) -> object:
    """Return a single number as a symmetric range, and any other value unchanged: `0.1` becomes `[-0.1, 0.1]`."""
    return [-value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value


_ChangeRange = Annotated[
    tuple[_ChangeAmount, _ChangeAmount], Strict(False), Len(2, 2), BeforeValidator(_to_symmetric_range)
]
"""Smallest and largest change: `[-0.1, 0.1]`. The numbers are shares of the image's size, or of a full turn."""

_FillMode = Literal["constant", "reflect", "wrap", "nearest"]
_Interpolation = Literal["nearest", "bilinear"]


class AugmentationLayer(BaseLayer):
    """Layer that changes images of shape (height, width, channels) at random during training."""

    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"
    seed: Seed | None = None
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        return shape


class GeometricAugmentation(AugmentationLayer):
    """Layer that moves pixels and fills the area that becomes empty. XLA cannot compile this layer."""

    xla_support: ClassVar[XlaSupport] = "none"
    fill_mode: _FillMode = "reflect"
    interpolation: _Interpolation = "bilinear"
    fill_value: Finite = 0.0


class RandomFlip(AugmentationLayer):
    """Random mirroring of images: horizontally, vertically or both."""

    keras_name: ClassVar[str] = "layers.RandomFlip"
    family: ClassVar[Family] = "augmentation"
    type: Literal["RandomFlip"] = "RandomFlip"
    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"


class RandomRotation(GeometricAugmentation):
    """Random rotation of images. The factors are shares of a full turn: 0.1 is 36 degrees."""

    keras_name: ClassVar[str] = "layers.RandomRotation"
    family: ClassVar[Family] = "augmentation"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.1}
    type: Literal["RandomRotation"] = "RandomRotation"
    factor: _ChangeRange


class RandomTranslation(GeometricAugmentation):
    """Random shift of images. The factors are shares of the height and of the width."""

    keras_name: ClassVar[str] = "layers.RandomTranslation"
    family: ClassVar[Family] = "augmentation"
    example: ClassVar[Mapping[str, Any]] = {"height_factor": 0.1, "width_factor": 0.1}
    type: Literal["RandomTranslation"] = "RandomTranslation"
    height_factor: _ChangeRange
    width_factor: _ChangeRange


class RandomZoom(GeometricAugmentation):
    """Random zoom of images. The factors are shares of the size: positive factors zoom out, negative ones in."""

    keras_name: ClassVar[str] = "layers.RandomZoom"
    family: ClassVar[Family] = "augmentation"
    example: ClassVar[Mapping[str, Any]] = {"height_factor": 0.1}
    type: Literal["RandomZoom"] = "RandomZoom"
    height_factor: _ChangeRange
    width_factor: _ChangeRange | None = None
