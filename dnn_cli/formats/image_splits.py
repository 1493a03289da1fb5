"""Directories of training, validation and test examples below one directory, and suggestions for other layouts."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import CURRENT_RULES, Remark
from dnn_cli.formats.image_listing import is_directory, list_class_names, list_direct_images, list_visible_items

_SPLIT_DIRECTORY_WORDS = {
    "path": ("train", "training"),
    "validation_path": ("val", "valid", "validation", "dev"),
    "test_path": ("test", "testing"),
}
"""Words in the names of the directories of training, validation and test examples, by the config key for their path.

A directory `val` or `images_val`, for example, is suggested as the value of `data.validation_path`."""


def find_split_directories(directory: str) -> dict[str, str]:
    """Find the directories of training, validation and test examples, and return their paths by config key.

    The keys are `path`, `validation_path` and `test_path`. The result is empty if the directory of training examples is
    missing. A directory that contains only one directory of classes, as in `seg_train/seg_train`, is replaced by that
    directory.

    Raises:
        UserDataError: a directory cannot be read, or several directories have names for the same split.
    """
    named = [name for name in list_class_names(directory) if _find_split_key(name)]
    split_names: dict[str, str] = {}
    for name in _find_nested_directories(directory, named):
        key = _find_split_key(name)
        if key in split_names:
            raise UserDataError(
                f"{directory} contains {split_names[key]} and {name}, which are names for the same split",
                f"set data.{key} to one of them",
            )
        split_names[key] = name
    if "path" not in split_names:
        return {}
    return {
        key: _find_directory_of_classes(os.path.join(directory, split_names[key]))
        for key in _SPLIT_DIRECTORY_WORDS
        if key in split_names
    }


def _find_split_key(name: str) -> str:
    """Return the config key for a directory whose name contains a word such as `train`; empty for other names."""
    words = set(re.split(r"[\W_]+", name.lower()))
    return next((key for key, usual_words in _SPLIT_DIRECTORY_WORDS.items() if words & set(usual_words)), "")


def _find_directory_of_classes(directory: str) -> str:
    """Return a directory, or the only directory in it if that directory contains directories, too."""
    names = list_class_names(directory)
    while len(names) == 1 and _has_only_directories(os.path.join(directory, names[0])):
        directory = os.path.join(directory, names[0])
        names = list_class_names(directory)
    return directory


def build_sibling_remarks(directory: str, used: Collection[str]) -> tuple[Remark, ...]:
    """Build the remarks about unused directories of validation and test examples next to that of training examples.

    Args:
        directory: The path of the directory of training examples.
        used: The paths of directories that are used.
    """
    parent, name = os.path.split(os.path.abspath(directory))
    if _find_split_key(name) != "path" or not os.access(parent, os.R_OK | os.X_OK):
        return ()
    used_paths = {os.path.realpath(path) for path in used}
    siblings = (
        (key, os.path.join(parent, sibling))
        for sibling in list_class_names(parent)
        if (key := _find_split_key(sibling)) not in ("", "path")
    )
    return tuple(
        Remark(f"{os.path.basename(path)}: next to {name}, and not used", f"data.{key}={os.path.relpath(path)}")
        for key, path in siblings
        if not any(used_path.startswith(os.path.realpath(path)) for used_path in used_paths)
    )


def build_split_remarks(directory: str, used: Mapping[str, str]) -> tuple[Remark, ...]:
    """Build the remarks about a directory that contains directories of splits.

    Args:
        directory: The path of the directory.
        used: The paths of the directories of splits that are used, by config key.
    """
    nouns = {"path": "training", "validation_path": "validation", "test_path": "test"}
    relative_paths = {key: Path(path).relative_to(directory) for key, path in used.items()}
    names = {path.parts[0] for path in relative_paths.values()}
    title = Path(directory).name
    texts = [f"{path} has the {nouns[key]} examples" for key, path in relative_paths.items()]
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
