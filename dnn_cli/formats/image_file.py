"""Reader of one image file: its size from the header, and its pixels in the form of inputs."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import CURRENT_RULES
from dnn_cli.formats.image_listing import has_avif_decoder
from dnn_cli.formats.reader_options import ColorMode, ImageSize
from dnn_cli.formats.safe_open import build_read_error, open_regular_file
from dnn_cli.host.libtiff_errors import count_libtiff_errors, silence_libtiff

if TYPE_CHECKING:
    from PIL import Image

_ALLOWED_DECODERS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""Image formats that every Pillow decodes. The content of a file determines its format, not the file name."""

_MAX_PIXELS = 50_000_000
"""Maximum number of pixels. A larger image is a decompression bomb, or too large as an example."""

ORIENTATION_TAG = 0x0112
SWAPPED_ORIENTATIONS = (5, 6, 7, 8)
"""EXIF orientations that exchange height and width."""

_FAX_COMPRESSIONS = ("tiff_ccitt", "group3", "group4")

_DAMAGE_HINT = "replace or remove the file"

DRAFT_FACTOR = 2
"""Minimum ratio of the size to which a JPEG is decoded, to the size of the result.

Pillow's `thumbnail` has the same ratio by default. At this ratio, the difference is not visible."""

_UNSUPPORTED_MODES = {"I": "32 bits", "F": "floating-point numbers"}


class DamagedImageError(UserDataError):
    """Error of a file that is not a complete image, or of an image with too many pixels."""


class WrongImageSizeError(UserDataError):
    """Error of an image whose size differs from that of the other images."""


def read_image_size(path: str) -> ImageSize:
    """Read the height and width with which an image is displayed. An EXIF orientation can exchange height and width.

    Pixels are decoded only if the header lacks the orientation.

    Raises:
        UserDataError: the file is not an image, or the image is damaged or too large.
    """
    with _open_image(path) as image:
        return _get_displayed_size(image, image.getexif().get(ORIENTATION_TAG, 1))


def is_grey_image(path: str) -> bool:
    """Return whether the header of an image declares grey pixels.

    Raises:
        UserDataError: the file is not an image, or the image is too large.
    """
    with _open_image(path) as image:
        return image.mode in ("1", "L", "LA") or image.mode.startswith("I;16")


def has_several_frames(path: str) -> bool:
    """Return whether an image has several frames or pages.

    Raises:
        UserDataError: the file is not an image, or the image is damaged or too large.
    """
    with _open_image(path) as image:
        return bool(getattr(image, "is_animated", False))


def _get_displayed_size(image: "Image.Image", orientation: object) -> ImageSize:
    """Return the height and width of an opened image after its EXIF orientation is applied."""
    return (image.width, image.height) if orientation in SWAPPED_ORIENTATIONS else (image.height, image.width)


def read_image(
    path: str,
    size: ImageSize | None,
    resize: bool,
    color_mode: ColorMode,
    reference_text: str = "the first image is",
    hint: str = "",
    rules: int = CURRENT_RULES,
) -> NDArray[np.uint8]:
    """Read the pixels of an image as uint8 of shape (height, width) or (height, width, 3).

    Args:
        path: The path of the file.
        size: The height and width of the result; `None` for those of the image.
        resize: Whether an image of another size is resized. Otherwise, another size is an error.
        color_mode: Whether the image is read in colour or in grey.
        reference_text: The beginning of the clause about the expected size in the error message, such as `the first
            image is`.
        hint: The suggestion for an image of another size. An empty text suggests a value of `data.image_size`.
        rules: The version of the rules. Since version 2, a large JPEG is decoded at a reduced size.

    Raises:
        DamagedImageError: the file is not a complete image, or the image has too many pixels.
        WrongImageSizeError: the image has another size, and is not resized.
        UserDataError: the file cannot be read, or its pixels are not those of a photograph.
    """
    from PIL import Image, ImageOps

    with _open_image(path) as opened:
        orientation = opened.getexif().get(ORIENTATION_TAG, 1)
        actual_size = _get_displayed_size(opened, orientation)
        size = size or actual_size
        if actual_size != size and not resize:
            raise WrongImageSizeError(
                f"{path} is {actual_size[0]} × {actual_size[1]}, but {reference_text} {size[0]} "
                f"× {size[1]} (height × width)",
                hint or f"use data.image_size=[{size[0]},{size[1]}] to resize all images",
            )
        if opened.mode in _UNSUPPORTED_MODES:
            raise UserDataError(
                f"{path} has pixels of {_UNSUPPORTED_MODES[opened.mode]}, whose white value is unknown",
                "save the image with 8 or 16 bits, or save the pixels in an .npz file",
            )
        if rules > 1 and actual_size != size:
            _reduce_decoded_size(opened, size, is_turned=orientation in SWAPPED_ORIENTATIONS)
        image = opened if orientation == 1 else ImageOps.exif_transpose(opened)
        image = _convert_mode(image, "L" if color_mode == "grayscale" else "RGB")
        if (image.height, image.width) != size:
            image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(image, np.uint8)


def _reduce_decoded_size(image: "Image.Image", size: ImageSize, *, is_turned: bool) -> None:
    """Let the decoder scale a JPEG down, which takes a fraction of the time. Other formats are not changed.

    Args:
        image: The image, of which only the header has been read.
        size: The height and width of the result.
        is_turned: Whether the EXIF orientation exchanges height and width.
    """
    height, width = (DRAFT_FACTOR * extent for extent in (reversed(size) if is_turned else size))
    image.draft(None, (width, height))


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
        DamagedImageError: the file is not an image, the image is too large, or its pixels are damaged.
        UserDataError: the file cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    earlier_errors = count_libtiff_errors()
    with open_regular_file(path) as stream:
        try:
            with Image.open(stream, formats=_list_decoders()) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise _build_too_large_error(path, f"{image.height:,} × {image.width:,} pixels")
                yield image
                # Pillow does not report that a part of the pixels is missing.
                if image.info.get("compression") in _FAX_COMPRESSIONS and count_libtiff_errors() > earlier_errors:
                    raise DamagedImageError(f"{path} is damaged: some pixels are missing", _DAMAGE_HINT)
        except UserDataError:
            raise
        except Image.DecompressionBombError:
            raise _build_too_large_error(path, "too many pixels") from None
        except UnidentifiedImageError:
            raise DamagedImageError(f"{path} is not an image", _DAMAGE_HINT) from None
        except MemoryError:
            raise UserDataError(f"{path} does not fit into memory", "scale the image down, or remove it") from None
        # The error of a damaged image depends on its decoder.
        except Exception as error:
            # Only errors of the operating system have numbers.
            if isinstance(error, OSError) and error.errno is not None:
                raise build_read_error(path, error) from None
            raise DamagedImageError(f"{path} is damaged: {error}", _DAMAGE_HINT) from None


@cache
def _list_decoders() -> tuple[str, ...]:
    """List the image formats that are decoded."""
    return (*_ALLOWED_DECODERS, "AVIF") if has_avif_decoder() else _ALLOWED_DECODERS


def _build_too_large_error(path: str, pixels_text: str) -> DamagedImageError:
    """Build the error of an image that is not decoded because it has too many pixels.

    `pixels_text` is the size in the message, such as `9,000 × 8,000 pixels`.
    """
    return DamagedImageError(
        f"{path} has {pixels_text}; the limit is {_MAX_PIXELS:,} pixels", "scale the image down, or remove the file"
    )


@contextmanager
def silence_pillow_warnings() -> Iterator[None]:
    """Silence the warnings of Pillow and libtiff about unusual files.

    The `with` block must contain all threads that read images, because threads share Python's warning filters.
    """
    # The decoder of Pillow loads libtiff.
    from PIL import Image  # noqa: F401

    silence_libtiff()
    logger = logging.getLogger("PIL")
    level = logger.level
    # Pillow logs some errors before it raises them. Python prints such lines if no handler exists.
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # Warnings about decompression bombs are ignored, too: `_open_image` checks the number of pixels.
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def get_image_shape(size: ImageSize, color_mode: ColorMode) -> tuple[int, ...]:
    """Return the array shape of one image: (height, width) in grey, or (height, width, 3) in colour."""
    return size if color_mode == "grayscale" else (*size, 3)
