"""Scale of inputs: the divisor of uint8 inputs, and inputs of two files that have different ranges."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.formats.dataset_contents import Remark

_MAX_CODE = 16
"""Maximum of uint8 inputs that are not pixels: 0 and 1, one-hot rows, small codes, and digits of 4 bits.

The darkest photographs exceed this number in some pixel. Masks of 0 and 255 exceed this number too."""

_MAX_PIXEL = 255.0

_MIN_PIXEL_MAXIMUM = 127.0
"""Inputs from 0 to a maximum above this number and up to 255 have the range of pixels."""

_MIN_SHARE_MAXIMUM = 0.5
"""Inputs from 0 to a maximum above this number and up to 1 have the range of shares."""

MIN_PIXEL_COUNT = 16
"""Minimum number of values of an input that can be an image. The ranges of smaller inputs are not compared."""


def choose_scale(array_name: str, dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]) -> tuple[float, Remark | None]:
    """Choose the divisor of training inputs, and return it with the remark about the choice.

    Inputs of uint8 are divided by 255 if a value is larger than `_MAX_CODE`. Other inputs are not divided, without a
    remark.

    Args:
        array_name: The name of the array in the remark.
        dtype: The dtype of the inputs.
        blocks: Blocks of the values. Blocks after the first large value are not read.
    """
    if dtype != np.uint8:
        return 1.0, None
    maximum = 0
    for block in blocks:
        maximum = max(maximum, int(block.max()))
        if maximum > _MAX_CODE:
            return _MAX_PIXEL, Remark(f"{array_name}: uint8 pixels, divided by 255", "data.scale=1")
    return 1.0, Remark(f"{array_name}: uint8 only up to {maximum}, not divided by 255", "data.scale=255")


def measure_range(blocks: Iterable[NDArray[Any]]) -> tuple[float, float]:
    """Measure the minimum and maximum of the first block of values."""
    (block,) = islice(blocks, 1)
    return float(block.min()), float(block.max())


def have_different_scales(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Return whether one range is that of pixels from 0 to 255, and the other range that of shares up to 1."""
    return (has_pixel_range(first) and _is_share_range(second)) or (_is_share_range(first) and has_pixel_range(second))


def has_pixel_range(value_range: tuple[float, float]) -> bool:
    """Return whether a minimum and maximum are those of pixels from 0 to 255."""
    return value_range[0] >= 0 and _MIN_PIXEL_MAXIMUM < value_range[1] <= _MAX_PIXEL


def _is_share_range(value_range: tuple[float, float]) -> bool:
    """Return whether a minimum and maximum are those of shares from 0 to 1, or from -1 to 1."""
    return value_range[0] >= -1 and _MIN_SHARE_MAXIMUM < value_range[1] <= 1
