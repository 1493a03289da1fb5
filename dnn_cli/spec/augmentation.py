"""Layers that change images at random while training, and let them through as they are otherwise."""

from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import BeforeValidator, Field, Strict

from dnn_cli.spec.base import Finite, Seed, Shape
from dnn_cli.spec.layer import BaseLayer, check_image

Amount = Annotated[float, Field(ge=-1, le=1)]


def both_ways(value: object) -> object:
    """Read one number as as much either way: `0.1` is `[-0.1, 0.1]`."""
    return [-value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value


Range = Annotated[tuple[Amount, Amount], Strict(False), Len(2, 2), BeforeValidator(both_ways)]
"""The least and the most of a change, as a share of the image's size, or of a full turn."""

FillMode = Literal["constant", "reflect", "wrap", "nearest"]
Interpolation = Literal["nearest", "bilinear"]
ChannelsLast = Literal["channels_last"]


class Augmentation(BaseLayer):
    """A random change of an image of (height, width, channels)."""

    seed: Seed | None = None
    data_format: ChannelsLast | None = None

    def output_shape(self, shape: Shape) -> Shape:
        check_image(self.type, shape)
        return shape


class Moving(Augmentation):
    """A change that moves pixels, and fills what becomes empty; XLA cannot compile it."""

    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    fill_value: Finite = 0.0


class RandomFlip(Augmentation):
    """Mirrors an image, or does not."""

    keras_name: ClassVar[str] = "layers.RandomFlip"
    type: Literal["RandomFlip"] = "RandomFlip"
    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"


class RandomRotation(Moving):
    """Turns an image, by shares of a full turn."""

    keras_name: ClassVar[str] = "layers.RandomRotation"
    type: Literal["RandomRotation"] = "RandomRotation"
    factor: Range


class RandomTranslation(Moving):
    """Shifts an image, by shares of its height and width."""

    keras_name: ClassVar[str] = "layers.RandomTranslation"
    type: Literal["RandomTranslation"] = "RandomTranslation"
    height_factor: Range
    width_factor: Range


class RandomZoom(Moving):
    """Zooms out of an image (above 0) or into it (below), by shares of its size."""

    keras_name: ClassVar[str] = "layers.RandomZoom"
    type: Literal["RandomZoom"] = "RandomZoom"
    height_factor: Range
    width_factor: Range | None = None
