"""Tables in CSV files. Each row is an example: one column holds the targets, and the input columns hold numbers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.csv_numbers import (
    MISSING_CELL_HINT,
    NUMBERS_REQUIRED_HINT,
    NumberErrors,
    format_ignore_hint,
    parse_float,
    parse_floats,
)
from dnn_cli.formats.csv_rows import CsvErrors, CsvRow, quote_cell, read_rows
from dnn_cli.formats.csv_targets import TargetColumn, parse_csv_targets
from dnn_cli.formats.dataset_contents import DatasetContents, ExampleArrays
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.safe_open import open_regular_file, stat_regular_file

MAX_CSV_BYTES = 2_000_000_000
HEADER_HINT = "add a first line with the names of the columns"
ROWS_PER_BLOCK = 4096
"""Number of rows that are read as text and then converted to numbers together. The limit saves memory."""


@dataclass(frozen=True)
class _CsvTable:
    """Parsed table: its description, and its inputs and targets as arrays."""

    contents: DatasetContents
    arrays: ExampleArrays


@dataclass(frozen=True)
class CsvHeader:
    """Names of the columns, with the positions of the target and of the inputs."""

    names: tuple[str, ...]
    target_index: int
    feature_indices: tuple[int, ...]
    """Positions of the input columns."""


@dataclass(frozen=True)
class _CsvBody:
    """Rows below the header: one array of inputs for each block of rows, and the target cells with line numbers."""

    inputs: list[NDArray[np.float32]] = field(default_factory=list)
    target_cells: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def inspect_csv(path: str, options: CsvOptions, classes: tuple[str, ...] | None = None) -> DatasetContents:
    """Return a description of a CSV file: input shape, number of examples, classes and column names.

    Args:
        path: The path of a UTF-8 text file with a header, and with commas, semicolons or tabs between the fields.
        options: The options of the reader. Without a target, the last column that is not ignored is the target.
        classes: The classes of the training file, if this is a validation or test file; empty for a regression. `None`
            for a training file.

    Raises:
        UserDataError: the file is not a valid table, or is too large. A message about invalid cells gives line and
            column.
    """
    return _load_table(path, options, classes).contents


def read_csv(path: str, options: CsvOptions, classes: tuple[str, ...] | None = None) -> ExampleArrays:
    """Read the examples of a table into read-only arrays. Arguments and errors are those of `inspect_csv`."""
    return _load_table(path, options, classes).arrays


def _load_table(path: str, options: CsvOptions, classes: tuple[str, ...] | None) -> _CsvTable:
    """Load a table. An unchanged file is parsed only once.

    Raises:
        UserDataError: the file is too large, or is not a valid table.
    """
    status = stat_regular_file(path)
    if status.st_size > MAX_CSV_BYTES:
        raise UserDataError(
            f"{path} has {status.st_size / 1e9:,.1f} GB; the limit is {MAX_CSV_BYTES / 1e9:,.0f} GB",
            "use an .npz file",
        )
    return parse_table(path, status.st_mtime_ns, status.st_size, options, classes)


@lru_cache(maxsize=4)
def parse_table(
    path: str,
    mtime_ns: int,
    size: int,
    options: CsvOptions,
    classes: tuple[str, ...] | None,
) -> _CsvTable:
    """Parse a table. Results are cached by modification time and size, so that a changed file is parsed again."""
    with open_regular_file(path) as stream:
        rows = read_rows(path, stream)
        header = _parse_header(path, next(rows, None), options.target, options.ignore)
        body = read_body(path, header, rows, options.ignore)
    name = header.names[header.target_index]
    targets = parse_csv_targets(TargetColumn(path, name, body.target_cells, body.lines), options.task, classes)
    if name in targets.classes and parse_float(name) is None:
        raise UserDataError(f"{path}:1  is not a header: {quote_cell(name)} is a class", HEADER_HINT)
    features = tuple(header.names[index] for index in header.feature_indices)
    inputs = np.concatenate(body.inputs).reshape(-1, len(features))
    for array in (inputs, targets.values):
        # The cache returns the same arrays to every caller.
        array.setflags(write=False)
    contents = DatasetContents((len(features),), len(inputs), targets.classes, target=name, features=features)
    return _CsvTable(contents, ExampleArrays(inputs, targets.values))


def _parse_header(path: str, row: CsvRow | None, target: str | None, ignore: tuple[str, ...]) -> CsvHeader:
    """Parse the header into names and the positions of the target and of the inputs.

    Raises:
        UserDataError: the header is missing, names a column twice, holds data, or lacks a column.
    """
    if row is None:
        raise UserDataError(f"{path} is empty", HEADER_HINT)
    line, names = row[0], tuple(cell.strip() for cell in row[1])
    errors = CsvErrors(path)
    for index, name in enumerate(names, 1):
        if not name:
            errors.add_error(
                line, f"column {index} has no name", "name or remove the column (pandas: to_csv(index=False))"
            )
    for name, times in Counter(names).items():
        if name and times > 1:
            errors.add_error(line, f"column {name} occurs {times} times", "use a different name for each column")
    errors.raise_if_any()
    if len(names) < 2:
        raise UserDataError(f"{path}:{line}  has only the column {names[0]}", "add at least one column of inputs")
    if all(parse_float(name) is not None for name in names) and names != tuple(map(str, range(len(names)))):
        raise UserDataError(f"{path}:{line}  contains numbers instead of a header", HEADER_HINT)
    for key, requested in (("target", [target] if target is not None else []), ("ignore", ignore)):
        for name in requested:
            if name not in names:
                column_list = f"use one of {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
                raise UserDataError(
                    f"{path}:{line}  has no column {name}", suggest_nearest_name(name, names) or column_list, key
                )
    remaining = [index for index, name in enumerate(names) if name not in ignore]
    target_index = names.index(target) if target is not None else remaining[-1] if remaining else 0
    features = tuple(index for index in remaining if index != target_index)
    if not features:
        raise UserDataError(f"{path}:{line}  has no columns left for the inputs", "ignore fewer columns", "ignore")
    return CsvHeader(names, target_index, features)


def read_body(path: str, header: CsvHeader, rows: Iterator[CsvRow], ignore: tuple[str, ...] | None = None) -> _CsvBody:
    """Read all rows below the header.

    Args:
        path: The path of the file, for messages.
        header: The header of the table.
        rows: The rows below the header.
        ignore: The columns that the config of training data ignores, for suggestions. `None` for an evaluation, which
            needs the same columns as the training.

    Raises:
        UserDataError: the table has no rows, or some rows have errors.
    """
    body, errors = _CsvBody(), NumberErrors(CsvErrors(path))
    interned: dict[str, str] = {}
    while block := list(islice(rows, ROWS_PER_BLOCK)):
        values = _convert_inputs(header, block)
        if values is None:
            _add_row_errors(header, block, errors)
            continue
        cells = (row[header.target_index].strip() for _, row in block)
        body.inputs.append(values)
        body.target_cells.extend(interned.setdefault(target_cell, target_cell) for target_cell in cells)
        body.lines.extend(line for line, _ in block)
    errors.raise_if_any(
        lambda columns: NUMBERS_REQUIRED_HINT if ignore is None else format_ignore_hint(columns, ignore)
    )
    if not body.inputs:
        raise UserDataError(f"{path} has a header but no rows", "add one row for each example")
    return body


def _convert_inputs(header: CsvHeader, block: Iterable[CsvRow]) -> NDArray[np.float32] | None:
    """Convert the inputs of a block of rows into a flat array, or return `None` if a row has an error."""
    width, target_index = len(header.names), header.target_index
    if not all(len(row) == width and row[target_index].strip() for _, row in block):
        return None
    return parse_floats([row[column] for _, row in block for column in header.feature_indices])


def _add_row_errors(header: CsvHeader, block: Iterable[CsvRow], errors: NumberErrors) -> None:
    """Add the errors in a block of rows to `errors`."""
    for line, row in block:
        if len(row) != len(header.names):
            comparison = f"{'fewer' if len(row) < len(header.names) else 'more'} fields than the header"
            message = f"has {comparison}: {len(row)} instead of {len(header.names)}"
            errors.errors.add_error(line, message, "put quotes around text that contains a comma")
            continue
        for at, (name, cell) in enumerate(zip(header.names, row, strict=True)):
            if at in header.feature_indices:
                errors.add_cell(line, name, cell)
            elif at == header.target_index and not cell.strip():
                errors.errors.add_error(line, f"column {name}: the cell is empty", MISSING_CELL_HINT)
