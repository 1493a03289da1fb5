"""Images in a terminal: half blocks in colour, or shades in a terminal without colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

SHADES, ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"
"""Characters for shades of grey from black to white, on a dark terminal."""

_IMAGE_GAP = 2
_SMALL_IMAGE_COLUMNS = 16
"""Images with fewer columns of pixels than this number are drawn twice as large, if they fit."""

_MAX_IMAGE_COLUMNS = 40
"""Largest width of an image, in terminal characters."""

_MIN_IMAGE_COLUMNS = 8
"""Smallest width, in terminal characters, to which images are reduced so that they fit in one row."""


def is_image(shape: Sequence[int]) -> bool:
    """Return whether an input of this shape can be drawn as an image.

    The shape of an image is (height, width) or (height, width, channels), with 1, 3 or 4 channels.
    """
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def draw_images(
    images: NDArray[Any], low: float, high: float, *, width: int, colour: bool, unicode: bool = True
) -> list[Text]:
    """Return images as lines of text: as many images side by side as fit, and a blank line between rows of images.

    Args:
        images: An array of shape (n, height, width) or (n, height, width, channels).
        low: The value that is drawn as black.
        high: The value that is drawn as white.
        width: The width of the terminal, in characters.
        colour: Whether each character shows two pixels in colour. Otherwise, each character shows one pixel as a
            shade of grey.
        unicode: Whether shades are block characters; otherwise, they are ASCII characters.
    """
    columns = _compute_image_columns(images.shape[2], len(images), width)
    pixels = (np.clip((images.astype(np.float32) - low) / ((high - low) or 1.0), 0, 1) * 255).astype(np.uint8)
    pixels = pixels[..., 0] if pixels.ndim == 4 and pixels.shape[-1] == 1 else pixels
    drawn = [
        _draw_in_colour(_resize_image(image, columns, 2))
        if colour
        else _draw_in_shades(_resize_image(image, columns, 1), unicode)
        for image in pixels
    ]
    abreast = max(1, (width + _IMAGE_GAP) // (columns + _IMAGE_GAP))
    lines: list[Text] = []
    for start in range(0, len(drawn), abreast):
        row = drawn[start : start + abreast]
        lines += [Text(), *(Text(" " * _IMAGE_GAP).join(parts) for parts in zip(*row, strict=True))]
    return lines[1:]


def _compute_image_columns(size: int, count: int, width: int) -> int:
    """Compute the width of each image in terminal characters: one character per pixel, or two for a small image.

    On a narrow terminal, images are narrower.

    Args:
        size: The width of an image in pixels.
        count: The number of images, which are side by side if they fit.
        width: The width of the terminal, in characters.
    """
    room = max(_MIN_IMAGE_COLUMNS, (width - _IMAGE_GAP * (count - 1)) // count) if count else width
    preferred = 2 * size if size < _SMALL_IMAGE_COLUMNS else min(size, _MAX_IMAGE_COLUMNS)
    return max(1, min(preferred, room, width))


def _resize_image(image: NDArray[np.uint8], columns: int, down: int) -> NDArray[np.uint8]:
    """Return an image resized for the terminal, without distortion: a character is twice as high as wide.

    Args:
        image: The image.
        columns: The new width: one pixel per character.
        down: The number of pixels that a character shows from top to bottom: 1 or 2.
    """
    from PIL import Image

    lines = max(1, round(image.shape[0] * columns / image.shape[1] / 2))
    enlarges = columns > image.shape[1]
    resampling = Image.Resampling.NEAREST if enlarges and down == 2 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(image).resize((columns, lines * down), resampling))


def _draw_in_colour(pixels: NDArray[np.uint8]) -> list[Text]:
    """Return lines of half blocks: the text colour is the upper pixel, the background colour is the lower pixel."""
    colours = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    lines = []
    for upper, lower in zip(colours[::2].tolist(), colours[1::2].tolist(), strict=True):
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            line.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        lines.append(line)
    return lines


def _draw_in_shades(pixels: NDArray[np.uint8], unicode: bool) -> list[Text]:
    """Return lines with a character for each pixel; the lighter the pixel, the denser the character."""
    from PIL import Image

    grey = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels[..., :3]).convert("L"))
    shades = SHADES if unicode else ASCII_SHADES
    return [Text("".join(shades[value * len(shades) // 256] for value in row)) for row in grey.tolist()]
