"""Directories of training, validation and test examples below one directory, and suggestions for other layouts."""

import os
from collections.abc import Mapping
from pathlib import Path

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import CURRENT_RULES, Remark
from dnn_cli.formats.image_listing import is_directory, list_class_names, list_direct_images, list_visible_items

_SPLIT_DIRECTORY_NAMES = {
    "path": ("train", "training"),
    "validation_path": ("val", "valid", "validation", "dev"),
    "test_path": ("test", "testing"),
}
"""Usual names of the directories of training, validation and test examples, by the config key for their path.

A directory `val`, for example, is suggested as the value of `data.validation_path`."""


def find_split_directories(directory: str) -> dict[str, str]:
    """Find the directories of training, validation and test examples, and return their paths by config key.

    The keys are `path`, `validation_path` and `test_path`. The result is empty if the directory of training examples is
    missing.

    Raises:
        UserDataError: the directory cannot be read.
    """
    usual_names = {name for names in _SPLIT_DIRECTORY_NAMES.values() for name in names}
    named = [name for name in list_class_names(directory) if name.lower() in usual_names]
    nested = _find_nested_directories(directory, named)
    split_names = {
        key: name
        for name in nested
        for key, usual_names_of_key in _SPLIT_DIRECTORY_NAMES.items()
        if name.lower() in usual_names_of_key
    }
    if "path" not in split_names:
        return {}
    return {key: str(Path(directory) / split_names[key]) for key in _SPLIT_DIRECTORY_NAMES if key in split_names}


def build_split_remarks(directory: str, used: Mapping[str, str]) -> tuple[Remark, ...]:
    """Build the remarks about a directory that contains directories of splits.

    Args:
        directory: The path of the directory.
        used: The paths of the directories of splits that are used, by config key.
    """
    nouns = {"path": "training", "validation_path": "validation", "test_path": "test"}
    names = {os.path.basename(path): nouns[key] for key, path in used.items()}
    title = Path(directory).name
    texts = [f"{name} has the {noun} examples" for name, noun in names.items()]
    remarks = [Remark(f"{title}: {', '.join(texts)}", f"data.path={used['path']}")]
    items = list_visible_items(directory)
    for item in items:
        if item.name in names or not is_directory(item):
            continue
        listing = list_direct_images(list_visible_items(item.path), CURRENT_RULES)
        has_classes = bool(list_class_names(item.path))
        reason = (
            " has images without directories of classes, which dnn predict reads; it"
            if listing.paths and not has_classes
            else ""
        )
        remarks.append(Remark(f"{title}: {item.name}{reason} is not used"))
    if count := sum(not is_directory(item) for item in items):
        noun = "files are" if count > 1 else "file is"
        remarks.append(Remark(f"{title}: {count:,} {noun} next to the directories, and not used"))
    return tuple(remarks)


def check_not_split(directory: str, names: tuple[str, ...]) -> None:
    """Raise an error if the subdirectories are not classes, because they contain directories instead of images.

    The subdirectories are then splits such as `train`, or the directory of classes is one level lower.

    Args:
        directory: The path of the directory.
        names: The names of its subdirectories.

    Raises:
        UserDataError: the subdirectories are not classes. The suggestion gives the config keys for their paths.
    """
    check_has_directories(directory, names)
    if split_directories := find_split_directories(directory):
        nested = _find_nested_directories(directory, names)
        keys = ", ".join(f"{key}: {path}" for key, path in split_directories.items())
        noun = "directory" if len(nested) == 1 else "directories"
        message = f"{directory} contains the {noun} {' and '.join(nested)} instead of directories of classes"
        raise UserDataError(message, f"use {keys}")
    if len(names) == 1 and _has_only_directories(str(Path(directory) / names[0])):
        raise UserDataError(
            f"{directory} contains only the directory {names[0]}", f"use path: {Path(directory) / names[0]}"
        )


def check_has_directories(directory: str, names: tuple[str, ...]) -> None:
    """Raise an error if a directory contains images instead of directories of classes.

    Args:
        directory: The path of the directory.
        names: The names of its subdirectories.

    Raises:
        UserDataError: the directory contains images, but no subdirectories.
    """
    if not names and (images := list_direct_images(list_visible_items(directory), CURRENT_RULES).paths):
        noun = "image" if len(images) == 1 else "images"
        raise UserDataError(
            f"{directory} contains {len(images):,} {noun}, but no directories of classes",
            f"create one directory for each class, such as {Path(directory) / 'cat'}, for its images; "
            "for images without classes, use dnn predict",
        )


def _find_nested_directories(directory: str, names: list[str] | tuple[str, ...]) -> list[str]:
    """Find the subdirectories that contain directories but no images.

    Args:
        directory: The path of the directory.
        names: The names of the subdirectories.
    """
    return [name for name in names if _has_only_directories(str(Path(directory) / name))]


def _has_only_directories(directory: str) -> bool:
    """Return whether a directory contains directories but no images. The directory of a class contains images."""
    items = list_visible_items(directory)
    return not list_direct_images(items, CURRENT_RULES).paths and any(map(is_directory, items))
