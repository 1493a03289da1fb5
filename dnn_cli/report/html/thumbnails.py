"""Inputs of a network as small pictures in a page, or in words where they are no images."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.report.terminal_images import is_image

_MAX_THUMBNAIL_SIZE = 96
"""Wider and higher images are made smaller."""

_MAX_LISTED_NUMBERS = 8
"""Numbers that are shown of an input that is no image."""

_CHANNEL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Thumbnail:
    """An input: as the address of a picture, or in words."""

    uri: str = ""
    text: str = ""


def build_thumbnail(example: NDArray[Any], white_value: float, features: Sequence[str] = ()) -> Thumbnail:
    """An input as it is shown.

    Args:
        example: uint8 or float32, of (height, width), (height, width, channels), or of any other shape.
        white_value: What a white pixel is.
        features: The names of the numbers, if they have any.
    """
    if is_image(example.shape):
        return Thumbnail(uri=_encode_png(example, white_value))
    numbers = example.reshape(-1)
    names = features if len(features) == len(numbers) else [""] * len(numbers)
    number_texts = [
        f"{name} {value:.4g}".strip()
        for name, value in zip(names, numbers[:_MAX_LISTED_NUMBERS].tolist(), strict=False)
    ]
    return Thumbnail(text=", ".join(number_texts) + (", …" if len(numbers) > _MAX_LISTED_NUMBERS else ""))


def _encode_png(image: NDArray[Any], white_value: float) -> str:
    """An image as a data address of a PNG."""
    from PIL import Image

    pixels = np.clip(np.nan_to_num(image.astype(np.float32)) * (255 / white_value), 0, 255).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    drawn = Image.fromarray(pixels)
    drawn.thumbnail((_MAX_THUMBNAIL_SIZE, _MAX_THUMBNAIL_SIZE))
    stream = io.BytesIO()
    drawn.save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
