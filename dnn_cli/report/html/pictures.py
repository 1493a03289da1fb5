"""Inputs of a network as small pictures in a page, or in words where they are no images."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.report.terminal_images import is_image

LARGEST = 96
"""Wider and higher images are made smaller."""

MOST_NUMBERS = 8
"""So many numbers of an input that is no image are told."""

CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Shown:
    """An input: as the address of a picture, or in words."""

    uri: str = ""
    text: str = ""


def shown(example: NDArray[Any], largest: float, features: Sequence[str] = ()) -> Shown:
    """An input as it is shown.

    Args:
        example: uint8 or float32, of (height, width), (height, width, channels), or of any other shape.
        largest: What a white pixel is.
        features: The names of the numbers, if they have any.
    """
    if is_image(example.shape):
        return Shown(uri=png(example, largest))
    numbers = example.reshape(-1)
    names = features if len(features) == len(numbers) else [""] * len(numbers)
    told = [f"{name} {value:.4g}".strip() for name, value in zip(names, numbers[:MOST_NUMBERS].tolist(), strict=False)]
    return Shown(text=", ".join(told) + (", …" if len(numbers) > MOST_NUMBERS else ""))


def png(image: NDArray[Any], largest: float) -> str:
    """An image as a data address of a PNG."""
    from PIL import Image

    pixels = np.clip(np.nan_to_num(image.astype(np.float32)) * (255 / largest), 0, 255).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    drawn = Image.fromarray(pixels)
    drawn.thumbnail((LARGEST, LARGEST))
    stream = io.BytesIO()
    drawn.save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
