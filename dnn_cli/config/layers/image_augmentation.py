"""Layers that erase, blur or equalize parts of images, and RandAugment, which applies other augmentation layers.

In evaluation and prediction, all layers but ContrastLimitedAdaptiveHistogramEqualization do not change images.
"""

from typing import Annotated, ClassVar, Literal

from annotated_types import Len
from pydantic import AfterValidator, Field, Strict
from pydantic_core import PydanticCustomError

from dnn_cli.config.base import Count, Finite, Seed, Shape
from dnn_cli.config.layer_base import ChannelsLast, LayerShapeError, XlaSupport
from dnn_cli.config.layers.image_layer import Factor, ImageLayer, TrainingImageLayer, ValueRange


def check_odd(size: int) -> int:
    """Return the side of a window.

    Raises:
        PydanticCustomError: the side is even.
    """
    if size % 2 == 0:
        raise PydanticCustomError("even_size", "a window needs an odd number of pixels")
    return size


_OddSize = Annotated[int, Field(ge=1, le=999), AfterValidator(check_odd)]
_OddSizes = Annotated[tuple[_OddSize, _OddSize], Strict(False), Len(2, 2)]
_Colour = Annotated[tuple[Finite, Finite, Finite], Strict(False), Len(3, 3)]
_Grid = Annotated[tuple[Count, Count], Strict(False), Len(2, 2)]


class RandomErasing(TrainingImageLayer):
    """Replacement of a random rectangle by random numbers, or by a value. The factor is the largest probability."""

    keras_name: ClassVar[str] = "layers.RandomErasing"
    type: Literal["RandomErasing"] = "RandomErasing"
    factor: Factor = 1.0
    scale: Factor = (0.02, 0.33)
    fill_value: Finite | _Colour | None = None
    value_range: ValueRange = (0, 255)
    seed: Seed | None = None
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        output_shape = super().compute_output_shape(shape)
        if isinstance(self.fill_value, tuple) and shape[-1] != 3:
            raise LayerShapeError(f"the fill_value of {self.type} has 3 channels, the images {shape[-1]}: use a number")
        return output_shape


class RandomGaussianBlur(TrainingImageLayer):
    """Random blur of images. The factor is the largest probability of a blur, and sigma its width in pixels."""

    keras_name: ClassVar[str] = "layers.RandomGaussianBlur"
    type: Literal["RandomGaussianBlur"] = "RandomGaussianBlur"
    factor: Factor = 1.0
    kernel_size: _OddSize | _OddSizes = 3
    sigma: Factor = 1.0
    value_range: ValueRange = (0, 255)
    data_format: ChannelsLast | None = None
    seed: Seed | None = None


class RandAugment(TrainingImageLayer):
    """Some random changes of each batch, such as shear, rotation, contrast or brightness. XLA cannot compile it."""

    keras_name: ClassVar[str] = "layers.RandAugment"
    xla_support: ClassVar[XlaSupport] = "none"
    example_shape: ClassVar[Shape] = (6, 6, 3)
    channel_counts: ClassVar[tuple[int, ...]] = (1, 3)
    type: Literal["RandAugment"] = "RandAugment"
    value_range: ValueRange = (0, 255)
    num_ops: Annotated[int, Field(ge=1, le=100)] = 2
    factor: Factor = 0.5
    interpolation: Literal["nearest", "bilinear"] = "bilinear"
    seed: Seed | None = None
    data_format: ChannelsLast | None = None


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equal use of all values in each tile of a grid, in training and afterwards (CLAHE)."""

    keras_name: ClassVar[str] = "layers.ContrastLimitedAdaptiveHistogramEqualization"
    min_keras_version: ClassVar[tuple[int, int]] = (3, 14)
    type: Literal["ContrastLimitedAdaptiveHistogramEqualization"] = "ContrastLimitedAdaptiveHistogramEqualization"
    value_range: ValueRange = (0, 255)
    clip_limit: Finite = 4.0
    tile_grid_size: _Grid = (8, 8)
    data_format: ChannelsLast | None = None

    def compute_output_shape(self, shape: Shape) -> Shape:
        output_shape = super().compute_output_shape(shape)
        sides = list(zip(shape[:2], self.tile_grid_size, strict=True))
        # Keras mirrors the image to a multiple of the grid, by at most the size of the image.
        if any(-(-size // tiles) * tiles > 2 * size for size, tiles in sides):
            sizes = [min(size, tiles) for size, tiles in sides]
            raise LayerShapeError(
                f"the grid {self.tile_grid_size} of {self.type} is too fine for the image {shape[:2]}: "
                f"use tile_grid_size: {sizes}"
            )
        return output_shape
