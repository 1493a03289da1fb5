"""Augmentation layers, which change images at random while training and leave them unchanged otherwise."""

from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import BeforeValidator, Field, Strict

from dnn_cli.config.base import Finite, Seed, Shape
from dnn_cli.config.layer_base import BaseLayer, check_image_shape

_ChangeAmount = Annotated[float, Field(ge=-1, le=1)]


def _to_symmetric_range(value: object) -> object:
    """Read one number as as much either way: `0.1` is `[-0.1, 0.1]`."""
    return [-value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value


_ChangeRange = Annotated[
    tuple[_ChangeAmount, _ChangeAmount], Strict(False), Len(2, 2), BeforeValidator(_to_symmetric_range)
]
"""The least and the most of a change, as a share of the image's size, or of a full turn."""

_FillMode = Literal["constant", "reflect", "wrap", "nearest"]
_Interpolation = Literal["nearest", "bilinear"]
_ChannelsLast = Literal["channels_last"]


class AugmentationLayer(BaseLayer):
    """A random change of an image of (height, width, channels)."""

    seed: Seed | None = None
    data_format: _ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        return shape


class GeometricAugmentation(AugmentationLayer):
    """A change that moves pixels, and fills what becomes empty; XLA cannot compile it."""

    fill_mode: _FillMode = "reflect"
    interpolation: _Interpolation = "bilinear"
    fill_value: Finite = 0.0


class RandomFlip(AugmentationLayer):
    """Mirrors an image, or does not."""

    keras_name: ClassVar[str] = "layers.RandomFlip"
    type: Literal["RandomFlip"] = "RandomFlip"
    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"


class RandomRotation(GeometricAugmentation):
    """Turns an image, by shares of a full turn."""

    keras_name: ClassVar[str] = "layers.RandomRotation"
    type: Literal["RandomRotation"] = "RandomRotation"
    factor: _ChangeRange


class RandomTranslation(GeometricAugmentation):
    """Shifts an image, by shares of its height and width."""

    keras_name: ClassVar[str] = "layers.RandomTranslation"
    type: Literal["RandomTranslation"] = "RandomTranslation"
    height_factor: _ChangeRange
    width_factor: _ChangeRange


class RandomZoom(GeometricAugmentation):
    """Zooms out of an image (above 0) or into it (below), by shares of its size."""

    keras_name: ClassVar[str] = "layers.RandomZoom"
    type: Literal["RandomZoom"] = "RandomZoom"
    height_factor: _ChangeRange
    width_factor: _ChangeRange | None = None
