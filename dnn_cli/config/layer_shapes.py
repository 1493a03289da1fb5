"""Shape arithmetic that several layers share: axes, windows and their positions."""

from dnn_cli.config.base import AxisSizes, Shape
from dnn_cli.config.layer_base import LAYER_CLASSES, LayerShapeError


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


_SPATIAL_SHAPES = {
    1: "(time, features)",
    2: "(height, width, channels)",
    3: "(depth, height, width, channels)",
}
"""Names of the axes of inputs, by the number of axes of space or time."""


def to_axis_tuple(sizes: AxisSizes) -> Shape:
    """Return the sizes along one or several axes as a tuple: `3` becomes `(3,)`."""
    return (sizes,) if isinstance(sizes, int) else sizes


def check_image_shape(layer: str, shape: Shape, axes: int = 2) -> None:
    """Check that a shape has the given number of axes of space or time, and the axis of the channels.

    Args:
        layer: The class of the layer, for messages.
        shape: The input shape of the layer.
        axes: The number of axes of space or time: 1 for (time, features), 2 for images, 3 for volumes.

    Raises:
        LayerShapeError: the shape has another number of axes.
    """
    if len(shape) == axes + 1:
        return
    suitable_layer = layer.replace(f"{axes}D", f"{len(shape) - 1}D")
    has_other = suitable_layer != layer and suitable_layer in LAYER_CLASSES
    suggestion = f"use {suitable_layer}" if len(shape) > axes and has_other else suggest_reshape(shape, axes)
    raise LayerShapeError(f"{layer} needs the input shape {_SPATIAL_SHAPES[axes]}, not {shape}: {suggestion}")


def suggest_reshape(shape: Shape, axes: int) -> str:
    """Return the suggestion of a Reshape before a layer that takes another number of axes.

    Args:
        shape: The input shape of the layer.
        axes: The number of axes before the channels or features that the layer takes.
    """
    reshape = "Reshape"
    if len(shape) == axes:
        reshape = f"{{type: Reshape, target_shape: [{', '.join(map(str, shape))}, 1]}}"
    elif len(shape) > axes + 1:
        reshape = f"{{type: Reshape, target_shape: [{', '.join(map(str, shape[:axes]))}, -1]}}"
    return f"put {reshape} before this layer"


def count_window_positions(layer: str, shape: Shape, window: Shape, strides: Shape, padding: str) -> Shape:
    """Return the number of positions of a window along each axis of space or time.

    Args:
        layer: The class of the layer, for messages.
        shape: The input shape, whose last axis contains the channels: (height, width, channels) for an image.
        window: The size of the window along each axis, such as its height and width in pixels.
        strides: The step of the window along each axis.
        padding: Keras's padding: `same`, `valid` or `causal`.

    Raises:
        LayerShapeError: the window is larger than the input. With `same`, a side of the window may be up to
            2 × (size of the input) + 1 long.
    """
    sizes = shape[:-1]
    inputs = f"image {sizes}" if len(sizes) == 2 else f"input {sizes}"
    if padding != "causal" and any(w > 2 * size + 1 for w, size in zip(window, sizes, strict=True)):
        raise LayerShapeError(f"the window {window} of {layer} is more than twice as large as the {inputs}")
    if padding == "valid" and any(w > size for w, size in zip(window, sizes, strict=True)):
        raise LayerShapeError(f"the window {window} of {layer} is larger than the {inputs}: use padding: same")
    return count_steps(sizes, window, strides, padding)


def count_steps(sizes: Shape, window: Shape, strides: Shape, padding: str) -> Shape:
    """Return the number of positions of a window along each axis. The window must fit into the sizes.

    Args:
        sizes: The size of the input along each axis.
        window: The size of the window along each axis.
        strides: The step of the window along each axis.
        padding: Keras's padding: `same`, `valid` or `causal`.
    """
    covered = window if padding == "valid" else (1,) * len(sizes)
    return tuple((size - w) // stride + 1 for size, w, stride in zip(sizes, covered, strides, strict=True))
