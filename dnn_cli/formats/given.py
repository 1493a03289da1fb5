"""Files with inputs to predict from: an image, arrays in an .npz, or rows of a .csv, as the training data had them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError, nearest
from dnn_cli.formats.csv_faults import AS_IN_TRAINING, NumberFaults
from dnn_cli.formats.csv_numbers import to_float, to_floats
from dnn_cli.formats.csv_rows import Faults, Row, read_rows
from dnn_cli.formats.files import check_memory, file_status, opened
from dnn_cli.formats.image_file import read_image
from dnn_cli.formats.image_folder import SUFFIXES
from dnn_cli.formats.npz import needed_bytes, to_inputs
from dnn_cli.formats.npz_archive import Archive, Header, opened_archive

TABLES = (".csv", ".tsv", ".txt")
ARRAY_NAMES = ("x", "X", "x_test", "X_test", "x_val", "x_validation", "x_train", "X_train")
"""Which array of several counts: the first of these that is there."""

MAX_BYTES = 2_000_000_000
BLOCK = 4096
"""Rows converted at once."""


@dataclass(frozen=True)
class Wanted:
    """What inputs the training had, and what may be done to a photo to be like them."""

    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    """The columns of its table, by name; none where they have no names."""

    white: float | None = 255.0
    """What the lightest pixel of an image was in training; `None` where no image can be made such an input."""

    resize: bool = False
    invert: bool = False


@dataclass(frozen=True)
class Given:
    """The inputs in one file."""

    file: str
    inputs: NDArray[Any]
    """Of (n, *shape), not scaled."""

    lines: tuple[int, ...] | None = None
    """Where each stands in a table."""

    @property
    def labels(self) -> list[str]:
        """What each is called: `shirt.png`, `houses.csv:2`, `arrays.npz[0]`."""
        if self.lines is not None:
            return [f"{self.file}:{line}" for line in self.lines]
        many = self.file.lower().endswith(".npz")
        return [f"{self.file}[{at}]" for at in range(len(self.inputs))] if many else [self.file]


def read_given(path: str, wanted: Wanted) -> Given:
    """The inputs in a file.

    Raises:
        OwnDataError: the file is none of the three kinds, damaged, or not of such inputs.
    """
    file_status(path)
    lower = path.lower()
    if lower.endswith((".npz", *TABLES)):
        if wanted.resize or wanted.invert:
            raise OwnDataError(f"{path} is no image, and only images are resized or inverted", "leave the option out")
        return from_npz(path, wanted) if lower.endswith(".npz") else from_csv(path, wanted)
    if not lower.endswith(tuple(SUFFIXES)):
        raise OwnDataError(
            f"{path} is of no kind that is read", f"{', '.join(sorted(SUFFIXES))} are images; or give an .npz or a .csv"
        )
    return from_image(path, wanted)


def from_image(path: str, wanted: Wanted) -> Given:
    """One input from an image file."""
    shape = wanted.shape
    if not is_picture(shape) or wanted.white is None:
        what = f"rows of {shape[0]:,} numbers" if len(shape) == 1 else f"arrays of {' × '.join(map(str, shape))}"
        raise OwnDataError(f"{path}: this run was trained on {what}, to which no image belongs", "give a .csv or .npz")
    channels = shape[2] if len(shape) == 3 else 1
    pixels = read_image(
        path, (shape[0], shape[1]), wanted.resize, "rgb" if channels == 3 else "grayscale",
        "the training images", "--resize makes it so; it is stretched, not cut",
    )  # fmt: skip
    if wanted.invert:
        pixels = 255 - pixels
    inputs = pixels if wanted.white == 255 else pixels.astype(np.float32) * np.float32(wanted.white / 255)
    return Given(path, inputs.reshape(1, *shape))


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an input is an image in grey, or in red, green and blue."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def from_npz(path: str, wanted: Wanted) -> Given:
    """The inputs in one array of an .npz file."""
    with opened_archive(path) as archive:
        header = find_array(archive, wanted.shape)
        check_memory(path, needed_bytes(header))
        inputs = to_inputs(f"{path}: {header.name}", archive.read(header))
    return Given(path, inputs.reshape(-1, *wanted.shape))


def find_array(archive: Archive, shape: tuple[int, ...]) -> Header:
    """The array of inputs: by its name, or the only one of such a shape.

    Raises:
        OwnDataError: there is none, or several.
    """
    headers = {name: archive.header(name) for name in archive.names}
    fitting = [name for name, header in headers.items() if fits(header, shape)]
    named = [name for name in ARRAY_NAMES if name in fitting]
    if named or len(fitting) == 1:
        return headers[(named or fitting)[0]]
    needed = f"(n, {', '.join(map(str, shape))})"
    if fitting:
        raise OwnDataError(
            f"{archive.path} has {len(fitting)} arrays of {needed}: {', '.join(fitting[:10])}", "call the right one x"
        )
    there = ", ".join(f"{name} of {header.shape}" for name, header in islice(headers.items(), 10)) or "nothing"
    raise OwnDataError(f"{archive.path} holds {there}", f"predict needs numbers of {needed}, called x")


def fits(header: Header, shape: tuple[int, ...]) -> bool:
    """Whether an array holds inputs of a shape, or one."""
    return header.dtype.kind in "biuf" and header.shape[-len(shape) :] == shape and (
        len(header.shape) == len(shape) or (len(header.shape) == len(shape) + 1 and header.shape[0] > 0)
    )  # fmt: skip


def from_csv(path: str, wanted: Wanted) -> Given:
    """The rows of a table: columns by their names where the training had names, else in their order.

    Other columns are left out, the one to predict among them.
    """
    if file_status(path).st_size > MAX_BYTES:
        raise OwnDataError(f"{path} has more than {MAX_BYTES / 1e9:,.0f} GB", "use an .npz file")
    with opened(path) as stream:
        rows = read_rows(path, stream)
        names, columns = find_columns(path, next(rows, None), wanted)
        inputs, lines = read_numbers(path, names, columns, rows)
    return Given(path, inputs.reshape(-1, *wanted.shape), tuple(lines))


def find_columns(path: str, row: Row | None, wanted: Wanted) -> tuple[list[str], list[int]]:
    """The header, and the places of the inputs in it.

    Raises:
        OwnDataError: there is no header, or a column is missing.
    """
    if row is None:
        raise OwnDataError(f"{path} is empty", "the first line names the columns")
    line, names = row[0], [cell.strip() for cell in row[1]]
    if not wanted.features:
        size = math.prod(wanted.shape)
        if len(names) != size:
            raise OwnDataError(
                f"{path}:{line}  has {len(names)} columns, and the training inputs {size:,} numbers without names",
                "give these columns alone, in the order of the training",
            )
        if all(to_float(name) is not None for name in names) and names != [str(at) for at in range(size)]:
            raise OwnDataError(f"{path}:{line}  holds numbers where the header should be", "name the columns there")
        return names, list(range(size))
    missing = [name for name in wanted.features if name not in names]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise OwnDataError(
            f"{path}:{line}  has no column {', '.join(missing[:3])}{more}, which the network was trained on",
            nearest(missing[0], names) or f"it needs {', '.join(wanted.features[:20])}",
        )
    twice = [name for name in wanted.features if names.count(name) > 1]
    if twice:
        raise OwnDataError(f"{path}:{line}  column {twice[0]} is there {names.count(twice[0])} times", "keep one")
    return names, [names.index(name) for name in wanted.features]


def read_numbers(
    path: str, names: list[str], columns: list[int], rows: Iterator[Row]
) -> tuple[NDArray[np.float32], list[int]]:
    """The inputs in all rows, and the lines they stand on.

    Raises:
        OwnDataError: there are none, or some have faults.
    """
    blocks: list[NDArray[np.float32]] = []
    lines: list[int] = []
    faults = NumberFaults(Faults(path))
    while block := list(islice(rows, BLOCK)):
        whole = all(len(row) == len(names) for _, row in block)
        values = to_floats([row[at] for _, row in block for at in columns]) if whole else None
        if values is None:
            find_faults(names, columns, block, faults)
            continue
        blocks.append(values.reshape(-1, len(columns)))
        lines += [line for line, _ in block]
    faults.check(lambda _: AS_IN_TRAINING)
    if not blocks:
        raise OwnDataError(f"{path} has a header and no rows", "every row below it is predicted")
    return np.concatenate(blocks), lines


def find_faults(names: list[str], columns: list[int], block: list[Row], found: NumberFaults) -> None:
    """Note what is wrong with each of many rows."""
    for line, row in block:
        if len(row) != len(names):
            message = f"has {len(row)} fields, and the header {len(names)}"
            found.faults.add(line, message, "text with a comma needs quotes")
            continue
        for at in columns:
            found.add(line, names[at], row[at])
