"""The labels in an array: whole numbers, text or one-hot rows are classes, other numbers are to be predicted."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import OwnDataError
from dnn_cli.formats.contents import MAX_CLASSES, Task

MAX_TARGETS = 10_000
REGRESSION = "task: regression predicts numbers"


@dataclass(frozen=True)
class Labels:
    """int32 classes of (n,) with their names, or float32 of (n, targets) without."""

    values: NDArray[Any]
    classes: tuple[str, ...] = ()

    @property
    def targets(self) -> int:
        """How many numbers are to be predicted of an example."""
        return 1 if self.classes else int(self.values.shape[1])


def read_labels(where: str, y: NDArray[Any], task: Task, known: Labels | None = None) -> Labels:
    """The labels in an array of (n,) or (n, k).

    Args:
        where: The array's name in messages.
        y: The array.
        task: What it holds, or `auto`: floats make a regression, unless their rows are one-hot.
        known: The labels of the training part, of which these must be.

    Raises:
        OwnDataError: the array holds no labels of its task.
    """
    check_type(where, y)
    if known is not None:
        task = "classification" if known.classes else "regression"
    column = y.reshape(-1) if y.ndim == 1 or y.shape[1] == 1 else y
    if y.dtype.kind == "U":
        return named(where, column, task, known)
    hot = column.ndim == 2 and is_one_hot(column)
    if task == "regression" or (task == "auto" and y.dtype.kind == "f" and not hot):
        return measurements(where, y)
    if column.ndim == 2 and not hot:
        raise OwnDataError(f"{where} has the shape {y.shape}, and its rows are not one-hot", REGRESSION)
    width = column.shape[1] if column.ndim == 2 else None
    return numbered(where, column.argmax(axis=1) if hot else column, width, known)


def check_type(where: str, y: NDArray[Any]) -> None:
    """Refuse what is neither numbers nor text, or has no axis or too many."""
    if y.dtype.kind not in "biufU":
        raise OwnDataError(f"{where} holds {y.dtype}, which are no labels", "save numbers, or text with dtype=str")
    if y.ndim not in (1, 2) or not y.size:
        raise OwnDataError(f"{where} has the shape {y.shape}", "labels have the shape (n,) or (n, k)")


def is_one_hot(y: NDArray[Any]) -> bool:
    """Whether every row is 1 in one place and 0 in all others."""
    return bool((((y == 0) | (y == 1)).all(axis=1) & ((y == 1).sum(axis=1) == 1)).all())


def measurements(where: str, y: NDArray[Any]) -> Labels:
    """The labels of a regression."""
    values = to_floats(where, y).reshape(len(y), -1)
    if values.shape[1] > MAX_TARGETS:
        raise OwnDataError(f"{where} has {values.shape[1]:,} numbers an example; {MAX_TARGETS:,} is the most")
    return Labels(values)


def numbered(where: str, numbers: NDArray[Any], width: int | None, known: Labels | None) -> Labels:
    """The labels of classes that are numbered from 0; `width` of them are there at least, in one-hot rows."""
    if numbers.dtype.kind == "f" and not (numbers == np.floor(numbers)).all():  # false for nan, too
        first = int(np.argmin(numbers == np.floor(numbers)))
        raise OwnDataError(f"{where}[{first}] is {numbers[first]}, not a whole number, and so no class", REGRESSION)
    if (numbers < 0).any():
        first = int(np.argmax(numbers < 0))
        raise OwnDataError(f"{where}[{first}] is {numbers[first]}: classes are numbered from 0", REGRESSION)
    if known is not None:
        if known.classes != count_names(len(known.classes)):
            raise OwnDataError(f"{where} holds numbers where the training labels are text")
        check_known(where, numbers, len(known.classes))
        return Labels(numbers.astype(np.int32), known.classes)
    highest = max(int(numbers.max()), (width or 1) - 1) if np.isfinite(numbers.max()) else MAX_CLASSES
    if highest >= MAX_CLASSES:
        raise OwnDataError(f"{where} goes up to {numbers.max()}; classes go up to {MAX_CLASSES - 1:,}", REGRESSION)
    if highest == 0:
        raise OwnDataError(f"{where} holds only the class 0", "a classification needs at least two classes")
    return Labels(numbers.astype(np.int32), count_names(highest + 1))


def check_known(where: str, numbers: NDArray[Any], count: int) -> None:
    """Refuse labels beyond the classes that were trained."""
    if (beyond := numbers >= count).any():
        first = int(np.argmax(beyond))
        raise OwnDataError(
            f"{where}[{first}]: label {numbers[first]} is no class: they are numbered 0 to {count - 1}",
            "the training labels must hold every class",
        )


def named(where: str, y: NDArray[Any], task: Task, known: Labels | None) -> Labels:
    """The labels of classes that have names."""
    if task == "regression":
        raise OwnDataError(f"{where} holds text, and a regression needs numbers", "task: classification takes text")
    if y.ndim != 1:
        raise OwnDataError(f"{where} has the shape {y.shape}", "labels that are text have the shape (n,)")
    check_text(where, y)
    names, numbers = np.unique(y, return_inverse=True)
    classes = tuple(map(str, names))
    if known is not None:
        return renumbered(where, classes, numbers, known.classes)
    if len(classes) < 2:
        raise OwnDataError(f"{where} holds only {classes[0]!r}", "a classification needs at least two classes")
    if len(classes) > MAX_CLASSES:
        raise OwnDataError(f"{where} holds {len(classes):,} classes; {MAX_CLASSES:,} is the most")
    return Labels(numbers.reshape(-1).astype(np.int32), classes)


def renumbered(where: str, names: tuple[str, ...], numbers: NDArray[Any], known: tuple[str, ...]) -> Labels:
    """Labels by the numbers that the training part has given to the same names."""
    places_of = {name: place for place, name in enumerate(known)}
    if strange := [name for name in names if name not in places_of]:
        raise OwnDataError(f"{where}: {strange[0]!r} is no class of the training labels")
    places = np.array([places_of[name] for name in names], np.int32)
    return Labels(places[numbers.reshape(-1)], known)


def check_text(where: str, y: NDArray[np.str_]) -> None:
    """Refuse labels that are empty, or not text but only say so."""
    codes = np.ascontiguousarray(y, y.dtype.newbyteorder("=")).view(np.uint32)
    if ((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any():  # Python cannot print such
        raise OwnDataError(f"{where} holds a label that is no Unicode text", "save it again as text")
    if (np.strings.str_len(np.strings.strip(y)) == 0).any():
        raise OwnDataError(f"{where} holds an empty label", "give every example a label, or remove it")


def count_names(count: int) -> tuple[str, ...]:
    """The names of classes that have only numbers."""
    return tuple(map(str, range(count)))


def to_floats(where: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Numbers as float32.

    Raises:
        OwnDataError: one is not finite, or too large; names the first.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats = np.ascontiguousarray(array, np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        first = tuple(int(at) for at in np.unravel_index(np.argmin(finite), floats.shape))
        place = ", ".join(map(str, first))
        count = finite.size - int(finite.sum())
        more = f"; {count:,} such values in all" if count > 1 else ""
        raise OwnDataError(
            f"{where}[{place}] is {array[first]}, which is no finite 32-bit float{more}",
            "replace or remove these examples",
        )
    return floats
