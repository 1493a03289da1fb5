"""Labelled inputs to evaluate on: a .csv with the target column, an .npz with x and y, or a folder of images."""

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError, nearest
from dnn_cli.formats.contents import Arrays
from dnn_cli.formats.csv_rows import Row, quoted, read_rows
from dnn_cli.formats.csv_table import Header, read_body
from dnn_cli.formats.csv_target import Column, listed, read_target
from dnn_cli.formats.files import check_memory, file_status, opened
from dnn_cli.formats.given import MAX_BYTES, TABLES, Wanted, find_columns, fits, from_image
from dnn_cli.formats.image_file import without_warnings
from dnn_cli.formats.image_folder import check_classes, find_classes, find_images
from dnn_cli.formats.npz import NAMES, needed_bytes, to_inputs
from dnn_cli.formats.npz import listed as listed_arrays
from dnn_cli.formats.npz_archive import Archive, opened_archive
from dnn_cli.formats.npz_archive import Header as ArrayHeader
from dnn_cli.formats.npz_labels import Labels, check_type, count_names, read_labels, renumbered

TARGETS = ("y", "label", "labels", "target", "class")
"""Names of the target column, where the training data named no column."""

ARRAYS = (("x", "y"), ("X", "y"), *NAMES["test"], *NAMES["validation"], *NAMES["train"][:2])
"""Names of inputs and labels in an .npz file. The first pair that is there counts."""


@dataclass(frozen=True)
class Target:
    """The labels of the training."""

    classes: tuple[str, ...] = ()
    """In the order of their numbers; empty for a regression."""

    targets: int = 1
    """Numbers to predict for one example, in a regression."""

    column: str | None = None
    """The target column of a table; `None` where the training data named no column."""


def read_labelled(path: str, wanted: Wanted, target: Target) -> Arrays:
    """Return the inputs and labels in a file or folder, with the class numbers of the training.

    Args:
        path: A .csv, an .npz, or a folder with one sub-folder of images a class.
        wanted: The inputs of the training.
        target: The labels of the training.

    Raises:
        OwnDataError: the file is of no such kind, damaged, or has no such inputs or labels.
    """
    if os.path.isdir(path):
        return from_folder(path, wanted, target)
    file_status(path)
    lower = path.lower()
    if lower.endswith(".npz"):
        return from_npz(path, wanted, target)
    if lower.endswith(TABLES):
        return from_csv(path, wanted, target)
    raise OwnDataError(
        f"{path} holds no labelled examples",
        "give a .csv with the target column, an .npz with x and y, or a folder with one sub-folder of images a class",
    )


def from_folder(path: str, wanted: Wanted, target: Target) -> Arrays:
    """Return the images in the sub-folders of a folder, each named as a class."""
    if not target.classes:
        raise OwnDataError(f"{path} is a folder of classes, and this run predicts numbers", "give a .csv or an .npz")
    names = find_classes(path)
    check_classes(path, names, target.classes)
    files = [(file, name) for name in names for file in find_images(os.path.join(path, name))]
    check_memory(path, 4 * len(files) * math.prod(wanted.shape))
    with without_warnings():
        inputs = np.concatenate([from_image(file, wanted).inputs for file, _ in files])
    return Arrays(inputs, np.array([target.classes.index(name) for _, name in files], np.int32))


def from_npz(path: str, wanted: Wanted, target: Target) -> Arrays:
    """Return the inputs and labels in two arrays of an .npz file."""
    with opened_archive(path) as archive:
        x, y = find_pair(archive)
        if not fits(x, wanted.shape) or len(x.shape) == len(wanted.shape):
            needed = f"(n, {', '.join(map(str, wanted.shape))})"
            raise OwnDataError(f"{path}: {x.name} is {x.dtype} of {x.shape}", f"this run needs numbers of {needed}")
        if not y.shape or y.shape[0] != x.shape[0]:
            raise OwnDataError(
                f"{path}: {x.name} has the shape {x.shape}, but {y.name} {y.shape}", "one label an input"
            )
        check_memory(path, needed_bytes(x) + needed_bytes(y))
        inputs = to_inputs(f"{path}: {x.name}", archive.read(x))
        return Arrays(inputs, array_labels(f"{path}: {y.name}", archive.read(y), target))


def find_pair(archive: Archive) -> tuple[ArrayHeader, ArrayHeader]:
    """Return the headers of the inputs and labels.

    Raises:
        OwnDataError: no pair of names is there.
    """
    there = set(archive.names)
    for x, y in ARRAYS:
        if {x, y} <= there:
            return archive.header(x), archive.header(y)
    raise OwnDataError(
        f"{archive.path} has no x and y; it holds {listed_arrays(archive)}",
        "numpy.savez('new.npz', x=inputs, y=labels) writes them; x_test and y_test are read, too",
    )


def array_labels(where: str, y: NDArray[Any], target: Target) -> NDArray[Any]:
    """Return the labels in an array: text is the name of a class, a whole number is the name or else the number."""
    check_type(where, y)
    classes = target.classes
    if not classes:
        found = read_labels(where, y, "regression", Labels(y)).values
        if found.shape[1] != target.targets:
            numbers = f"{found.shape[1]} numbers an example, and this run predicts {target.targets}"
            raise OwnDataError(f"{where} has {numbers}")
        return found
    if y.dtype.kind == "U":
        return read_labels(where, y, "classification", Labels(y, classes)).values
    counted, is_column = count_names(len(classes)), y.ndim == 1 or y.shape[1] == 1
    if classes == counted or not (is_column and are_numbers(classes)):
        return read_labels(where, y, "classification", Labels(y, counted)).values
    column = y.reshape(-1)
    if not (column == np.floor(column)).all():  # false for nan, too
        raise OwnDataError(f"{where} holds numbers that are not whole, and so no classes")
    distinct, places = np.unique(column, return_inverse=True)
    return renumbered(where, tuple(str(int(number)) for number in distinct), places, classes).values


def are_numbers(classes: tuple[str, ...]) -> bool:
    """Whether names of classes are whole numbers, so that a number is always a name."""
    return any(name.lstrip("-").isdigit() for name in classes)


def from_csv(path: str, wanted: Wanted, target: Target) -> Arrays:
    """Return the rows of a table: inputs by the names of their columns, and the labels in the target column."""
    if file_status(path).st_size > MAX_BYTES:
        raise OwnDataError(f"{path} has more than {MAX_BYTES / 1e9:,.0f} GB", "use an .npz file")
    if not target.classes and target.targets > 1:
        raise OwnDataError(
            f"{path} has one target column, and this run predicts {target.targets} numbers", "give an .npz"
        )
    with opened(path) as stream:
        rows = read_rows(path, stream)
        header = find_header(path, next(rows, None), wanted, target)
        body = read_body(path, header, rows)
    cells = body.targets
    if target.classes and not are_numbers(target.classes):
        cells = [class_name(cell, target.classes) for cell in cells]
    labels = read_target(Column(path, header.names[header.target], cells, body.lines), "auto", target.classes)
    return Arrays(np.concatenate(body.inputs).reshape(-1, *wanted.shape), labels.values)


def class_name(cell: str, classes: tuple[str, ...]) -> str:
    """Return the name of the class that a cell names, or numbers from 0."""
    is_number = cell not in classes and cell.isascii() and cell.isdigit() and len(cell) < 8
    return classes[int(cell)] if is_number and int(cell) < len(classes) else cell


def find_header(path: str, row: Row | None, wanted: Wanted, target: Target) -> Header:
    """Return the names of the columns, and the places of the target and of the inputs.

    Raises:
        OwnDataError: there is no header, or a column is missing.
    """
    if row is None:
        raise OwnDataError(f"{path} is empty", "the first line names the columns")
    line, names = row[0], [cell.strip() for cell in row[1]]
    found = [name for name in names if name.lower() in TARGETS] if target.column is None else [target.column]
    if len(found) != 1 or found[0] not in names:
        column = target.column or f"with the labels, named {', '.join(TARGETS[:-1])} or {TARGETS[-1]}"
        what = f"{len(found)} columns of labels: {listed(found)}" if len(found) > 1 else f"no column {column}"
        hint = nearest(target.column or TARGETS[0], names) or "dnn predict takes inputs without labels"
        raise OwnDataError(f"{path}:{line}  has {what}", hint)
    if names.count(found[0]) > 1:
        raise OwnDataError(f"{path}:{line}  column {found[0]} is there {names.count(found[0])} times", "keep one")
    place = names.index(found[0])
    if wanted.features:
        _, columns = find_columns(path, row, wanted)
        return Header(tuple(names), place, tuple(columns))
    columns = [at for at in range(len(names)) if at != place]
    size = math.prod(wanted.shape)
    if len(columns) != size:
        raise OwnDataError(
            f"{path}:{line}  has {len(columns)} columns of inputs, and the training inputs have {size:,} numbers",
            f"give these columns, in the order of the training, and {quoted(found[0])}",
        )
    return Header(tuple(names), place, tuple(columns))
