"""Reader of image directories with one subdirectory per class, as in `keras.utils.image_dataset_from_directory`."""

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.dataset_contents import MAX_CLASSES, DatasetContents, ExampleArrays, ReadProgress, ignore_progress
from dnn_cli.formats.image_file import (
    get_image_shape,
    read_image,
    read_image_size,
    silence_pillow_warnings,
)
from dnn_cli.formats.reader_options import ColorMode, ImageOptions, ImageSize
from dnn_cli.formats.safe_open import build_read_error, check_memory, stat_regular_file
from dnn_cli.host.resources import count_available_cores

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}

_SPLIT_DIRECTORY_NAMES = {
    "path": ("train", "training"),
    "validation_path": ("val", "valid", "validation", "dev"),
    "test_path": ("test", "testing"),
}
"""Usual names of the directories of training, validation and test examples, by the config key for their path.

A directory `val`, for example, is suggested as the value of `data.validation_path`."""

IMAGES_PER_UPDATE = 256
"""Number of images that are read between two progress updates."""

MIN_BYTES_FOR_THREADS = 4_000
"""Minimum mean size of the image files, in bytes, at which several threads decode faster than one.

With smaller files, threads mostly wait for each other."""


@dataclass(frozen=True)
class _ImageDirectory:
    """Paths and class numbers of the images in a directory, with the size and colour mode that all images get."""

    path: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    class_numbers: tuple[int, ...]
    file_bytes: int
    """Size of all files on disk, in bytes."""

    image_size: ImageSize
    color_mode: ColorMode

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of the array of all images: number of images, then the shape of one image."""
        return (len(self.files), *get_image_shape(self.image_size, self.color_mode))


def inspect_images(directory: str, options: ImageOptions, classes: tuple[str, ...] | None = None) -> DatasetContents:
    """Return a description of an image directory: input shape, number of images and classes.

    At most the first image is opened, to read its size.

    Args:
        directory: The path of the directory, with one subdirectory per class.
        options: The options of the reader. Without an image size, all images must have the size of the first image.
        classes: The classes of the training directory, if this is a validation or test directory. `None` for a training
            directory.

    Raises:
        UserDataError: the directory has too few classes, a class has no images, or the first image cannot be read.
    """
    image_directory = _scan_image_directory(directory, options.image_size, options.color_mode, classes)
    return DatasetContents(
        image_directory.array_shape[1:], len(image_directory.files), image_directory.classes, pixel_max=255
    )


def read_images(
    directory: str,
    options: ImageOptions,
    classes: tuple[str, ...] | None = None,
    progress: ReadProgress = ignore_progress,
) -> ExampleArrays:
    """Read the images of a directory, sorted by class and then by file name. Arguments are those of `inspect_images`.

    Raises:
        UserDataError: the errors of `inspect_images`; an image is damaged or of another size; the images do not fit
            into memory.
    """
    image_directory = _scan_image_directory(directory, options.image_size, options.color_mode, classes)
    check_memory(directory, math.prod(image_directory.array_shape))
    inputs = np.empty(image_directory.array_shape, np.uint8)

    def read_into(at: int) -> None:
        inputs[at] = read_image(
            image_directory.files[at],
            image_directory.image_size,
            options.image_size is not None,
            options.color_mode,
        )

    with silence_pillow_warnings(), ThreadPoolExecutor(count_available_cores()) as pool:
        run_all: Callable[..., Iterator[None]] = (
            pool.map if image_directory.file_bytes >= MIN_BYTES_FOR_THREADS * len(image_directory.files) else map
        )
        for start in range(0, len(image_directory.files), IMAGES_PER_UPDATE):
            progress(f"reading {directory}", start, len(image_directory.files))
            list(run_all(read_into, range(start, min(start + IMAGES_PER_UPDATE, len(image_directory.files)))))
    return ExampleArrays(inputs, np.array(image_directory.class_numbers, np.int32))


def _scan_image_directory(
    directory: str, size: ImageSize | None, color_mode: ColorMode, known_classes: tuple[str, ...] | None
) -> _ImageDirectory:
    """Return the classes, the files and the image size of a directory.

    At most the first image is opened, to read its size.
    """
    names = list_class_names(directory)
    _check_not_split(directory, names)
    check_class_names(directory, names, known_classes)
    classes = known_classes or names
    numbers = {name: number for number, name in enumerate(classes)}
    files: list[str] = []
    class_numbers: list[int] = []
    for name in names:
        images = list_images(str(Path(directory) / name))
        files += images
        class_numbers += [numbers[name]] * len(images)
    file_bytes = sum(stat_regular_file(file).st_size for file in files)
    if size is None:
        with silence_pillow_warnings():
            size = read_image_size(files[0])
    return _ImageDirectory(directory, classes, tuple(files), tuple(class_numbers), file_bytes, size, color_mode)


def list_class_names(directory: str) -> tuple[str, ...]:
    """List the names of the subdirectories that are not hidden."""
    return tuple(item.name for item in _list_visible_items(directory) if os.path.isdir(item.path))


def list_images(directory: str) -> list[str]:
    """List the paths of the images in one subdirectory.

    Raises:
        UserDataError: the subdirectory holds no images, or it holds a directory.
    """
    items = _list_visible_items(directory)
    if nested := [item.name for item in items if os.path.isdir(item.path) and not Path(item.name).suffix]:
        raise UserDataError(
            f"{directory} contains the directory {nested[0]}, but must contain only images",
            f"move the images of {nested[0]} into {Path(directory).name}",
        )
    paths = [item.path for item in items if Path(item.name).suffix.lower() in IMAGE_SUFFIXES]
    if not paths:
        raise UserDataError(
            f"{directory} contains no images",
            f"add images ({', '.join(sorted(IMAGE_SUFFIXES))}), or remove the directory if it is not a class",
        )
    return paths


def _list_visible_items(directory: str) -> list["os.DirEntry[str]"]:
    """List the files and directories in a directory that are not hidden, sorted by name.

    Raises:
        UserDataError: the directory cannot be read.
    """
    try:
        with os.scandir(directory) as scan:
            return sorted((item for item in scan if not item.name.startswith(".")), key=lambda item: item.name)
    # A NUL in the path raises ValueError.
    except (OSError, ValueError) as error:
        raise build_read_error(directory, error) from None


def _check_not_split(directory: str, names: tuple[str, ...]) -> None:
    """Raise an error if the subdirectories are not classes, because they contain directories instead of images.

    The subdirectories are then splits such as `train`, or the directory of classes is one level lower.

    Raises:
        UserDataError: the subdirectories are not classes. The suggestion gives the config keys for their paths.
    """
    nested = _find_nested_directories(directory, names)
    if split_directories := find_split_directories(directory):
        keys = ", ".join(f"{key}: {path}" for key, path in split_directories.items())
        noun = "directory" if len(nested) == 1 else "directories"
        message = f"{directory} contains the {noun} {' and '.join(nested)} instead of directories of classes"
        raise UserDataError(message, f"use {keys}")
    if len(names) == 1 and nested:
        raise UserDataError(
            f"{directory} contains only the directory {names[0]}", f"use path: {Path(directory) / names[0]}"
        )


def _find_nested_directories(directory: str, names: tuple[str, ...]) -> list[str]:
    """Find the subdirectories that contain directories but no images.

    Args:
        directory: The path of the directory.
        names: The names of its subdirectories.
    """
    return [
        name
        for name in names
        if os.path.isdir(Path(directory) / name) and _has_only_directories(str(Path(directory) / name))
    ]


def find_split_directories(directory: str) -> dict[str, str]:
    """Find the directories of training, validation and test examples, and return their paths by config key.

    The keys are `path`, `validation_path` and `test_path`. The result is empty if the directory of training examples is
    missing.

    Raises:
        UserDataError: the directory cannot be read.
    """
    nested = _find_nested_directories(directory, list_class_names(directory))
    split_names = {
        key: name
        for name in nested
        for key, usual_names in _SPLIT_DIRECTORY_NAMES.items()
        if name.lower() in usual_names
    }
    return (
        {key: str(Path(directory) / split_names[key]) for key in _SPLIT_DIRECTORY_NAMES if key in split_names}
        if "path" in split_names
        else {}
    )


def _has_only_directories(directory: str) -> bool:
    """Return whether a directory contains directories but no images. The directory of a class contains images."""
    items = _list_visible_items(directory)
    has_images = any(Path(item.name).suffix.lower() in IMAGE_SUFFIXES for item in items)
    return not has_images and any(os.path.isdir(item.path) for item in items)


def check_class_names(directory: str, names: tuple[str, ...], known_classes: tuple[str, ...] | None) -> None:
    """Raise an error if a subdirectory is not a class, or if the number of classes is too small or too large.

    Args:
        directory: The path of the directory, for messages.
        names: The names of its subdirectories.
        known_classes: The classes of the training; `None` if the directory itself defines the classes.

    Raises:
        UserDataError: a subdirectory is not a class, or the number of classes is too small or too large.
    """
    for name in names:
        # Python decodes bytes of a name that are not UTF-8 as surrogates.
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise UserDataError(
                f"{directory} has the subdirectory {name!r}, whose name is not UTF-8", "rename the subdirectory"
            )
        if known_classes is not None and name not in known_classes:
            raise UserDataError(
                f"{directory} has the subdirectory {name}, which is not a class of the training directory",
                suggest_nearest_name(name, known_classes)
                or f"use one of {', '.join(known_classes[:20])}{', …' if len(known_classes) > 20 else ''}",
            )
    min_classes = 2 if known_classes is None else 1
    if not min_classes <= len(names) <= MAX_CLASSES:
        raise UserDataError(
            f"{directory} has {len(names):,} subdirector{'y' if len(names) == 1 else 'ies'}",
            f"create one subdirectory per class, for {min_classes} to {MAX_CLASSES:,} classes",
        )
