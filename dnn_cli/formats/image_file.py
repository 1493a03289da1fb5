"""One image file: its size from the header, and its pixels as a network takes them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError
from dnn_cli.formats.files import opened

if TYPE_CHECKING:
    from PIL import Image

ColorMode = Literal["rgb", "grayscale"]
Size = tuple[int, int]
"""Height and width."""

DECODERS = ["PNG", "JPEG", "BMP", "GIF", "WEBP"]
"""No file is tried as anything else, whatever its name."""

MAX_PIXELS = 50_000_000
"""More is a decompression bomb, or at least no example for a network."""

ORIENTATION = 0x0112
TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange height and width."""


def size_of(path: str) -> Size:
    """The size an image is shown with, from its header where that holds the orientation.

    Raises:
        OwnDataError: the file is no image, or one too large.
    """
    with opened_image(path) as image:
        turned = image.getexif().get(ORIENTATION) in TURNED
        return (image.width, image.height) if turned else (image.height, image.width)


def read_image(
    path: str,
    size: Size,
    resize: bool,
    color_mode: ColorMode,
    others: str = "the first image",
    hint: str = "",
) -> NDArray[np.uint8]:
    """The pixels of an image, uint8 of (height, width) or (height, width, 3).

    Args:
        path: The file.
        size: Its height and width.
        resize: Whether an image of another size is made one of this.
        color_mode: Whether it is read in colour or in grey.
        others: What has that size, in a message.
        hint: What to do about another, in a message; an empty text names the size for `data.image_size`.

    Raises:
        OwnDataError: the file is no whole image, too large, or of another size and not to be resized.
    """
    from PIL import Image, ImageOps

    with opened_image(path) as opened:
        image = opened if opened.getexif().get(ORIENTATION, 1) == 1 else ImageOps.exif_transpose(opened)
        found = (image.height, image.width)
        if found != size and not resize:
            raise OwnDataError(
                f"{path} is {found[0]} × {found[1]}, and {others} {size[0]} × {size[1]} (height × width)",
                hint or f"data.image_size=[{size[0]},{size[1]}] resizes all images",
            )
        image = to_mode(image, "L" if color_mode == "grayscale" else "RGB")
        if found != size:
            image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(image, np.uint8)


def to_mode(image: "Image.Image", mode: str) -> "Image.Image":
    """An image in 8 bits a channel, on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I;16"):  # Pillow would clip and not scale
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


@contextmanager
def opened_image(path: str) -> Iterator["Image.Image"]:
    """An image of which only the header has been read.

    Raises:
        OwnDataError: the file is no image, one too large, or turns out to be damaged within the block.
    """
    from PIL import Image, UnidentifiedImageError

    with opened(path) as stream:
        try:
            with Image.open(stream, formats=DECODERS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise too_large(path, f"{image.height:,} × {image.width:,} pixels")
                yield image
        except OwnDataError:
            raise
        except Image.DecompressionBombError:
            raise too_large(path, "far more pixels") from None
        except UnidentifiedImageError:
            raise OwnDataError(f"{path} is no image", "replace or remove it") from None
        except Exception as error:  # what a damaged image raises depends on its decoder
            raise OwnDataError(f"{path} is damaged: {error}", "replace or remove it") from None


def too_large(path: str, found: str) -> OwnDataError:
    """What is said of an image that is not even decoded."""
    return OwnDataError(f"{path} has {found}; {MAX_PIXELS:,} pixels is the most", "scale it down or remove it")


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silences Pillow's remarks on odd files; belongs around all threads, as Python's filters are theirs together."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bombs, too: `opened_image` looks at the pixels itself
        yield


def image_shape(size: Size, color_mode: ColorMode) -> tuple[int, ...]:
    """The shape of one image's pixels."""
    return size if color_mode == "grayscale" else (*size, 3)
