"""Axis of the colour channels in images: inputs with channels first are detected, and moved on request."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.reader_options import ArrayOptions

_CHANNEL_COUNTS = (1, 3, 4)
"""Numbers of colour channels: grey, colour, and colour with transparency."""

_MIN_SIDE = 8
"""Minimum height and width of an image. A shorter axis can be one of channels or of features."""

MOVE_HINT = "save numpy.moveaxis(x, 1, -1)"


def arrange_shape(array_name: str, shape: tuple[int, ...], options: ArrayOptions) -> tuple[int, ...]:
    """Return the shape of one input with the channels as the last axis.

    Args:
        array_name: The name of the array in messages.
        shape: The shape of one input in the file.
        options: The options of the reader.

    Raises:
        UserDataError: the shape is that of an image with channels first, and the options do not name the axis. The
            inputs have too few axes for channels.
    """
    if options.channels == "first":
        if len(shape) < 3:
            raise UserDataError(
                f"{array_name} has the shape (n, {', '.join(map(str, shape))}), which has no axis of channels",
                "remove data.channels",
                "channels",
            )
        return (*shape[1:], shape[0])
    if options.channels is None and options.rules > 1 and _looks_channels_first(shape):
        raise UserDataError(
            f"{array_name} has images of the shape {shape}, which is that of channels first",
            f"{MOVE_HINT}, or set data.channels=first; data.channels=last reads the array as it is",
            "channels",
        )
    return shape


def _looks_channels_first(shape: tuple[int, ...]) -> bool:
    """Return whether the shape of one input is that of an image with channels as the first axis."""
    return len(shape) == 3 and shape[0] in _CHANNEL_COUNTS and min(shape[1:]) >= _MIN_SIDE


def move_shape_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an input with the last axis, that of the channels, in front."""
    return (*shape[-1:], *shape[:-1])


def move_channels(inputs: NDArray[Any]) -> NDArray[Any]:
    """Move the channels of all inputs from the second axis of the array to the last axis."""
    return np.moveaxis(inputs, 1, -1)
