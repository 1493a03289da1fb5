"""A table in a CSV file: a row an example, one column to predict, all others numbers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError, nearest
from dnn_cli.formats.contents import Arrays, Contents, Task
from dnn_cli.formats.csv_faults import AS_IN_TRAINING, NumberFaults, ignore_hint
from dnn_cli.formats.csv_numbers import FILL_IN, to_float, to_floats
from dnn_cli.formats.csv_rows import Faults, Row, quoted, read_rows
from dnn_cli.formats.csv_target import Column, read_target
from dnn_cli.formats.files import file_status, opened

MAX_BYTES = 2_000_000_000
BLOCK = 4096
"""Rows converted at once; their text is then forgotten."""


@dataclass(frozen=True)
class Table:
    """A file, parsed."""

    contents: Contents
    arrays: Arrays


@dataclass(frozen=True)
class Header:
    """The names of the columns, and which of them is the target."""

    names: tuple[str, ...]
    target: int
    features: tuple[int, ...]
    """The columns that are inputs."""


@dataclass(frozen=True)
class Body:
    """What has been read below the header: numbers by block, and the target's cells with their lines."""

    inputs: list[NDArray[np.float32]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def inspect_csv(
    path: str, target: str | None, task: Task, classes: tuple[str, ...] | None = None, ignore: tuple[str, ...] = ()
) -> Contents:
    """What a table says of itself.

    Args:
        path: The file: UTF-8 with a header, its fields apart by commas, semicolons or tabs.
        target: The name of the column to predict, or None for the last.
        task: Whether it holds classes or numbers, or `auto`.
        classes: Of the training file, where this is a file beside it; empty for a regression.
        ignore: The names of columns that are no inputs.

    Raises:
        OwnDataError: the file is no such table; names the first faults with line and column.
    """
    return find_table(path, target, task, classes, ignore).contents


def read_csv(
    path: str, target: str | None, task: Task, classes: tuple[str, ...] | None = None, ignore: tuple[str, ...] = ()
) -> Arrays:
    """The examples of a table; arguments and errors as for `inspect_csv`. The arrays cannot be written to."""
    return find_table(path, target, task, classes, ignore).arrays


def find_table(
    path: str, target: str | None, task: Task, classes: tuple[str, ...] | None, ignore: tuple[str, ...]
) -> Table:
    """The parsed file, from memory if it has not changed since it was last parsed."""
    status = file_status(path)
    if status.st_size > MAX_BYTES:
        raise OwnDataError(
            f"{path} has {status.st_size / 1e9:,.1f} GB; a table may have {MAX_BYTES / 1e9:,.0f}", "use an .npz file"
        )
    return parse(path, status.st_mtime_ns, status.st_size, target, task, classes, ignore)


@lru_cache(maxsize=4)
def parse(
    path: str,
    mtime_ns: int,
    size: int,
    target: str | None,
    task: Task,
    classes: tuple[str, ...] | None,
    ignore: tuple[str, ...],
) -> Table:
    """The parsed file; time and size only tell the cache one state of it from another."""
    with opened(path) as stream:
        rows = read_rows(path, stream)
        header = read_header(path, next(rows, None), target, ignore)
        body = read_body(path, header, rows, ignore)
    name = header.names[header.target]
    labels = read_target(Column(path, name, body.targets, body.lines), task, classes)
    if name in labels.classes and to_float(name) is None:
        raise OwnDataError(f"{path}:1  is a row of data: {quoted(name)} is a class", "the first line names the columns")
    features = tuple(header.names[at] for at in header.features)
    inputs = np.concatenate(body.inputs).reshape(-1, len(features))
    for array in (inputs, labels.values):
        array.setflags(write=False)  # the cache holds the same arrays
    contents = Contents((len(features),), len(inputs), labels.classes, target=name, features=features)
    return Table(contents, Arrays(inputs, labels.values))


def read_header(path: str, row: Row | None, target: str | None, ignore: tuple[str, ...]) -> Header:
    """The header, if it names every column once, and the places of the target and of the inputs in it.

    Raises:
        OwnDataError: there is no header, it is not one, or it has no such columns.
    """
    if row is None:
        raise OwnDataError(f"{path} is empty", "the first line names the columns")
    line, names = row[0], tuple(cell.strip() for cell in row[1])
    faults = Faults(path)
    for at, name in enumerate(names, 1):
        if not name:
            faults.add(line, f"column {at} has no name", "name it, or remove it (pandas: to_csv(index=False))")
    for name, times in Counter(names).items():
        if name and times > 1:
            faults.add(line, f"column {name} is there {times} times", "every column needs a name of its own")
    faults.check()
    if len(names) < 2:
        raise OwnDataError(f"{path}:{line}  has only the column {names[0]}", "at least one more must hold the inputs")
    if all(to_float(name) is not None for name in names) and names != tuple(map(str, range(len(names)))):
        raise OwnDataError(f"{path}:{line}  holds numbers where the header should be", "name the columns there")
    for key, wanted in (("target", [target] if target is not None else []), ("ignore", ignore)):
        for name in wanted:
            if name not in names:
                known = f"the columns are {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
                raise OwnDataError(f"{path}:{line}  has no column {name}", nearest(name, names) or known, key)
    left = [at for at, name in enumerate(names) if name not in ignore]
    chosen = names.index(target) if target is not None else left[-1] if left else 0
    features = tuple(at for at in left if at != chosen)
    if not features:
        raise OwnDataError(f"{path}:{line}  has no column left for the inputs", "ignore fewer", "ignore")
    return Header(names, chosen, features)


def read_body(path: str, header: Header, rows: Iterator[Row], ignore: tuple[str, ...] | None = None) -> Body:
    """All rows below the header.

    Args:
        path: The file.
        header: The columns.
        rows: The rows.
        ignore: The columns of training data that are no inputs; None for data whose columns the training decided.

    Raises:
        OwnDataError: there are none, or some have faults.
    """
    body, faults = Body(), NumberFaults(Faults(path))
    interned: dict[str, str] = {}
    while block := list(islice(rows, BLOCK)):
        values = convert(header, block)
        if values is None:
            find_faults(header, block, faults)
            continue
        targets = (row[header.target].strip() for _, row in block)
        body.inputs.append(values)
        body.targets.extend(interned.setdefault(cell, cell) for cell in targets)
        body.lines.extend(line for line, _ in block)
    faults.check(lambda columns: AS_IN_TRAINING if ignore is None else ignore_hint(columns, ignore))
    if not body.inputs:
        raise OwnDataError(f"{path} has a header and no rows", "every row below it is an example")
    return body


def convert(header: Header, block: Iterable[Row]) -> NDArray[np.float32] | None:
    """The inputs in many rows, or None if any row has a fault."""
    width, at = len(header.names), header.target
    if not all(len(row) == width and row[at].strip() for _, row in block):
        return None
    return to_floats([row[column] for _, row in block for column in header.features])


def find_faults(header: Header, block: Iterable[Row], found: NumberFaults) -> None:
    """Note what is wrong with each of many rows."""
    for line, row in block:
        if len(row) != len(header.names):
            than = f"{'fewer' if len(row) < len(header.names) else 'more'} fields than the header"
            message = f"has {than}: {len(row)} instead of {len(header.names)}"
            found.faults.add(line, message, "text with a comma needs quotes")
            continue
        for at, (name, cell) in enumerate(zip(header.names, row, strict=True)):
            if at in header.features:
                found.add(line, name, cell)
            elif at == header.target and not cell.strip():
                found.faults.add(line, f"column {name}: is empty", FILL_IN)
