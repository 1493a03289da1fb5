"""Base class of layers, and shape arithmetic that several layers share."""

import math
import re
from typing import Annotated, NamedTuple

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import Count, KerasConfig, Shape
from dnn_cli.config.identifiers import KerasName

_InputShape = Annotated[tuple[Count, ...], Strict(False), Len(1, 8)]


class LayerShapeError(ValueError):
    """Error of a layer that does not accept its input shape. The text gives the reason and a suggestion."""


class WeightSpec(NamedTuple):
    """Name and shape of one weight of a layer."""

    name: str
    shape: Shape
    trainable: bool = True

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class BaseLayer(KerasConfig):
    """Layer that computes its output shape, its weights and its number of multiply-adds from the input shape."""

    type: str
    name: KerasName | None = None
    trainable: bool = True
    input_shape: _InputShape | None = Field(None, exclude=True)
    """Keras's argument for the input shape of the first layer. It must equal the shape of the data."""

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for an input shape, both without the batch axis.

        Raises:
            LayerShapeError: the layer does not accept the shape.
        """
        return shape

    def list_weights(self, shape: Shape) -> tuple[WeightSpec, ...]:
        """Return the weights of the layer for an input shape, in Keras's order."""
        return ()

    def count_multiply_adds(self, shape: Shape) -> int:
        """Return the number of multiplications with kernel weights for one example. Other arithmetic does not count."""
        return 0


def get_automatic_name(cls: str) -> str:
    """Return Keras's name for the first unnamed layer of a class: `MaxPooling2D` → `max_pooling2d`."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", cls)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def compute_activation_shape(activation: str | None, shape: Shape) -> Shape:
    """Return the shape after an activation.

    `glu` halves the last axis: it multiplies one half by the sigmoid of the other half.
    All other activations keep the shape.

    Raises:
        LayerShapeError: the activation is `glu`, and the last axis is odd or absent.
    """
    if activation != "glu":
        return shape
    if not shape or shape[-1] % 2:
        raise LayerShapeError(f"glu halves the last axis of {shape}: the size of this axis must be even")
    return (*shape[:-1], shape[-1] // 2)


def to_example_axis(axis: int, shape: Shape) -> int:
    """Return the index in `shape` of an axis with Keras's number: axis 1 has index 0, and axis -1 is the last axis.

    In Keras, axis 0 is the batch. `shape` has no batch axis.

    Raises:
        LayerShapeError: the shape of the example has no such axis.
    """
    index = axis - 1 if axis > 0 else axis + len(shape)
    if axis == 0 or not 0 <= index < len(shape):
        raise LayerShapeError(f"axis {axis} is not an axis of {shape}: use 1 to {len(shape)}, or -1 for the last")
    return index


def check_image_shape(layer: str, shape: Shape) -> None:
    """Check that a shape has three axes: (height, width, channels).

    Args:
        layer: The class of the layer, for messages.
        shape: The input shape of the layer.

    Raises:
        LayerShapeError: the number of axes is not 3.
    """
    if len(shape) == 2:
        raise LayerShapeError(
            f"{layer} needs the input shape (height, width, channels), not {shape}: "
            f"put {{type: Reshape, target_shape: [{shape[0]}, {shape[1]}, 1]}} before this layer"
        )
    if len(shape) != 3:
        raise LayerShapeError(
            f"{layer} needs the input shape (height, width, channels), not {shape}: put Reshape before this layer"
        )


def count_window_positions(layer: str, shape: Shape, window: Shape, strides: Shape, padding: str) -> Shape:
    """Return the numbers of positions of a window on an image: (vertical, horizontal).

    Args:
        layer: The class of the layer, for messages.
        shape: The shape of the image, (height, width, channels).
        window: The height and the width of the window, in pixels.
        strides: The vertical and horizontal steps, in pixels.
        padding: Keras's padding: `same` or `valid`.

    Raises:
        LayerShapeError: the window is larger than the image. With `same`, a side of the window may be up to
            2 × (side of the image) + 1 pixels long.
    """
    if any(w > 2 * size + 1 for w, size in zip(window, shape[:2], strict=True)):
        raise LayerShapeError(f"the window {window} of {layer} is more than twice as large as the image {shape[:2]}")
    if padding == "same":
        return tuple((size - 1) // stride + 1 for size, stride in zip(shape[:2], strides, strict=True))
    if any(w > size for w, size in zip(window, shape[:2], strict=True)):
        raise LayerShapeError(f"the window {window} of {layer} is larger than the image {shape[:2]}: use padding: same")
    return tuple((size - w) // stride + 1 for size, w, stride in zip(shape[:2], window, strides, strict=True))
