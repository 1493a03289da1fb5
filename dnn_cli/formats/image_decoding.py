"""Decoding of the images of a directory in several threads, with a cache of the decoded images."""

import math
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import ReadProgress
from dnn_cli.formats.image_cache import DecodedImages, compute_cache_key, read_cached_images, write_cached_images
from dnn_cli.formats.image_file import (
    DamagedImageError,
    WrongImageSizeError,
    get_image_shape,
    read_image,
    silence_pillow_warnings,
)
from dnn_cli.formats.image_listing import has_avif_decoder
from dnn_cli.formats.image_samples import SizeSample
from dnn_cli.formats.reader_options import ColorMode, ImageOptions, ImageSize
from dnn_cli.formats.safe_open import check_memory, stat_regular_file
from dnn_cli.host.resources import count_available_cores

IMAGES_PER_UPDATE = 128
"""Number of images that are read between two progress updates."""

MIN_BYTES_FOR_THREADS = 4_000
"""Minimum mean size of the image files, in bytes, at which several threads decode faster than one.

With smaller files, threads mostly wait for each other."""

MIN_CACHED_SECONDS = 2.0
"""Minimum time of decoding after which the decoded images are written into the cache."""

MIN_FILE_AGE = 2.0
"""Minimum age of the last change of each file, in seconds, at which decoded images are written into the cache.

A later change within the resolution of the file system's clock would not change the times of the file."""

_FileState = tuple[int, int, int, int]
"""Size of a file, times of the last change of its content and of its status in nanoseconds, and number of its inode."""

_MAX_LISTED_IMAGES = 10


@dataclass(frozen=True)
class ClassFiles:
    """Paths and class numbers of the images in a directory."""

    path: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    class_numbers: tuple[int, ...]
    unread_suffixes: Counter[str]
    """Number of files in the directories of the classes that are not read, by suffix."""


@dataclass(frozen=True)
class ImageDirectory:
    """Images of a directory, with the size that all images get and the status of their files."""

    class_files: ClassFiles
    options: ImageOptions
    image_size: ImageSize
    file_states: tuple[_FileState, ...]

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of the array of all images: number of images, then the shape of one image."""
        return (len(self.class_files.files), *get_image_shape(self.image_size, get_color_mode(self.options)))


def load_images(image_directory: ImageDirectory, progress: ReadProgress) -> DecodedImages:
    """Return the decoded images of a directory, from the cache or from their files.

    Raises:
        UserDataError: images are damaged or of another size, or do not fit into memory.
    """
    key = _compute_cache_key(image_directory)
    start, start_of_clock = time.time(), time.monotonic()
    check_memory(
        image_directory.class_files.path,
        math.prod(image_directory.array_shape),
        _suggest_image_size(image_directory.image_size) or "use fewer images, or a smaller data.image_size",
    )
    images = read_cached_images(key)
    if images is None:
        images = _decode_images(image_directory, progress)
        newest = max(changed for _, _, changed, _ in image_directory.file_states) / 1e9
        is_settled = newest < start - MIN_FILE_AGE
        # A file that changed meanwhile has another state now.
        if (
            time.monotonic() - start_of_clock >= MIN_CACHED_SECONDS
            and is_settled
            and read_file_states(image_directory.class_files.files) == image_directory.file_states
        ):
            write_cached_images(key, images)
    _check_every_class(image_directory.class_files, images.damaged)
    return images


def _compute_cache_key(image_directory: ImageDirectory) -> str:
    """Compute the name of the cache file, which depends on the files, the options and the decoders."""
    import PIL
    from PIL import features

    names = ["jpg", "zlib", "webp", "libtiff", *(["avif"] if has_avif_decoder() else [])]
    decoders = [PIL.__version__, *map(features.version, names)]
    options, class_files = image_directory.options, image_directory.class_files
    return compute_cache_key(
        [
            decoders,
            platform.machine(),
            (image_directory.image_size, options.image_size, get_color_mode(options)),
            (options.skip_damaged, options.rules),
            os.path.realpath(class_files.path),
            *zip(class_files.files, image_directory.file_states, strict=True),
        ]
    )


def _decode_images(image_directory: ImageDirectory, progress: ReadProgress) -> DecodedImages:
    """Decode all images of a directory. With `skip_damaged`, damaged images are left out.

    Raises:
        UserDataError: images are damaged or of another size.
    """
    options, files = image_directory.options, image_directory.class_files.files
    pixels = np.empty(image_directory.array_shape, np.uint8)

    def read_into(at: int) -> None:
        pixels[at] = read_image(
            files[at],
            image_directory.image_size,
            options.image_size is not None,
            get_color_mode(options),
            hint=_suggest_image_size(image_directory.image_size),
            rules=options.rules,
        )

    file_bytes = sum(size for size, *_ in image_directory.file_states)
    errors = decode_files(image_directory.class_files.path, files, read_into, file_bytes, progress)
    if not errors:
        return DecodedImages(pixels)
    if not options.skip_damaged:
        raise build_training_damage_error(list(errors.values()))
    return DecodedImages(np.delete(pixels, list(errors), axis=0), tuple(errors))


def decode_files(
    directory: str,
    files: tuple[str, ...] | list[str],
    read: Callable[[int], Any],
    file_bytes: int,
    progress: ReadProgress,
) -> dict[int, DamagedImageError]:
    """Decode files in several threads. Return the errors of damaged images by their positions.

    Args:
        directory: The path of the directory, for the progress.
        files: The paths of the files.
        read: A function that decodes the file at a position.
        file_bytes: The size of all files.
        progress: The function that receives the progress.

    Raises:
        UserDataError: an image has another size.
    """

    def find_error(at: int) -> DamagedImageError | WrongImageSizeError | None:
        try:
            read(at)
        except (DamagedImageError, WrongImageSizeError) as error:
            return error
        except UserDataError as error:
            return DamagedImageError(error.message, "replace or remove the file")
        return None

    errors: dict[int, DamagedImageError] = {}
    with silence_pillow_warnings(), ThreadPoolExecutor(count_available_cores()) as pool:
        run_all: Callable[..., Iterator[DamagedImageError | WrongImageSizeError | None]] = (
            pool.map if file_bytes >= MIN_BYTES_FOR_THREADS * len(files) else map
        )
        for start in range(0, len(files), IMAGES_PER_UPDATE):
            progress(f"reading {directory}", start, len(files))
            positions = range(start, min(start + IMAGES_PER_UPDATE, len(files)))
            for at, error in zip(positions, run_all(find_error, positions), strict=True):
                if isinstance(error, WrongImageSizeError):
                    raise error
                if error is not None:
                    errors[at] = error
    return errors


def build_damage_error(errors: list[DamagedImageError]) -> UserDataError:
    """Build one error for all damaged images, with one line for each of the first images.

    The suggestion does not name `data.skip_damaged`, which applies only to the data of a training.
    """
    lines = [error.message for error in errors[:_MAX_LISTED_IMAGES]]
    if more := len(errors) - len(lines):
        lines.append(f"{more:,} more images are damaged")
    return UserDataError("\n".join(lines), f"replace or remove the {'file' if len(errors) == 1 else 'files'}")


def build_training_damage_error(errors: list[DamagedImageError]) -> UserDataError:
    """Build the error of damaged images in the data of a training, with the key that leaves them out."""
    error = build_damage_error(errors)
    them = "it" if len(errors) == 1 else "them"
    return UserDataError(error.message, f"{error.suggestion}, or set data.skip_damaged=true to leave {them} out")


def read_file_states(files: tuple[str, ...]) -> tuple[_FileState, ...]:
    """Return the states of files. A broken link, which counts as a damaged image, has a state of zeros."""
    return tuple(map(_read_file_state, files))


def _read_file_state(file: str) -> _FileState:
    """Return the state of a file; zeros if the path is not a regular file."""
    try:
        status = stat_regular_file(file)
    except UserDataError:
        return 0, 0, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _check_every_class(class_files: ClassFiles, damaged: tuple[int, ...]) -> None:
    """Raise an error if all images of a class are damaged.

    Raises:
        UserDataError: all images of a class are damaged.
    """
    counts = Counter(class_files.class_numbers)
    counts.subtract(class_files.class_numbers[at] for at in damaged)
    if empty := [class_files.classes[number] for number, count in counts.items() if not count]:
        raise UserDataError(
            f"all images in {Path(class_files.path) / empty[0]} are damaged", "replace them, or remove the directory"
        )


def _suggest_image_size(size: ImageSize) -> str:
    """Suggest a size for images of this size; empty if the images are not larger than the suggestion."""
    height, width = SizeSample((size,)).suggest_size()
    return f"use data.image_size=[{height},{width}] to resize all images" if (height, width) != size else ""


def get_color_mode(options: ImageOptions) -> ColorMode:
    """Return the colour mode that the options choose."""
    return options.color_mode or "rgb"
