"""Augmentation layers that change the colours of images.

In evaluation and prediction, all layers but AutoContrast do not change images.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import Fraction, Seed, Shape
from dnn_cli.config.layer_base import ChannelsLast
from dnn_cli.config.layers.image_layer import Factor, ImageLayer, TrainingImageLayer, ValueRange

_SignedFraction = Annotated[float, Field(ge=-1, le=1)]
_SignedRange = Annotated[tuple[_SignedFraction, _SignedFraction], Strict(False), Len(2, 2)]
_BitCount = Annotated[int, Field(ge=1, le=8)]


class RandomBrightness(TrainingImageLayer):
    """Random change of brightness. The factors are shares of the range of values: -1 is black, 1 is white."""

    keras_name: ClassVar[str] = "layers.RandomBrightness"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.2}
    type: Literal["RandomBrightness"] = "RandomBrightness"
    factor: _SignedFraction | _SignedRange
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None


class RandomContrast(TrainingImageLayer):
    """Random change of the differences from the mean of each channel."""

    keras_name: ClassVar[str] = "layers.RandomContrast"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.2}
    type: Literal["RandomContrast"] = "RandomContrast"
    factor: Factor
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None


class _ColourAugmentation(TrainingImageLayer):
    """Layer that mixes the channels red, green and blue."""

    example_shape: ClassVar[Shape] = (6, 6, 3)
    channel_counts: ClassVar[tuple[int, ...]] = (3,)
    data_format: ChannelsLast | None = None
    seed: Seed | None = None


class RandomColorDegeneration(_ColourAugmentation):
    """Random mixing of images with their grey images: factor 1 is grey."""

    keras_name: ClassVar[str] = "layers.RandomColorDegeneration"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.5}
    type: Literal["RandomColorDegeneration"] = "RandomColorDegeneration"
    factor: Factor
    value_range: ValueRange = (0, 255)


class RandomGrayscale(_ColourAugmentation):
    """Conversion of a share of the images to grey. The share is the factor."""

    keras_name: ClassVar[str] = "layers.RandomGrayscale"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.5}
    type: Literal["RandomGrayscale"] = "RandomGrayscale"
    factor: Fraction = 0.5


class RandomHue(_ColourAugmentation):
    """Random change of hue: factor 0 keeps it, and factor 1 is the largest change."""

    keras_name: ClassVar[str] = "layers.RandomHue"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.2}
    type: Literal["RandomHue"] = "RandomHue"
    factor: Factor
    value_range: ValueRange = (0, 255)


class RandomSaturation(_ColourAugmentation):
    """Random change of saturation: factor 0.5 keeps it, 0 is grey, and 1 is the most colourful."""

    keras_name: ClassVar[str] = "layers.RandomSaturation"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.2}
    type: Literal["RandomSaturation"] = "RandomSaturation"
    factor: Factor
    value_range: ValueRange = (0, 255)


class RandomColorJitter(_ColourAugmentation):
    """Random changes of brightness, contrast, saturation and hue, each with a factor of its own."""

    keras_name: ClassVar[str] = "layers.RandomColorJitter"
    example: ClassVar[Mapping[str, Any]] = {"brightness_factor": 0.2}
    type: Literal["RandomColorJitter"] = "RandomColorJitter"
    value_range: ValueRange = (0, 255)
    brightness_factor: _SignedFraction | _SignedRange | None = None
    contrast_factor: Factor | None = None
    saturation_factor: Factor | None = None
    hue_factor: Factor | None = None


class RandomInvert(TrainingImageLayer):
    """Inversion of the values of images. The factor is the largest probability of an inversion."""

    keras_name: ClassVar[str] = "layers.RandomInvert"
    type: Literal["RandomInvert"] = "RandomInvert"
    factor: Factor = 1.0
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: ChannelsLast | None = None


class RandomPosterization(TrainingImageLayer):
    """Reduction of each value to its first bits. The factor is the number of bits, 1 to 8."""

    keras_name: ClassVar[str] = "layers.RandomPosterization"
    example: ClassVar[Mapping[str, Any]] = {"factor": 4}
    type: Literal["RandomPosterization"] = "RandomPosterization"
    factor: _BitCount
    value_range: ValueRange = (0, 255)
    data_format: ChannelsLast | None = None
    seed: Seed | None = None


class RandomSharpness(TrainingImageLayer):
    """Random sharpening or smoothing of images."""

    keras_name: ClassVar[str] = "layers.RandomSharpness"
    example: ClassVar[Mapping[str, Any]] = {"factor": 0.5}
    type: Literal["RandomSharpness"] = "RandomSharpness"
    factor: Factor
    value_range: ValueRange = (0, 255)
    data_format: ChannelsLast | None = None
    seed: Seed | None = None


class Solarization(TrainingImageLayer):
    """Addition of a random number, and inversion of the values above a random threshold."""

    keras_name: ClassVar[str] = "layers.Solarization"
    type: Literal["Solarization"] = "Solarization"
    addition_factor: Factor = 0.0
    threshold_factor: Factor = 0.0
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None


class AutoContrast(ImageLayer):
    """Scaling of each channel to the whole range of values, in training and afterwards."""

    keras_name: ClassVar[str] = "layers.AutoContrast"
    input_scaling: ClassVar[Literal["computed"]] = "computed"
    type: Literal["AutoContrast"] = "AutoContrast"
    value_range: ValueRange = (0, 255)
