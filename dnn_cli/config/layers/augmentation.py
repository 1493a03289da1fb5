"""Augmentation layers: random changes of images during training.

In evaluation and prediction, the layers do not change images.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import AfterValidator, BeforeValidator, Field, Strict

from dnn_cli.config.base import Finite, Fraction, Seed
from dnn_cli.config.layer_base import ChannelsLast, XlaSupport
from dnn_cli.config.layers.image_layer import Factor, FactorRange, TrainingImageLayer, ValueRange

_ChangeAmount = Annotated[float, Field(ge=-1, le=1)]


def _to_symmetric_range(value: object) -> object:
    """Return a single number as a symmetric range, and any other value unchanged: `0.1` becomes `[-0.1, 0.1]`."""
    return [-value, value] if isinstance(value, int | float) and not isinstance(value, bool) else value


_ChangeRange = Annotated[
    tuple[_ChangeAmount, _ChangeAmount], Strict(False), Len(2, 2), BeforeValidator(_to_symmetric_range)
]
"""Smallest and largest change: `[-0.1, 0.1]`. The numbers are shares of the image's size, or of a full turn."""


_ZoomAmount = Annotated[float, Field(gt=-1, le=1)]
_ZoomRange = Annotated[tuple[_ZoomAmount, _ZoomAmount], Strict(False), Len(2, 2), BeforeValidator(_to_symmetric_range)]
"""Smallest and largest change of the size. A change of -1 would zoom into a single point."""


def _to_range(factor: float | tuple[float, float]) -> float | tuple[float, float]:
    """Return a single number as a range from 0: `0.1` becomes `(0, 0.1)`. Keras cannot load a single number again."""
    return (0.0, factor) if isinstance(factor, float) else factor


_ShearFactor = Annotated[Fraction | FactorRange, AfterValidator(_to_range)]
_FillMode = Literal["constant", "reflect", "wrap", "nearest"]
_Interpolation = Literal["nearest", "bilinear"]


class AugmentationLayer(TrainingImageLayer):
    """Layer that changes images of shape (height, width, channels) at random during training."""

    seed: Seed | None = None
    data_format: ChannelsLast | None = None


class PixelMovingAugmentation(AugmentationLayer):
    """Layer that moves pixels. XLA cannot compile this layer."""

    xla_support: ClassVar[XlaSupport] = "none"
    interpolation: _Interpolation = "bilinear"
    fill_value: Finite = 0.0


class GeometricAugmentation(PixelMovingAugmentation):
    """Layer that moves pixels and fills the area that becomes empty in a chosen way."""

    fill_mode: _FillMode = "reflect"


class RandomFlip(AugmentationLayer):
    """Random mirroring of images: horizontally, vertically or both."""

    keras_name: ClassVar[str] = "layers.RandomFlip"
    type: Literal["RandomFlip"] = "RandomFlip"
    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"


class RandomRotation(GeometricAugmentation):
    """Random rotation of images. The factors are shares of a full turn: 0.1 is 36 degrees."""

    keras_name: ClassVar[str] = "layers.RandomRotation"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.1}
    type: Literal["RandomRotation"] = "RandomRotation"
    factor: _ChangeRange


class RandomTranslation(GeometricAugmentation):
    """Random shift of images. The factors are shares of the height and of the width."""

    keras_name: ClassVar[str] = "layers.RandomTranslation"
    example: ClassVar[Mapping[str, Any]] = {"height_factor": 0.1, "width_factor": 0.1}
    type: Literal["RandomTranslation"] = "RandomTranslation"
    height_factor: _ChangeRange
    width_factor: _ChangeRange


class RandomZoom(GeometricAugmentation):
    """Random zoom of images. The factors are shares of the size: positive factors zoom out, negative ones in."""

    keras_name: ClassVar[str] = "layers.RandomZoom"
    example: ClassVar[Mapping[str, Any]] = {"height_factor": 0.1}
    type: Literal["RandomZoom"] = "RandomZoom"
    height_factor: _ZoomRange
    width_factor: _ZoomRange | None = None


class RandomShear(GeometricAugmentation):
    """Random shear of images. The factors are the smallest and largest shear. The direction is random."""

    keras_name: ClassVar[str] = "layers.RandomShear"
    example: ClassVar[Mapping[str, Any]] = {"x_factor": 0.2}
    type: Literal["RandomShear"] = "RandomShear"
    x_factor: _ShearFactor = 0.0
    y_factor: _ShearFactor = 0.0


class RandomPerspective(PixelMovingAugmentation):
    """Random change of the perspective of images. The factor is the largest probability of a change."""

    keras_name: ClassVar[str] = "layers.RandomPerspective"
    type: Literal["RandomPerspective"] = "RandomPerspective"
    factor: Factor = 1.0
    scale: Fraction = 1.0


class RandomElasticTransform(PixelMovingAugmentation):
    """Random displacement of neighbouring pixels. The factor is the largest probability of a change."""

    keras_name: ClassVar[str] = "layers.RandomElasticTransform"
    type: Literal["RandomElasticTransform"] = "RandomElasticTransform"
    factor: Factor = 1.0
    scale: Factor = 1.0
    fill_mode: Literal["constant", "reflect", "wrap", "nearest", "mirror"] = "reflect"
    value_range: ValueRange = (0, 255)
