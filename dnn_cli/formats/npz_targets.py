"""Targets in an array. Whole numbers, text and one-hot rows are classes; other numbers are targets of a regression."""

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import CURRENT_RULES, MAX_CLASSES, Remark, TaskKind
from dnn_cli.formats.target_rules import are_measurements
from dnn_cli.formats.whole_numbers import REGRESSION_HINT, are_whole, check_whole, number_distinct_values

_MAX_TARGETS = 10_000
_BOOL_CLASSES = ("False", "True")


@dataclass(frozen=True)
class NpzTargets:
    """Targets from an array.

    For a classification, `values` are int32 class numbers of shape (n,), and `classes` are the class names. For a
    regression, `values` are float32 of shape (n, targets), and `classes` is empty.
    """

    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    remark: Remark | None = None
    """Decision that numbers are classes or measurements; `None` if the form of the targets leaves no choice."""

    @property
    def target_count(self) -> int:
        """Number of values to predict for one example."""
        return 1 if self.classes else int(self.values.shape[1])


def parse_npz_targets(
    array_name: str,
    y: NDArray[Any],
    task: TaskKind,
    training_targets: NpzTargets | None = None,
    rules: int = CURRENT_RULES,
) -> NpzTargets:
    """Parse the targets in an array of shape (n,) or (n, k).

    Args:
        array_name: The name of the array in messages.
        y: The array.
        task: The task, or `auto`. With `auto`, the values of the array decide: text, truth values, one-hot rows and
            class numbers are classes, and other numbers are targets of a regression.
        training_targets: The targets of the training split, which determine the task and the classes.
        rules: The version of the rules. By rules 1, all floats except one-hot rows are targets of a regression, and
            all other numbers are class numbers from 0.

    Raises:
        UserDataError: the array does not hold targets of the task.
    """
    check_target_type(array_name, y)
    if training_targets is not None:
        task = "classification" if training_targets.classes else "regression"
    column = y.reshape(-1) if y.ndim == 1 or y.shape[1] == 1 else y
    if y.dtype.kind == "U":
        return _build_named_targets(array_name, column, task, training_targets)
    is_one_hot_array = column.ndim == 2 and _is_one_hot(column)
    chooses_by_type = task == "auto" and y.dtype.kind == "f" and (rules == 1 or column.ndim == 2)
    if task == "regression" or (chooses_by_type and not is_one_hot_array):
        return _build_regression_targets(array_name, y)
    if column.ndim == 2 and not is_one_hot_array:
        raise UserDataError(f"{array_name} has the shape {y.shape}, but its rows are not one-hot", REGRESSION_HINT)
    if training_targets is None and column.ndim == 1 and rules > 1:
        return _parse_training_numbers(array_name, column, task)
    width = column.shape[1] if column.ndim == 2 else None
    return _build_numbered_targets(
        array_name, column.argmax(axis=1) if is_one_hot_array else column, width, training_targets
    )


def check_target_type(array_name: str, y: NDArray[Any]) -> None:
    """Raise an error unless an array holds numbers or text, has one or two axes, and is not empty."""
    if y.dtype.kind not in "biufU":
        raise UserDataError(
            f"{array_name} has the type {y.dtype}, which cannot be a target", "save numbers, or text with dtype=str"
        )
    if y.ndim not in (1, 2) or not y.size:
        raise UserDataError(f"{array_name} has the shape {y.shape}", "use the shape (n,) or (n, k) for targets")


def _is_one_hot(y: NDArray[Any]) -> bool:
    """Return whether every row has a single 1 and is 0 elsewhere."""
    return bool((((y == 0) | (y == 1)).all(axis=1) & ((y == 1).sum(axis=1) == 1)).all())


def _build_regression_targets(array_name: str, y: NDArray[Any]) -> NpzTargets:
    """Build the targets of a regression."""
    values = to_float32(array_name, y).reshape(len(y), -1)
    if values.shape[1] > _MAX_TARGETS:
        raise UserDataError(f"{array_name} has {values.shape[1]:,} numbers per example; the limit is {_MAX_TARGETS:,}")
    return NpzTargets(values)


def _parse_training_numbers(array_name: str, numbers: NDArray[Any], task: TaskKind) -> NpzTargets:
    """Parse numbers as training targets, by the rules of tables: classes are named by their numbers, such as `7`.

    Args:
        array_name: The name of the array in messages.
        numbers: The truth values or numbers, of shape (n,).
        task: The task. With `auto`, fractions and many different whole numbers mean a regression.
    """
    if task == "auto" and not are_whole(numbers):
        return _build_regression_targets(array_name, numbers)
    check_whole(array_name, numbers)
    distinct, indices = number_distinct_values(numbers)
    names = tuple(str(int(number)) for number in distinct[: MAX_CLASSES + 1])
    # The prefix of an array name is the path of its file.
    name = array_name.rpartition(": ")[2]
    span = f"{names[0]} to {int(distinct[-1])}"
    is_float = numbers.dtype.kind == "f"
    # Floats without repetitions are measurements that happen to be whole.
    is_regression = are_measurements(len(distinct), int(distinct[0]), int(distinct[-1])) or (
        is_float and 2 * len(distinct) > len(numbers)
    )
    if task == "auto" and is_regression:
        message = f"{name}: {len(distinct):,} different whole numbers, {span}, are a regression"
        remark = Remark(message, "data.task=classification")
        return replace(_build_regression_targets(array_name, numbers), remark=remark)
    if len(distinct) > MAX_CLASSES:
        raise UserDataError(
            f"{array_name} has {len(distinct):,} different numbers; the limit is {MAX_CLASSES:,} classes",
            REGRESSION_HINT,
        )
    if numbers.dtype.kind == "b":
        names = tuple(_BOOL_CLASSES[int(number)] for number in distinct)
    if len(names) == 1:
        raise UserDataError(
            f"{array_name} contains only the class {names[0]}", "a classification needs at least two classes"
        )
    is_obvious = not is_float and names in (format_class_numbers(len(names)), _BOOL_CLASSES)
    if task != "auto" or is_obvious:
        return NpzTargets(indices, names)
    message = f"{name}: whole {'floats' if is_float else 'numbers'}, {span}, are {len(names):,} classes"
    return NpzTargets(indices, names, Remark(message, "data.task=regression"))


def _build_numbered_targets(
    array_name: str, numbers: NDArray[Any], width: int | None, training_targets: NpzTargets | None
) -> NpzTargets:
    """Build the targets of classes that are numbered from 0.

    Args:
        array_name: The name of the array in messages.
        numbers: The class number of each example.
        width: The length of a one-hot row; `None` if the array holds class numbers instead of one-hot rows.
        training_targets: The targets of the training split, which determine the classes; `None` for the training split.
    """
    if training_targets is not None and training_targets.classes != format_class_numbers(len(training_targets.classes)):
        return _build_renamed_targets(array_name, numbers, width, training_targets.classes)
    check_whole(array_name, numbers)
    if (numbers < 0).any():
        first = int(np.argmax(numbers < 0))
        raise UserDataError(f"{array_name}[{first}] is {numbers[first]}, but class numbers start at 0", REGRESSION_HINT)
    if training_targets is not None:
        check_class_numbers(array_name, numbers, len(training_targets.classes))
        return NpzTargets(numbers.astype(np.int32), training_targets.classes)
    highest = max(int(numbers.max()), (width or 1) - 1) if np.isfinite(numbers.max()) else MAX_CLASSES
    if highest >= MAX_CLASSES:
        raise UserDataError(
            f"{array_name} contains the class number {numbers.max()}; the limit is {MAX_CLASSES - 1:,}",
            REGRESSION_HINT,
        )
    if highest == 0:
        raise UserDataError(f"{array_name} contains only the class 0", "a classification needs at least two classes")
    return NpzTargets(numbers.astype(np.int32), format_class_numbers(highest + 1))


def _build_renamed_targets(
    array_name: str, numbers: NDArray[Any], width: int | None, classes: tuple[str, ...]
) -> NpzTargets:
    """Build the targets of classes that are named by their numbers or by truth values, with the training classes.

    Args:
        array_name: The name of the array in messages.
        numbers: The number of each example: the name of its class, or a position in a one-hot row.
        width: The length of a one-hot row; `None` if the array holds names.
        classes: The classes of the training split.

    Raises:
        UserDataError: a number is not a class of the training split.
    """
    are_numbers = all(name.lstrip("-").isdigit() for name in classes)
    if not are_numbers and classes != _BOOL_CLASSES:
        raise UserDataError(f"{array_name} contains numbers, but the training targets are text")
    if width not in (None, len(classes)):
        raise UserDataError(f"{array_name} has rows of {width} numbers, but there are {len(classes)} classes")
    if width is not None or not are_numbers:
        counted_targets = NpzTargets(numbers, format_class_numbers(len(classes)))
        return replace(_build_numbered_targets(array_name, numbers, width, counted_targets), classes=classes)
    check_whole(array_name, numbers)
    distinct, indices = number_distinct_values(numbers)
    return renumber_targets(array_name, tuple(str(int(number)) for number in distinct), indices, classes)


def check_class_numbers(array_name: str, numbers: NDArray[Any], count: int) -> None:
    """Raise an error if a class number is not below `count`, the number of classes of the training."""
    if (beyond := numbers >= count).any():
        first = int(np.argmax(beyond))
        raise UserDataError(
            f"{array_name}[{first}] is {numbers[first]}, but the class numbers are 0 to {count - 1}",
            "add examples of every class to the training targets",
        )


def _build_named_targets(
    array_name: str, y: NDArray[Any], task: TaskKind, training_targets: NpzTargets | None
) -> NpzTargets:
    """Build the targets of classes that have names, from an array of text."""
    if task == "regression":
        raise UserDataError(
            f"{array_name} contains text, but a regression needs numbers", "use task: classification for text"
        )
    if y.ndim != 1:
        raise UserDataError(f"{array_name} has the shape {y.shape}", "use the shape (n,) for targets that are text")
    _check_target_text(array_name, y)
    names, numbers = np.unique(y, return_inverse=True)
    classes = tuple(map(str, names))
    if training_targets is not None:
        return renumber_targets(array_name, classes, numbers, training_targets.classes)
    if len(classes) < 2:
        raise UserDataError(
            f"{array_name} contains only the class {classes[0]!r}", "a classification needs at least two classes"
        )
    if len(classes) > MAX_CLASSES:
        raise UserDataError(f"{array_name} has {len(classes):,} classes; the limit is {MAX_CLASSES:,}")
    return NpzTargets(numbers.reshape(-1).astype(np.int32), classes)


def renumber_targets(
    array_name: str, names: tuple[str, ...], numbers: NDArray[Any], training_classes: tuple[str, ...]
) -> NpzTargets:
    """Return targets in which each class has the same number as in the training split.

    Args:
        array_name: The name of the array in messages.
        names: The class names, in the order of the old class numbers.
        numbers: The old class number of each example.
        training_classes: The class names, in the order of the class numbers of the training split.

    Raises:
        UserDataError: a name is not a class of the training split.
    """
    number_of = {name: number for number, name in enumerate(training_classes)}
    if unknown_names := [name for name in names if name not in number_of]:
        raise UserDataError(f"{array_name}: {unknown_names[0]!r} is not a class of the training targets")
    new_numbers = np.array([number_of[name] for name in names], np.int32)
    return NpzTargets(new_numbers[numbers.reshape(-1)], training_classes)


def _check_target_text(array_name: str, y: NDArray[np.str_]) -> None:
    """Raise an error if a target is empty, or not valid Unicode text."""
    codes = np.ascontiguousarray(y, y.dtype.newbyteorder("=")).view(np.uint32)
    # Python cannot print these codes.
    if ((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any():
        raise UserDataError(
            f"{array_name} contains a target that is not valid Unicode text", "save the array again as text"
        )
    if (np.strings.str_len(np.strings.strip(y)) == 0).any():
        raise UserDataError(
            f"{array_name} contains an empty target", "fill in the empty targets, or remove their examples"
        )


def format_class_numbers(count: int) -> tuple[str, ...]:
    """Format the names of classes that have only numbers: `0`, `1` and so on."""
    return tuple(map(str, range(count)))


def to_float32(array_name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Convert numbers to a C-contiguous array of float32.

    Raises:
        UserDataError: a number is not finite, or too large for float32. The message names the first such number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats = np.ascontiguousarray(array, np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        first = tuple(int(index) for index in np.unravel_index(np.argmin(finite), floats.shape))
        position = ", ".join(map(str, first))
        count = finite.size - int(finite.sum())
        more = f"; {count:,} such values in total" if count > 1 else ""
        raise UserDataError(
            f"{array_name}[{position}] is {array[first]}, which is not a finite 32-bit float{more}",
            "replace or remove these examples",
        )
    return floats
