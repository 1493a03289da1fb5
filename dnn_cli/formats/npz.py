"""Arrays in an .npz file: `x_train` and `y_train`, and where there are any, the same of `val` and `test`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError
from dnn_cli.formats.contents import Arrays, Contents, Part, Task
from dnn_cli.formats.files import check_memory
from dnn_cli.formats.npz_archive import Archive, Header, opened_archive
from dnn_cli.formats.npz_labels import Labels, check_known, read_labels, to_floats

NAMES: dict[Part, tuple[tuple[str, str], ...]] = {
    "train": (("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y")),
    "validation": tuple((f"{x}_{part}", f"y_{part}") for part in ("val", "validation") for x in "xX"),
    "test": (("x_test", "y_test"), ("X_test", "y_test")),
}
"""What the inputs and labels of a part may be called, the first that is there counts."""

MAX_BYTES = 16_000_000_000
MAX_AXES = 5
"""Of the inputs: the examples, and up to four of each."""


def inspect_npz(path: str, task: Task, part: Part) -> Contents | None:
    """What a part of an .npz file says of itself, or None if there is no such part; reads no inputs.

    Args:
        path: The file.
        task: What the labels are, or `auto`; other parts than `train` follow the training labels.
        part: `train` must be there.

    Raises:
        OwnDataError: the file is no .npz file, or its arrays are not what they should be.
    """
    with opened_archive(path) as archive:
        names = find_names(archive, part)
        if names is None:
            return None
        x, y = find_headers(archive, names)
        labels = part_labels(archive, y, task, part)
    pixel_max = 255 if x.dtype == np.uint8 else 1
    return Contents(x.shape[1:], x.shape[0], labels.classes, labels.targets, pixel_max)


def read_npz(path: str, task: Task, part: Part, classes_count: int | None = None) -> Arrays:
    """The examples of a part of an .npz file.

    Args:
        path: The file.
        task: What the labels are, or `auto`; other parts than `train` follow the training labels.
        part: Which examples.
        classes_count: How many classes there are, if labels beyond are to be refused.

    Raises:
        OwnDataError: the file is no .npz file, or its arrays are not what they should be.
    """
    with opened_archive(path) as archive:
        names = find_names(archive, part)
        if names is None:
            raise missing(archive, part)
        x, y = find_headers(archive, names)
        labels = part_labels(archive, y, task, part)
        if labels.classes and classes_count is not None:
            check_known(f"{path}: {y.name}", labels.values, classes_count)
        return Arrays(to_inputs(f"{path}: {x.name}", archive.read(x)), labels.values)


def find_names(archive: Archive, part: Part) -> tuple[str, str] | None:
    """What the inputs and labels of a part are called in this file; None if a part other than `train` is absent.

    Raises:
        OwnDataError: the training part is absent, or a part has inputs or labels alone.
    """
    there = set(archive.names)
    for names in NAMES[part]:
        if there.issuperset(names):
            return names
    for x, y in NAMES[part]:
        if x in there or y in there:
            has, lacks = (x, y) if x in there else (y, x)
            raise OwnDataError(f"{archive.path} has {has} but no {lacks}; it holds {listed(archive)}")
    if part == "train":
        raise missing(archive, part)
    return None


def missing(archive: Archive, part: Part) -> OwnDataError:
    """What is said where a part is absent."""
    x, y = NAMES[part][0]
    return OwnDataError(
        f"{archive.path} has no {x} and {y}; it holds {listed(archive)}",
        f"numpy.savez('data.npz', {x}=inputs, {y}=labels) writes them",
    )


def listed(archive: Archive) -> str:
    """The first names of the arrays in a file."""
    names = archive.names
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "") if names else "no arrays"


def find_headers(archive: Archive, names: tuple[str, str]) -> tuple[Header, Header]:
    """The headers of inputs and labels that go together.

    Raises:
        OwnDataError: they are not inputs and labels, not as many, or more than memory holds.
    """
    x, y = map(archive.header, names)
    where = f"{archive.path}: {x.name}"
    if x.dtype.kind not in "biuf" or not x.dtype.itemsize:
        raise OwnDataError(f"{where} holds {x.dtype}, and inputs must be numbers", "encode them as numbers")
    if not 2 <= len(x.shape) <= MAX_AXES or 0 in x.shape:
        raise OwnDataError(
            f"{where} has the shape {x.shape}",
            f"inputs have the shape (n, …) with one to {MAX_AXES - 1} axes an example, none of them 0",
        )
    if not y.shape or y.shape[0] != x.shape[0]:
        raise OwnDataError(f"{where} has the shape {x.shape}, but {y.name} {y.shape}", "each input needs a label")
    if x.nbytes + y.nbytes > MAX_BYTES:
        raise OwnDataError(
            f"{archive.path}: {x.name} and {y.name} have {(x.nbytes + y.nbytes) / 1e9:,.1f} GB",
            f"{MAX_BYTES / 1e9:,.0f} GB is the most",
        )
    check_memory(archive.path, needed_bytes(x) + needed_bytes(y))
    return x, y


def needed_bytes(header: Header) -> int:
    """The memory an array takes as it is in the file, and converted to float32 if it must be."""
    values = header.nbytes // header.dtype.itemsize if header.dtype.itemsize else 0
    return header.nbytes + (0 if header.dtype in (np.uint8, np.float32) else 4 * values)


def part_labels(archive: Archive, y: Header, task: Task, part: Part) -> Labels:
    """The labels of a part; those other than `train` are read as the training labels are, where there are any."""
    known = training_labels(archive, task) if part != "train" else None
    return read_labels(f"{archive.path}: {y.name}", archive.read(y), task, known)


def training_labels(archive: Archive, task: Task) -> Labels | None:
    """The labels that say what the classes are; None in a file with only other parts."""
    if not any(set(archive.names).issuperset(names) for names in NAMES["train"]):
        return None
    names = find_names(archive, "train")
    return part_labels(archive, find_headers(archive, names)[1], task, "train") if names else None


def to_inputs(where: str, x: NDArray[Any]) -> NDArray[Any]:
    """Inputs as a network takes them: uint8 stays, other numbers become float32."""
    return np.ascontiguousarray(x) if x.dtype == np.uint8 else to_floats(where, x)
