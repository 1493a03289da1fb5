"""Reader of one image file: its size from the header, and its pixels in the form of inputs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.reader_options import ColorMode, ImageSize
from dnn_cli.formats.safe_open import open_regular_file

if TYPE_CHECKING:
    from PIL import Image

_ALLOWED_DECODERS = ["PNG", "JPEG", "BMP", "GIF", "WEBP"]
"""Image formats that are decoded. The content of a file determines its format, not the file name."""

_MAX_PIXELS = 50_000_000
"""Maximum number of pixels. A larger image is a decompression bomb, or too large as an example."""

_ORIENTATION_TAG = 0x0112
_SWAPPED_ORIENTATIONS = (5, 6, 7, 8)
"""EXIF orientations that exchange height and width."""


def read_image_size(path: str) -> ImageSize:
    """Read the height and width with which an image is displayed. An EXIF orientation can exchange height and width.

    Pixels are decoded only if the header lacks the orientation.

    Raises:
        UserDataError: the file is not an image, or the image is damaged or too large.
    """
    with _open_image(path) as image:
        is_turned = image.getexif().get(_ORIENTATION_TAG) in _SWAPPED_ORIENTATIONS
        return (image.width, image.height) if is_turned else (image.height, image.width)


def read_image(
    path: str,
    size: ImageSize,
    resize: bool,
    color_mode: ColorMode,
    reference_text: str = "the first image is",
    hint: str = "",
) -> NDArray[np.uint8]:
    """Read the pixels of an image as uint8 of shape (height, width) or (height, width, 3).

    Args:
        path: The path of the file.
        size: The height and width of the result.
        resize: Whether an image of another size is resized. Otherwise, another size is an error.
        color_mode: Whether the image is read in colour or in grey.
        reference_text: The beginning of the clause about the expected size in the error message, such as `the first
            image is`.
        hint: The suggestion for an image of another size. An empty text suggests a value of `data.image_size`.

    Raises:
        UserDataError: the file is not a complete image, or the image is too large or of another size.
    """
    from PIL import Image, ImageOps

    with _open_image(path) as opened:
        image = opened if opened.getexif().get(_ORIENTATION_TAG, 1) == 1 else ImageOps.exif_transpose(opened)
        actual_size = (image.height, image.width)
        if actual_size != size and not resize:
            raise UserDataError(
                f"{path} is {actual_size[0]} × {actual_size[1]}, but {reference_text} {size[0]} "
                f"× {size[1]} (height × width)",
                hint or f"use data.image_size=[{size[0]},{size[1]}] to resize all images",
            )
        image = _convert_mode(image, "L" if color_mode == "grayscale" else "RGB")
        if actual_size != size:
            image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(image, np.uint8)


def _convert_mode(image: "Image.Image", mode: str) -> "Image.Image":
    """Convert an image to 8 bits per channel, with white behind transparent pixels. `mode` is Pillow's `L` or `RGB`."""
    from PIL import Image

    # Pillow would clip 16-bit values instead of scaling them.
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


@contextmanager
def _open_image(path: str) -> Iterator["Image.Image"]:
    """Yield an image of which only the header has been read. Pixels are read in the `with` block.

    Raises:
        UserDataError: the file is not an image, the image is too large, or its pixels are damaged.
    """
    from PIL import Image, UnidentifiedImageError

    with open_regular_file(path) as stream:
        try:
            with Image.open(stream, formats=_ALLOWED_DECODERS) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise _build_too_large_error(path, f"{image.height:,} × {image.width:,} pixels")
                yield image
        except UserDataError:
            raise
        except Image.DecompressionBombError:
            raise _build_too_large_error(path, "too many pixels") from None
        except UnidentifiedImageError:
            raise UserDataError(f"{path} is not an image", "replace or remove the file") from None
        # The error of a damaged image depends on its decoder.
        except Exception as error:
            raise UserDataError(f"{path} is damaged: {error}", "replace or remove the file") from None


def _build_too_large_error(path: str, pixels_text: str) -> UserDataError:
    """Build the error of an image that is not decoded because it has too many pixels.

    `pixels_text` is the size in the message, such as `9,000 × 8,000 pixels`.
    """
    return UserDataError(
        f"{path} has {pixels_text}; the limit is {_MAX_PIXELS:,} pixels", "scale the image down, or remove the file"
    )


@contextmanager
def silence_pillow_warnings() -> Iterator[None]:
    """Silence Pillow's warnings about unusual files.

    The `with` block must contain all threads that read images, because threads share Python's warning filters.
    """
    with warnings.catch_warnings():
        # Warnings about decompression bombs are ignored, too: `_open_image` checks the number of pixels.
        warnings.simplefilter("ignore")
        yield


def get_image_shape(size: ImageSize, color_mode: ColorMode) -> tuple[int, ...]:
    """Return the array shape of one image: (height, width) in grey, or (height, width, 3) in colour."""
    return size if color_mode == "grayscale" else (*size, 3)
