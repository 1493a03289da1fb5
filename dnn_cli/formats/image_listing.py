"""Lists of the classes and images in a directory, with the files that are not read."""

import importlib.util
import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import Remark
from dnn_cli.formats.safe_open import build_read_error

_FIRST_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"))
"""Suffixes of the images that version 1 of the rules reads."""

_ADDED_SUFFIXES = frozenset((".jfif", ".tif", ".tiff"))

_SYSTEM_NAMES = frozenset(("__macosx", "thumbs.db", "desktop.ini", "@eadir"))
"""Names of files and directories, in lower case, that operating systems write next to images."""

_MAX_LISTED_SUFFIXES = 5


@dataclass(frozen=True)
class ImageListing:
    """Images in the directory of one class, and the suffixes of the files that are not read."""

    paths: tuple[str, ...]
    unread_suffixes: Counter[str] = field(default_factory=Counter)
    """Number of files that are not read, by suffix in lower case."""


@cache
def get_image_suffixes(rules: int) -> frozenset[str]:
    """Return the suffixes of the images that are read under a version of the rules."""
    if rules < 2:
        return _FIRST_SUFFIXES
    return _FIRST_SUFFIXES | _ADDED_SUFFIXES | ({".avif"} if has_avif_decoder() else frozenset())


def has_avif_decoder() -> bool:
    """Return whether the installed Pillow decodes AVIF."""
    return importlib.util.find_spec("PIL._avif") is not None


def list_class_names(directory: str) -> tuple[str, ...]:
    """List the names of the subdirectories that are not hidden."""
    return tuple(item.name for item in list_visible_items(directory) if is_directory(item))


def list_images(directory: str, rules: int) -> ImageListing:
    """List the images in the directory of one class.

    Args:
        directory: The path of the directory.
        rules: The version of the rules, which determines the suffixes of images.

    Raises:
        UserDataError: the directory holds no images, or it holds a directory.
    """
    items = list_visible_items(directory)
    # Version 1 of the rules accepts directories with a dot in their names, and does not read them.
    nested = [item.name for item in items if is_directory(item) and (rules > 1 or not os.path.splitext(item.name)[1])]
    if nested:
        name, class_name = nested[0], os.path.basename(directory)
        raise UserDataError(
            f"{directory} contains the directory {name}, but a class is a directory that contains only images",
            f"use path: {directory} if {name} is a class, or store the images of {name} in {class_name}",
        )
    listing = list_direct_images(items, rules)
    if not listing.paths:
        unread = "; ".join(remark.message for remark in build_unread_remarks("", listing.unread_suffixes))
        raise UserDataError(
            f"{directory} contains no images{f': {unread}' if unread else ''}",
            f"add images ({', '.join(sorted(get_image_suffixes(rules)))}), "
            "or remove the directory if it is not a class",
        )
    return listing


def list_direct_images(items: "list[os.DirEntry[str]]", rules: int) -> ImageListing:
    """List the images among the files of a directory, in their order. Directories are left out."""
    suffixes = get_image_suffixes(rules)
    paths, unread = [], Counter[str]()
    for item in items:
        suffix = os.path.splitext(item.name)[1].lower()
        # A directory that is named like an image is refused later, as is a pipe.
        if suffix in suffixes:
            paths.append(item.path)
        elif not is_directory(item):
            unread[suffix] += 1
    return ImageListing(tuple(paths), unread)


def build_unread_remarks(name: str, suffixes: Counter[str]) -> tuple[Remark, ...]:
    """Build the remarks about files that are not read.

    Args:
        name: The name of the directory, with which the messages begin; empty for none.
        suffixes: The number of files that are not read, by suffix.
    """
    prefix = f"{name}: " if name else ""
    count, listed = suffixes.total() - suffixes[""], sorted(suffix for suffix in suffixes if suffix)
    remarks = []
    if listed:
        more = " or others" if len(listed) > _MAX_LISTED_SUFFIXES else ""
        *first, last = listed[:_MAX_LISTED_SUFFIXES]
        text = f"{', '.join(first)}{', ' if more else ' or '}{last}{more}" if first else last
        verb = "files end in" if count > 1 else "file ends in"
        remarks.append(Remark(f"{prefix}{count:,} {verb} {text}, which {'are' if count > 1 else 'is'} not read"))
    if without := suffixes[""]:
        nouns = "files without a suffix are" if without > 1 else "file without a suffix is"
        remarks.append(Remark(f"{prefix}{without:,} {nouns} not read"))
    return tuple(remarks)


def list_visible_items(directory: str) -> "list[os.DirEntry[str]]":
    """List the files and directories in a directory, sorted by name, without hidden ones and those of systems.

    Raises:
        UserDataError: the directory cannot be read.
    """
    try:
        with os.scandir(directory) as scan:
            visible = [item for item in scan if item.name[0] != "." and item.name.lower() not in _SYSTEM_NAMES]
    # A NUL in the path raises ValueError.
    except (OSError, ValueError) as error:
        raise build_read_error(directory, error) from None
    return sorted(visible, key=lambda item: item.name)


def is_directory(item: "os.DirEntry[str]") -> bool:
    """Return whether an item of a directory is a directory, or a link to a directory."""
    # `is_dir` raises an exception for a link to itself.
    return os.path.isdir(item.path) if item.is_symlink() else item.is_dir()
