"""Inputs of a network as small images in a page, or as text where they are not images."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.report.terminal_images import is_image

_MAX_THUMBNAIL_SIZE = 96
"""Largest width and height of a thumbnail, in pixels; larger images are reduced."""

_MAX_LISTED_NUMBERS = 8
"""Largest number of listed values of an input that is not an image."""


@dataclass(frozen=True)
class Thumbnail:
    """Small picture of an input as a data URI, or the input as text."""

    uri: str = ""
    text: str = ""


def build_thumbnail(example: NDArray[Any], white_value: float, features: Sequence[str] = ()) -> Thumbnail:
    """Build the thumbnail of an input.

    Args:
        example: A uint8 or float32 array of shape (height, width), (height, width, channels), or any other shape.
        white_value: The value of a white pixel.
        features: The names of the values; empty for values without names.
    """
    if is_image(example.shape):
        return Thumbnail(uri=_encode_png(example, white_value))
    numbers = example.reshape(-1)
    names = features if len(features) == len(numbers) else [""] * len(numbers)
    return build_text_thumbnail(names, [f"{value:.4g}" for value in numbers[:_MAX_LISTED_NUMBERS].tolist()])


def build_text_thumbnail(names: Sequence[str], texts: Sequence[str]) -> Thumbnail:
    """Build the thumbnail of an input that is not an image, from the names and texts of its first values."""
    listed = [f"{name} {text}".strip() for name, text in zip(names, texts[:_MAX_LISTED_NUMBERS], strict=False)]
    return Thumbnail(text=", ".join(listed) + (", …" if len(names) > _MAX_LISTED_NUMBERS else ""))


def _encode_png(image: NDArray[Any], white_value: float) -> str:
    """Return an image as the data URI of a PNG file."""
    from PIL import Image

    pixels = np.clip(np.nan_to_num(image.astype(np.float32)) * (255 / white_value), 0, 255).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    drawn = Image.fromarray(pixels)
    drawn.thumbnail((_MAX_THUMBNAIL_SIZE, _MAX_THUMBNAIL_SIZE))
    stream = io.BytesIO()
    drawn.save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
