"""The target column of a table: whether it holds classes or measurements, and its labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError
from dnn_cli.formats.contents import MAX_CLASSES, Task
from dnn_cli.formats.csv_amounts import amount_hint, comma_in, comma_of, plain_amount
from dnn_cli.formats.csv_numbers import FILL_IN, number_fault, to_float
from dnn_cli.formats.csv_rows import Faults, find_file_delimiter, quoted

FEW = 20
"""Up to so many examples, each may have a class of its own; up to so many whole numbers are always classes."""

MAX_WHOLE = 2**53
"""Beyond, a float no longer tells neighbouring whole numbers apart."""


@dataclass(frozen=True)
class Column:
    """The cells of the target, stripped and not empty, and the lines they stand on."""

    path: str
    name: str
    cells: list[str]
    lines: list[int]

    @property
    def where(self) -> str:
        """The column in a message about all of it."""
        return f"{self.path}: column {self.name}"


@dataclass(frozen=True)
class Labels:
    """int32 classes of (n,) with their names, or float32 of (n, 1) without."""

    values: NDArray[Any]
    classes: tuple[str, ...]


def read_target(column: Column, task: Task, classes: tuple[str, ...] | None) -> Labels:
    """The labels in a target column.

    Args:
        column: The cells.
        task: What they are, or `auto`: a number that is not whole makes a regression, and so do many that do not
            count from 0 or 1, as classes do.
        classes: Of the training file, where this is a file beside it; empty for a regression.

    Raises:
        OwnDataError: a cell is not of its task, or the column has too few or too many classes.
    """
    fraction = next((cell for cell in dict.fromkeys(column.cells) if is_fraction(cell)), None)
    if classes is not None:
        task = "classification" if classes else "regression"
    elif task == "auto":
        check_amounts(column)
        task = "regression" if fraction is not None or are_measurements(column.cells) else "classification"
    if task == "regression":
        return measurements(column)
    if fraction is not None and not classes:
        line = column.lines[column.cells.index(fraction)]
        raise OwnDataError(
            f"{column.path}:{line}  column {column.name}: {quoted(fraction)} is not a whole number, and so no class",
            "task: regression predicts numbers",
        )
    return classify(column, classes)


def are_measurements(cells: list[str]) -> bool:
    """Whether whole numbers are more than a few, and no numbering of classes: prices, ages, years."""
    distinct = set(cells)
    numbers = {number for cell in distinct if (number := whole(cell)) is not None}
    if len(numbers) <= FEW or len(numbers) < len({class_name(cell, numeric=True) for cell in distinct}):
        return False
    return min(numbers) not in (0, 1) or max(numbers) - min(numbers) >= len(numbers)


def check_amounts(column: Column) -> None:
    """Refuse a column of numbers of which some are written as amounts, so that they would be taken for classes.

    Raises:
        OwnDataError: names the first such cell, and how many there are.
    """
    distinct = dict.fromkeys(column.cells)
    amounts = {cell for cell in distinct if to_float(cell) is None and plain_amount(cell)}
    if not amounts or any(cell not in amounts and to_float(cell) is None for cell in distinct):
        return
    places = [at for at, cell in enumerate(column.cells) if cell in amounts]
    first = column.cells[places[0]]
    others = f", one of {len(places):,} such cells" if len(places) > 1 else ""
    raise OwnDataError(
        f"{column.path}:{column.lines[places[0]]}  column {column.name}: {quoted(first)} looks like an amount{others}",
        f"{column_amount_hint(column, first)}; or task: classification, if the cells name classes",
    )


def column_amount_hint(column: Column, cell: str) -> str:
    """Return how to write an amount, from the other cells of its column and the delimiter of the file."""
    amounts = (one for one in dict.fromkeys(column.cells) if to_float(one) is None and plain_amount(one))
    return amount_hint(cell, comma_of(map(comma_in, amounts), find_file_delimiter(column.path)))


def measurements(column: Column) -> Labels:
    """The labels of a regression."""
    faults = {cell: fault for cell in dict.fromkeys(column.cells) if (fault := number_fault(cell))}
    amount = next((cell for cell in faults if plain_amount(cell)), None)
    hint = "task: classification takes text" if amount is None else column_amount_hint(column, amount)
    check_cells(column, {cell: message for cell, (message, _) in faults.items()}, hint)
    values = np.fromiter(map(float, column.cells), np.float64, len(column.cells))
    return Labels(values.astype(np.float32).reshape(-1, 1), ())


def classify(column: Column, known: tuple[str, ...] | None) -> Labels:
    """The labels of a classification: the number of each cell's class."""
    distinct = list(dict.fromkeys(column.cells))
    numeric = all(whole(cell) is not None for cell in known or distinct)
    names = {cell: class_name(cell, numeric) for cell in distinct}
    if known is None:
        check_missing(column, distinct)
        classes = in_order(set(names.values()), numeric)
        check_count(column, classes)
    else:
        classes = known
        strange = set(names.values()) - set(known)
        message = "is no class of the training file"
        faults = {cell: f"{quoted(cell)} {message}" for cell, name in names.items() if name in strange}
        check_cells(column, faults, f"its classes are {listed(known)}")
    numbers = {name: number for number, name in enumerate(classes)}
    codes = {cell: numbers[name] for cell, name in names.items()}
    return Labels(np.fromiter((codes[cell] for cell in column.cells), np.int32, len(column.cells)), classes)


def check_missing(column: Column, distinct: list[str]) -> None:
    """Refuse `nan`, which other programs write for a label that is missing."""
    missing = {cell: f"{quoted(cell)} is a missing label" for cell in distinct if cell.lower() == "nan"}
    check_cells(column, missing, FILL_IN)


def check_count(column: Column, classes: tuple[str, ...]) -> None:
    """Refuse what cannot be meant as classes: one, far too many, or one for each example."""
    examples = len(column.cells)
    if len(classes) < 2:
        raise OwnDataError(
            f"{column.where} holds only {quoted(classes[0])}", "a classification needs at least two classes"
        )
    if len(classes) > MAX_CLASSES or (len(classes) == examples and examples > FEW):
        numeric = all(whole(name) is not None for name in classes)
        raise OwnDataError(
            f"{column.where} holds {len(classes):,} classes in {examples:,} examples",
            "task: regression predicts numbers" if numeric else "data.target names the column to predict",
        )


def check_cells(column: Column, faults: dict[str, str], hint: str) -> None:
    """Refuse a column with any of these cells, each with its line."""
    found = Faults(column.path)
    for line, cell in zip(column.lines, column.cells, strict=True) if faults else ():
        if cell in faults:
            found.add(line, f"column {column.name}: {faults[cell]}", hint)
    found.check()


def is_fraction(cell: str) -> bool:
    """Whether a cell holds a number that is not whole."""
    value = to_float(cell)
    return value is not None and not value.is_integer()


def whole(cell: str) -> int | None:
    """The whole number in a cell, however it is written, or None."""
    value = to_float(cell)
    return int(value) if value is not None and value.is_integer() and abs(value) < MAX_WHOLE else None


def class_name(cell: str, numeric: bool) -> str:
    """The name of a cell's class: among whole numbers, `1` and `1.0` are the same."""
    number = whole(cell) if numeric else None
    return cell if number is None else str(number)


def in_order(names: set[str], numeric: bool) -> tuple[str, ...]:
    """Names by number if all are whole numbers, else by text."""
    return tuple(sorted(names, key=int) if numeric else sorted(names))


def listed(names: Iterable[str]) -> str:
    """The first names of many."""
    first = [quoted(name) for name in names]
    return ", ".join(first[:10]) + (", …" if len(first) > 10 else "")
