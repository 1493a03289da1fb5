"""Base classes of layers that change the values of images, and the range of these values."""

from typing import Annotated, ClassVar

from annotated_types import Len
from pydantic import AfterValidator, Strict
from pydantic_core import PydanticCustomError

from dnn_cli.config.base import Finite, Fraction, Shape
from dnn_cli.config.layer_base import BaseLayer, Family, LayerShapeError, XlaSupport
from dnn_cli.config.layer_shapes import check_image_shape


def _check_order(values: tuple[float, float]) -> tuple[float, float]:
    """Return a range of values.

    Raises:
        PydanticCustomError: the first number is not smaller than the second number.
    """
    if values[0] >= values[1]:
        raise PydanticCustomError("unordered_range", "the first number must be smaller than the second number")
    return values


ValueRange = Annotated[tuple[Finite, Finite], Strict(False), Len(2, 2), AfterValidator(_check_order)]
"""Smallest and largest value of the images that a layer receives. Many layers limit their outputs to this range."""

FactorRange = Annotated[tuple[Fraction, Fraction], Strict(False), Len(2, 2)]
Factor = Fraction | FactorRange
"""Strength or probability of a change: the largest value, or the smallest and the largest value."""


class ImageLayer(BaseLayer):
    """Layer that changes images of shape (height, width, channels), and keeps their shape."""

    family: ClassVar[Family] = "augmentation"
    xla_support: ClassVar[XlaSupport] = "slow_on_cpu"

    channel_counts: ClassVar[tuple[int, ...]] = ()
    """Numbers of channels that the layer accepts. An empty tuple accepts any number."""

    def compute_output_shape(self, shape: Shape) -> Shape:
        check_image_shape(self.type, shape)
        if self.channel_counts and shape[-1] not in self.channel_counts:
            counts = " or ".join(map(str, self.channel_counts))
            raise LayerShapeError(
                f"{self.type} needs images with {counts} channels, not {shape[-1]}: remove this layer"
            )
        return shape


class TrainingImageLayer(ImageLayer):
    """Layer that changes images at random in training, and passes them on unchanged afterwards."""

    is_linear: ClassVar[bool] = True
    is_training_only: ClassVar[bool] = True
