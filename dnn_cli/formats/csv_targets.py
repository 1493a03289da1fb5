"""The target column of a table: whether it holds classes or numbers, and its values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_numbers import (
    MISSING_CELL_HINT,
    find_number_error,
    format_amount_hint,
    guess_cell_comma,
    guess_column_comma,
    normalize_amount,
    parse_float,
)
from dnn_cli.formats.csv_rows import CsvErrors, find_file_delimiter, quote_cell
from dnn_cli.formats.dataset_contents import MAX_CLASSES, TaskKind

_MAX_OBVIOUS_CLASSES = 20
"""Up to so many examples, each may have a class of its own; up to so many whole numbers are always classes."""

_MAX_EXACT_INTEGER = 2**53
"""Largest whole number up to which a float represents all whole numbers exactly."""


@dataclass(frozen=True)
class TargetColumn:
    """The cells of the target, stripped and not empty, and the lines they stand on."""

    path: str
    name: str
    cells: list[str]
    lines: list[int]

    @property
    def message_prefix(self) -> str:
        """The column in a message about all of it."""
        return f"{self.path}: column {self.name}"


@dataclass(frozen=True)
class _CsvTargets:
    """int32 classes of (n,) with their names, or float32 of (n, 1) without."""

    values: NDArray[Any]
    classes: tuple[str, ...]


def parse_csv_targets(column: TargetColumn, task: TaskKind, classes: tuple[str, ...] | None) -> _CsvTargets:
    """Return the targets in a target column.

    Args:
        column: The cells.
        task: What they are, or `auto`: a number that is not whole makes a regression, and so do many that do not
            count from 0 or 1, as classes do.
        classes: Classes of the training file, for a validation or test file; empty for a regression.

    Raises:
        UserDataError: a cell does not suit its task, or the column has too few or too many classes.
    """
    fraction = next((cell for cell in dict.fromkeys(column.cells) if _is_fraction(cell)), None)
    if classes is not None:
        task = "classification" if classes else "regression"
    elif task == "auto":
        _check_no_amounts(column)
        task = "regression" if fraction is not None or _are_measurements(column.cells) else "classification"
    if task == "regression":
        return _parse_regression_targets(column)
    if fraction is not None and not classes:
        line = column.lines[column.cells.index(fraction)]
        raise UserDataError(
            f"{column.path}:{line}  column {column.name}: {quote_cell(fraction)} is not a whole "
            "number, and so no class",
            "task: regression predicts numbers",
        )
    return _parse_class_targets(column, classes)


def _are_measurements(cells: list[str]) -> bool:
    """Whether whole numbers are more than a few, and no numbering of classes: prices, ages, years."""
    distinct = set(cells)
    numbers = {number for cell in distinct if (number := _parse_whole_number(cell)) is not None}
    if len(numbers) <= _MAX_OBVIOUS_CLASSES or len(numbers) < len(
        {_normalize_class_name(cell, numeric=True) for cell in distinct}
    ):
        return False
    return min(numbers) not in (0, 1) or max(numbers) - min(numbers) >= len(numbers)


def _check_no_amounts(column: TargetColumn) -> None:
    """Raise an error if some numbers of a column are written as amounts, as they would be taken for classes.

    Raises:
        UserDataError: there are such cells; the message names the first and counts all.
    """
    distinct = dict.fromkeys(column.cells)
    amounts = {cell for cell in distinct if parse_float(cell) is None and normalize_amount(cell)}
    if not amounts or any(cell not in amounts and parse_float(cell) is None for cell in distinct):
        return
    indices = [at for at, cell in enumerate(column.cells) if cell in amounts]
    first = column.cells[indices[0]]
    others = f", one of {len(indices):,} such cells" if len(indices) > 1 else ""
    raise UserDataError(
        f"{column.path}:{column.lines[indices[0]]}  column {column.name}: {quote_cell(first)} "
        f"looks like an amount{others}",
        f"{_format_column_amount_hint(column, first)}; or task: classification, if the cells name classes",
    )


def _format_column_amount_hint(column: TargetColumn, cell: str) -> str:
    """Return how to write an amount, from the other cells of its column and the delimiter of the file."""
    amounts = (
        other_cell
        for other_cell in dict.fromkeys(column.cells)
        if parse_float(other_cell) is None and normalize_amount(other_cell)
    )
    return format_amount_hint(
        cell, guess_column_comma(map(guess_cell_comma, amounts), find_file_delimiter(column.path))
    )


def _parse_regression_targets(column: TargetColumn) -> _CsvTargets:
    """The labels of a regression."""
    errors = {cell: error for cell in dict.fromkeys(column.cells) if (error := find_number_error(cell))}
    amount = next((cell for cell in errors if normalize_amount(cell)), None)
    hint = "task: classification takes text" if amount is None else _format_column_amount_hint(column, amount)
    _check_cells(column, {cell: message for cell, (message, _) in errors.items()}, hint)
    values = np.fromiter(map(float, column.cells), np.float64, len(column.cells))
    return _CsvTargets(values.astype(np.float32).reshape(-1, 1), ())


def _parse_class_targets(column: TargetColumn, known_classes: tuple[str, ...] | None) -> _CsvTargets:
    """The labels of a classification: the number of each cell's class."""
    distinct = list(dict.fromkeys(column.cells))
    numeric = all(_parse_whole_number(cell) is not None for cell in known_classes or distinct)
    names = {cell: _normalize_class_name(cell, numeric) for cell in distinct}
    if known_classes is None:
        _check_no_missing(column, distinct)
        classes = _sort_class_names(set(names.values()), numeric)
        _check_class_count(column, classes)
    else:
        classes = known_classes
        unknown_names = set(names.values()) - set(known_classes)
        message = "is no class of the training file"
        errors = {cell: f"{quote_cell(cell)} {message}" for cell, name in names.items() if name in unknown_names}
        _check_cells(column, errors, f"its classes are {format_names(known_classes)}")
    numbers = {name: number for number, name in enumerate(classes)}
    codes = {cell: numbers[name] for cell, name in names.items()}
    return _CsvTargets(np.fromiter((codes[cell] for cell in column.cells), np.int32, len(column.cells)), classes)


def _check_no_missing(column: TargetColumn, distinct: list[str]) -> None:
    """Refuse `nan`, which other programs write for a label that is missing."""
    missing = {cell: f"{quote_cell(cell)} is a missing label" for cell in distinct if cell.lower() == "nan"}
    _check_cells(column, missing, MISSING_CELL_HINT)


def _check_class_count(column: TargetColumn, classes: tuple[str, ...]) -> None:
    """Refuse what cannot be meant as classes: one, far too many, or one for each example."""
    examples = len(column.cells)
    if len(classes) < 2:
        raise UserDataError(
            f"{column.message_prefix} holds only {quote_cell(classes[0])}",
            "a classification needs at least two classes",
        )
    if len(classes) > MAX_CLASSES or (len(classes) == examples and examples > _MAX_OBVIOUS_CLASSES):
        numeric = all(_parse_whole_number(name) is not None for name in classes)
        raise UserDataError(
            f"{column.message_prefix} holds {len(classes):,} classes in {examples:,} examples",
            "task: regression predicts numbers" if numeric else "data.target names the column to predict",
        )


def _check_cells(column: TargetColumn, messages: dict[str, str], hint: str) -> None:
    """Refuse a column with any of these cells, each with its line."""
    errors = CsvErrors(column.path)
    for line, cell in zip(column.lines, column.cells, strict=True) if messages else ():
        if cell in messages:
            errors.add_error(line, f"column {column.name}: {messages[cell]}", hint)
    errors.raise_if_any()


def _is_fraction(cell: str) -> bool:
    """Whether a cell holds a number that is not whole."""
    value = parse_float(cell)
    return value is not None and not value.is_integer()


def _parse_whole_number(cell: str) -> int | None:
    """The whole number in a cell, however it is written, or None."""
    value = parse_float(cell)
    return int(value) if value is not None and value.is_integer() and abs(value) < _MAX_EXACT_INTEGER else None


def _normalize_class_name(cell: str, numeric: bool) -> str:
    """The name of a cell's class: among whole numbers, `1` and `1.0` are the same."""
    number = _parse_whole_number(cell) if numeric else None
    return cell if number is None else str(number)


def _sort_class_names(names: set[str], numeric: bool) -> tuple[str, ...]:
    """Names by number if all are whole numbers, else by text."""
    return tuple(sorted(names, key=int) if numeric else sorted(names))


def format_names(names: Iterable[str]) -> str:
    """The first names of many."""
    first = [quote_cell(name) for name in names]
    return ", ".join(first[:10]) + (", …" if len(first) > 10 else "")
