"""A folder of images with one sub-folder a class, as `keras.utils.image_dataset_from_directory` takes it."""

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dnn_cli.errors import OwnDataError, nearest
from dnn_cli.formats.contents import MAX_CLASSES, Arrays, Contents
from dnn_cli.formats.files import check_memory, file_status, unreadable
from dnn_cli.formats.image_file import ColorMode, Size, image_shape, read_image, size_of, without_warnings
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.host.limits import available_cores

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}

PARTS = {
    "path": ("train", "training"),
    "validation_path": ("val", "valid", "validation", "dev"),
    "test_path": ("test", "testing"),
}
"""The keys of data, and what their folders are usually called."""

STEP = 256
"""Images read between two words to the watcher."""

WORTH_THREADS = 4_000
"""Bytes of a file from which threads decode faster; smaller ones only wait for each other."""


@dataclass(frozen=True)
class Folder:
    """The images that were found, class by class, and what all of them will be."""

    path: str
    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: tuple[int, ...]
    nbytes: int
    """Of all files as they are on disk."""

    size: Size
    color_mode: ColorMode

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all pixels."""
        return (len(self.files), *image_shape(self.size, self.color_mode))


def inspect_images(
    folder: str, image_size: Size | None, color_mode: ColorMode, classes: tuple[str, ...] | None = None
) -> Contents:
    """What a folder of images says of itself; opens at most the first image.

    Args:
        folder: Holds one sub-folder a class.
        image_size: The height and width that all images get, or None if all have those of the first.
        color_mode: Whether images are read in colour or in grey.
        classes: Of the training folder, where this is a folder beside it.

    Raises:
        OwnDataError: the folder has too few classes, one without images, or a first image that cannot be read.
    """
    found = look_into(folder, image_size, color_mode, classes)
    return Contents(found.shape[1:], len(found.files), found.classes, pixel_max=255)


def read_images(
    folder: str,
    image_size: Size | None,
    color_mode: ColorMode,
    classes: tuple[str, ...] | None = None,
    watch: Watcher = quiet,
) -> Arrays:
    """The images of a folder, class by class and by name; arguments and errors as for `inspect_images`.

    Raises:
        OwnDataError: also, if an image is damaged or of another size, or if all are more than memory holds.
    """
    found = look_into(folder, image_size, color_mode, classes)
    check_memory(folder, math.prod(found.shape))
    inputs = np.empty(found.shape, np.uint8)

    def read(at: int) -> None:
        inputs[at] = read_image(found.files[at], found.size, image_size is not None, color_mode)

    with without_warnings(), ThreadPoolExecutor(available_cores()) as pool:
        run: Callable[..., Iterator[None]] = pool.map if found.nbytes >= WORTH_THREADS * len(found.files) else map
        for start in range(0, len(found.files), STEP):
            watch(f"reading {folder}", start, len(found.files))
            list(run(read, range(start, min(start + STEP, len(found.files)))))
    return Arrays(inputs, np.array(found.labels, np.int32))


def look_into(folder: str, size: Size | None, color_mode: ColorMode, known: tuple[str, ...] | None) -> Folder:
    """All images of a folder, without reading more than one."""
    names = find_classes(folder)
    check_parts(folder, names)
    check_classes(folder, names, known)
    classes = known or names
    numbers = {name: number for number, name in enumerate(classes)}
    files: list[str] = []
    labels: list[int] = []
    for name in names:
        images = find_images(str(Path(folder) / name))
        files += images
        labels += [numbers[name]] * len(images)
    nbytes = sum(file_status(file).st_size for file in files)
    if size is None:
        with without_warnings():
            size = size_of(files[0])
    return Folder(folder, classes, tuple(files), tuple(labels), nbytes, size, color_mode)


def find_classes(folder: str) -> tuple[str, ...]:
    """The names of the sub-folders that are not hidden."""
    return tuple(entry.name for entry in entries(folder) if os.path.isdir(entry.path))


def find_images(folder: str) -> list[str]:
    """The paths of the images in one sub-folder.

    Raises:
        OwnDataError: there are none.
    """
    inside = entries(folder)
    if deeper := [entry.name for entry in inside if os.path.isdir(entry.path) and not Path(entry.name).suffix]:
        raise OwnDataError(
            f"{folder} holds the folder {deeper[0]}, whose images would be left out",
            f"move its images into {Path(folder).name}",
        )
    found = [entry.path for entry in inside if Path(entry.name).suffix.lower() in SUFFIXES]
    if not found:
        raise OwnDataError(
            f"{folder} holds no images",
            f"images end in {', '.join(sorted(SUFFIXES))}; remove the folder if it is no class",
        )
    return found


def entries(folder: str) -> list["os.DirEntry[str]"]:
    """What is in a folder and not hidden, by name."""
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise unreadable(folder, error) from None


def check_parts(folder: str, names: tuple[str, ...]) -> None:
    """Refuse a folder of a training set and a test set, each with its classes, and one that holds only another one.

    Raises:
        OwnDataError: names the keys that take these folders.
    """
    nested = find_nested(folder, names)
    if parts := find_parts(folder):
        keys = ", ".join(f"{key}: {path}" for key, path in parts.items())
        raise OwnDataError(f"{folder} holds {' and '.join(nested)}, which are no classes", keys)
    if len(names) == 1 and nested:
        raise OwnDataError(f"{folder} holds only the folder {names[0]}", f"path: {Path(folder) / names[0]}")


def find_nested(folder: str, names: tuple[str, ...]) -> list[str]:
    """Return the sub-folders that hold folders and no image."""
    return [name for name in names if os.path.isdir(Path(folder) / name) and holds_folders(str(Path(folder) / name))]


def find_parts(folder: str) -> dict[str, str]:
    """Return the folders of a training, a validation and a test set by their keys of data; none without a training set.

    Raises:
        OwnDataError: the folder cannot be read.
    """
    nested = find_nested(folder, find_classes(folder))
    parts = {key: name for name in nested for key, called in PARTS.items() if name.lower() in called}
    return {key: str(Path(folder) / parts[key]) for key in PARTS if key in parts} if "path" in parts else {}


def holds_folders(folder: str) -> bool:
    """Return whether a folder holds other folders and no image, as no class does."""
    inside = entries(folder)
    images = any(Path(entry.name).suffix.lower() in SUFFIXES for entry in inside)
    return not images and any(os.path.isdir(entry.path) for entry in inside)


def check_classes(folder: str, names: tuple[str, ...], known: tuple[str, ...] | None) -> None:
    """Refuse sub-folders that are no classes, or too few.

    Raises:
        OwnDataError: so it is.
    """
    for name in names:
        if any("\ud800" <= letter <= "\udfff" for letter in name):  # bytes that are no UTF-8
            raise OwnDataError(f"{folder} has the sub-folder {name!r}, which is not UTF-8", "rename it")
        if known is not None and name not in known:
            raise OwnDataError(
                f"{folder} has the sub-folder {name}, which is no class of the training folder",
                nearest(name, known) or f"its classes are {', '.join(known[:20])}{', …' if len(known) > 20 else ''}",
            )
    least = 2 if known is None else 1
    if not least <= len(names) <= MAX_CLASSES:
        raise OwnDataError(
            f"{folder} has {len(names):,} sub-folder{'s' * (len(names) != 1)}",
            f"one sub-folder a class, {least} to {MAX_CLASSES:,} of them",
        )
