"""Target column of a table: a guess of its task, and its values as class numbers or floats."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.csv_amounts import (
    format_amount_hint,
    guess_cell_comma,
    guess_column_comma,
    is_percentage,
    normalize_amount,
)
from dnn_cli.formats.csv_errors import CsvErrors
from dnn_cli.formats.csv_numbers import MISSING_CELL_HINT, find_number_error, parse_float, quote_cell
from dnn_cli.formats.dataset_contents import CURRENT_RULES, MAX_CLASSES, Remark, TaskKind
from dnn_cli.formats.target_rules import MAX_OBVIOUS_CLASSES, are_measurements

_MAX_OTHER_SHARE = 0.05
"""Maximum share of cells that are not whole numbers in a target column of measurements."""

_MAX_EXACT_INTEGER = 2**53
"""Limit of whole numbers: a 64-bit float represents all whole numbers below this limit exactly."""


@dataclass(frozen=True)
class TargetColumn:
    """Cells of the target column with their line numbers. The cells are stripped and not empty."""

    path: str
    name: str
    cells: list[str]
    lines: list[int]
    delimiter: str = ","
    strip: tuple[str, ...] = ()
    """Texts that the option `strip` removes."""

    rules: int = CURRENT_RULES

    @property
    def message_prefix(self) -> str:
        """Name of the file and of the column, for messages about the whole column."""
        return f"{self.path}: column {self.name}"


@dataclass(frozen=True)
class CsvTargets:
    """Targets of a table.

    For a classification, `values` are int32 class numbers of shape (n,), and `classes` are the class names. For a
    regression, `values` are float32 of shape (n, 1), and `classes` is empty.
    """

    values: NDArray[Any]
    classes: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()
    """Remark about the task, if the targets are whole numbers and the task was not chosen."""

    @property
    def task(self) -> TaskKind:
        return "classification" if self.classes else "regression"


def parse_csv_targets(column: TargetColumn, task: TaskKind, classes: tuple[str, ...] | None) -> CsvTargets:
    """Parse the cells of a target column.

    Args:
        column: The target column.
        task: The task, or `auto`. With `auto`, a number that is not whole means a regression. Many whole numbers also
            mean a regression, unless they run from 0 or 1 without gaps, like class numbers.
        classes: The classes of the training file, if this is a validation or test file; empty for a regression. `None`
            for a training file.

    Raises:
        UserDataError: a cell does not suit the task, or the column has only one class or too many classes.
    """
    fraction = next((cell for cell in dict.fromkeys(column.cells) if _is_fraction(cell)), None)
    if classes is not None:
        task = "classification" if classes else "regression"
    elif task == "auto":
        _check_no_amounts(column)
        task = "regression" if fraction is not None or _are_measurements(column) else "classification"
        return replace(parse_csv_targets(column, task, None), remarks=_build_task_remarks(column, task))
    if task == "regression":
        return _parse_regression_targets(column)
    if fraction is not None and not classes:
        line = column.lines[column.cells.index(fraction)]
        raise UserDataError(
            f"{column.path}:{line}  column {column.name}: {quote_cell(fraction)} is not a whole "
            "number, so it cannot be a class",
            "use task: regression to predict numbers",
        )
    return _parse_class_targets(column, classes)


def _build_task_remarks(column: TargetColumn, task: TaskKind) -> tuple[Remark, ...]:
    """Build the remark about a task that was decided by the number of different whole numbers."""
    distinct = set(column.cells)
    if any(_parse_whole_number(cell) is None for cell in distinct):
        return ()
    counted = f"column {column.name}: {len(distinct):,} different whole numbers"
    if task == "regression":
        override = "" if _has_too_many_classes(column, len(distinct)) else "data.task=classification"
        return (Remark(f"{counted} with gaps are a regression", override),)
    reason = "are classes" if len(distinct) <= MAX_OBVIOUS_CLASSES else "without gaps are classes"
    return (Remark(f"{counted} {reason}", "data.task=regression"),)


def _are_measurements(column: TargetColumn) -> bool:
    """Return whether the cells hold many whole numbers that are not class numbers, such as prices, ages or years.

    A few other cells, such as `<10`, do not turn measurements into classes. They are errors of a regression.
    """
    distinct = set(column.cells)
    numbers = {number for cell in distinct if (number := _parse_whole_number(cell)) is not None}
    others = {cell for cell in distinct if _parse_whole_number(cell) is None}
    max_others = 0 if column.rules == 1 else _MAX_OTHER_SHARE * len(column.cells)
    if not numbers or (others and sum(map(others.__contains__, column.cells)) > max_others):
        return False
    return are_measurements(len(numbers), min(numbers), max(numbers))


def _check_no_amounts(column: TargetColumn) -> None:
    """Raise an error if targets are written with separators or a currency, such as `$1,200`.

    Such targets would be mistaken for class names. A column with few different amounts and other text has class names,
    and passes.

    Raises:
        UserDataError: the column has such targets. The message names the first and counts all.
    """
    distinct = dict.fromkeys(column.cells)
    amounts = {cell for cell in distinct if parse_float(cell) is None and normalize_amount(cell)}
    if column.rules == 1:
        # Version 1 read percentages as class names.
        amounts = {cell for cell in amounts if not is_percentage(cell)}
    has_text = any(cell not in amounts and parse_float(cell) is None for cell in distinct)
    if not amounts or (has_text and (column.rules == 1 or len(amounts) <= MAX_OBVIOUS_CLASSES)):
        return
    indices = [at for at, cell in enumerate(column.cells) if cell in amounts]
    first = column.cells[indices[0]]
    others = f" ({len(indices):,} such cells in total)" if len(indices) > 1 else ""
    raise UserDataError(
        f"{column.path}:{column.lines[indices[0]]}  column {column.name}: {quote_cell(first)} "
        f"is a number with separators or a currency{others}",
        _format_column_amount_hint(column, first, "use task: classification if the cells are class names"),
    )


def _format_column_amount_hint(column: TargetColumn, cell: str, alternative: str = "") -> str:
    """Format a hint that gives the plain number to write instead of an amount, such as `1200` for `$1,200`.

    The meaning of commas is guessed from the column and the delimiter.
    """
    amounts = (
        other_cell
        for other_cell in dict.fromkeys(column.cells)
        if parse_float(other_cell) is None and normalize_amount(other_cell)
    )
    comma = guess_column_comma(map(guess_cell_comma, amounts), column.delimiter)
    return format_amount_hint(cell, comma, column.strip, alternative)


def _parse_regression_targets(column: TargetColumn) -> CsvTargets:
    """Parse the targets of a regression."""
    errors = {cell: error for cell in dict.fromkeys(column.cells) if (error := find_number_error(cell))}
    amount = next((cell for cell in errors if normalize_amount(cell)), None)
    hint = (
        "correct these cells, or use task: classification for text"
        if amount is None
        else _format_column_amount_hint(column, amount)
    )
    _check_cells(column, {cell: message for cell, (message, _) in errors.items()}, hint)
    values = np.fromiter(map(float, column.cells), np.float64, len(column.cells))
    return CsvTargets(values.astype(np.float32).reshape(-1, 1), ())


def _parse_class_targets(column: TargetColumn, known_classes: tuple[str, ...] | None) -> CsvTargets:
    """Parse the targets of a classification into class numbers.

    `known_classes` are the classes of the training file. They are `None` if `column` is from the training file.
    """
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
        message = "is not a class of the training file"
        errors = {cell: f"{quote_cell(cell)} {message}" for cell, name in names.items() if name in unknown_names}
        _check_cells(column, errors, f"use one of {format_names(known_classes)}")
    numbers = {name: number for number, name in enumerate(classes)}
    codes = {cell: numbers[name] for cell, name in names.items()}
    return CsvTargets(np.fromiter((codes[cell] for cell in column.cells), np.int32, len(column.cells)), classes)


def _check_no_missing(column: TargetColumn, distinct: list[str]) -> None:
    """Raise an error if a target is `nan`, which other programs write for a missing target."""
    missing = {cell: f"{quote_cell(cell)} is a missing target" for cell in distinct if cell.lower() == "nan"}
    _check_cells(column, missing, MISSING_CELL_HINT)


def _has_too_many_classes(column: TargetColumn, count: int) -> bool:
    """Return whether a number of classes is too large, or every example of a file that is not tiny has its own."""
    examples = len(column.cells)
    return count > MAX_CLASSES or (count == examples and examples > MAX_OBVIOUS_CLASSES)


def _check_class_count(column: TargetColumn, classes: tuple[str, ...]) -> None:
    """Raise an error if the column has only one class, too many classes, or a different class for every example.

    A file of at most `MAX_OBVIOUS_CLASSES` examples may have a different class for every example.
    """
    examples = len(column.cells)
    if len(classes) < 2:
        raise UserDataError(
            f"{column.message_prefix} contains only the class {quote_cell(classes[0])}",
            "a classification needs at least two classes",
        )
    if _has_too_many_classes(column, len(classes)):
        numeric = all(_parse_whole_number(name) is not None for name in classes)
        raise UserDataError(
            f"{column.message_prefix} has {len(classes):,} classes in {examples:,} examples",
            "use task: regression to predict numbers" if numeric else "set data.target to the column to predict",
        )


def _check_cells(column: TargetColumn, messages: dict[str, str], hint: str) -> None:
    """Raise an error if the text of a cell is a key of `messages`. The error lists the first cells with their lines.

    Args:
        column: The target column.
        messages: The error messages, by the text of the cell.
        hint: The suggestion for all these cells.
    """
    errors = CsvErrors(column.path)
    for line, cell in zip(column.lines, column.cells, strict=True) if messages else ():
        if cell in messages:
            errors.add_error(line, f"column {column.name}: {messages[cell]}", hint)
    errors.raise_if_any()


def _is_fraction(cell: str) -> bool:
    """Return whether a cell holds a number that is not whole."""
    value = parse_float(cell)
    return value is not None and not value.is_integer()


def _parse_whole_number(cell: str) -> int | None:
    """Parse the whole number in a cell, which may be written as `1.0`. For other cells, return `None`."""
    value = parse_float(cell)
    return int(value) if value is not None and value.is_integer() and abs(value) < _MAX_EXACT_INTEGER else None


def _normalize_class_name(cell: str, numeric: bool) -> str:
    """Return the class name of a cell. If `numeric`, all classes are whole numbers, and the name of `1.0` is `1`."""
    number = _parse_whole_number(cell) if numeric else None
    return cell if number is None else str(number)


def _sort_class_names(names: set[str], numeric: bool) -> tuple[str, ...]:
    """Sort class names: by number if `numeric`, when all names are whole numbers; else by text."""
    return tuple(sorted(names, key=int) if numeric else sorted(names))


def format_names(names: Iterable[str]) -> str:
    """Format the first 10 names in quotes, separated by commas."""
    first = [quote_cell(name) for name in names]
    return ", ".join(first[:10]) + (", …" if len(first) > 10 else "")
