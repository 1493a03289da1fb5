"""The base class of layers, and the shape arithmetic that several of them share."""

import math
import re
from typing import Annotated, NamedTuple

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import Count, KerasConfig, Shape
from dnn_cli.config.identifiers import KerasName

_InputShape = Annotated[tuple[Count, ...], Strict(False), Len(1, 8)]


class LayerShapeError(ValueError):
    """A layer cannot take the shape it is given; the text says why and what would fit."""


class WeightSpec(NamedTuple):
    """One array of numbers that a layer holds."""

    name: str
    shape: Shape
    trainable: bool = True

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class BaseLayer(KerasConfig):
    """What every layer has: a name, a shape it makes, weights it holds, and work it costs."""

    type: str
    name: KerasName | None = None
    trainable: bool = True
    input_shape: _InputShape | None = Field(None, exclude=True)
    """Keras's way to say what the first layer gets; must be the shape of the data, which decides."""

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for an input shape.

        Raises:
            LayerShapeError: the layer cannot take the shape.
        """
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        """The weights this layer holds for an input of this shape, in Keras's order."""
        return ()

    def count_multiply_adds(self, shape: Shape) -> int:
        """Multiplications with a kernel for one example; all other arithmetic is left out."""
        return 0


def get_automatic_name(cls: str) -> str:
    """Keras's name for the first unnamed layer of a class: `MaxPooling2D` → `max_pooling2d`."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", cls)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def compute_activation_shape(activation: str | None, shape: Shape) -> Shape:
    """The shape after an activation: all keep it, but glu gates one half of the last axis with the other."""
    if activation != "glu":
        return shape
    if not shape or shape[-1] % 2:
        raise LayerShapeError(f"glu halves the last axis of {shape}, which must be even")
    return (*shape[:-1], shape[-1] // 2)


def to_example_axis(axis: int, shape: Shape) -> int:
    """Keras counts axes with the batch as 0; the same axis counted within one example."""
    index = axis - 1 if axis > 0 else axis + len(shape)
    if axis == 0 or not 0 <= index < len(shape):
        raise LayerShapeError(f"axis {axis} is not an axis of {shape}: use 1 to {len(shape)}, or -1 for the last")
    return index


def check_image_shape(layer: str, shape: Shape) -> None:
    """Refuse what is not (height, width, channels)."""
    if len(shape) == 2:
        raise LayerShapeError(
            f"{layer} takes (height, width, channels) and gets {shape}: "
            f"put {{type: Reshape, target_shape: [{shape[0]}, {shape[1]}, 1]}} before it"
        )
    if len(shape) != 3:
        raise LayerShapeError(f"{layer} takes (height, width, channels) and gets {shape}: put Reshape before it")


def count_window_positions(layer: str, shape: Shape, window: Shape, strides: Shape, padding: str) -> Shape:
    """How many places a window has on an image, downwards and across."""
    if any(w > 2 * size + 1 for w, size in zip(window, shape[:2], strict=True)):
        raise LayerShapeError(f"the window {window} of {layer} reaches far beyond the image {shape[:2]}")
    if padding == "same":
        return tuple((size - 1) // stride + 1 for size, stride in zip(shape[:2], strides, strict=True))
    if any(w > size for w, size in zip(window, shape[:2], strict=True)):
        raise LayerShapeError(f"the window {window} of {layer} is larger than the image {shape[:2]}: use padding: same")
    return tuple((size - w) // stride + 1 for size, w, stride in zip(shape[:2], window, strides, strict=True))
