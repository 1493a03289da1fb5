"""Arrays of each split in an .npz file: `x_train` and `y_train`, and optionally those of validation and test."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import DatasetContents, ExampleArrays, SplitName, TaskKind
from dnn_cli.formats.npz_archive import ArrayHeader, NpzArchive, open_archive
from dnn_cli.formats.npz_targets import NpzTargets, check_class_numbers, parse_npz_targets, to_float32
from dnn_cli.formats.reader_options import ArrayOptions
from dnn_cli.formats.safe_open import check_memory

SPLIT_ARRAY_NAMES: dict[SplitName, tuple[tuple[str, str], ...]] = {
    "train": (("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y")),
    "validation": tuple((f"{x}_{part}", f"y_{part}") for part in ("val", "validation") for x in "xX"),
    "test": (("x_test", "y_test"), ("X_test", "y_test")),
}
"""Possible pairs of names of the inputs and targets of a split. The first pair that exists in the file is read."""

MAX_NPZ_BYTES = 16_000_000_000
_MAX_INPUT_AXES = 5
"""Maximum number of axes of the inputs: the batch axis, and up to four axes of each input."""


def inspect_npz(path: str, options: ArrayOptions, split: SplitName) -> DatasetContents | None:
    """Return a description of a split in an .npz file, or `None` if the split is absent. Inputs are not read.

    Args:
        path: The path of the file.
        options: The options of the reader. For other splits than `train`, the training targets in the file determine
            the task.
        split: The split. If the `train` split is absent, an error is raised.

    Raises:
        UserDataError: the file is not an .npz file, or its arrays are not valid.
    """
    with open_archive(path) as archive:
        names = _find_array_names(archive, split)
        if names is None:
            return None
        x, y = _read_array_headers(archive, names)
        targets = _read_split_targets(archive, y, options.task, split)
    pixel_max = 255 if x.dtype == np.uint8 else 1
    return DatasetContents(x.shape[1:], x.shape[0], targets.classes, targets.target_count, pixel_max)


def read_npz(path: str, options: ArrayOptions, split: SplitName, classes_count: int | None = None) -> ExampleArrays:
    """Read the examples of a split in an .npz file.

    Args:
        path: The path of the file.
        options: The options of the reader. For other splits than `train`, the training targets in the file determine
            the task.
        split: The split. If the split is absent, an error is raised.
        classes_count: The number of classes. Class numbers must be smaller; `None` allows all class numbers.

    Raises:
        UserDataError: the file is not an .npz file, or its arrays are not valid.
    """
    with open_archive(path) as archive:
        names = _find_array_names(archive, split)
        if names is None:
            raise _build_missing_arrays_error(archive, split)
        x, y = _read_array_headers(archive, names)
        targets = _read_split_targets(archive, y, options.task, split)
        if targets.classes and classes_count is not None:
            check_class_numbers(f"{path}: {y.name}", targets.values, classes_count)
        return ExampleArrays(to_input_array(f"{path}: {x.name}", archive.read_array(x)), targets.values)


def _find_array_names(archive: NpzArchive, split: SplitName) -> tuple[str, str] | None:
    """Find the names of the inputs and targets of a split. If the validation or test split is absent, return `None`.

    Raises:
        UserDataError: the training split is absent, or a split has only inputs or only targets.
    """
    present_names = set(archive.names)
    for names in SPLIT_ARRAY_NAMES[split]:
        if present_names.issuperset(names):
            return names
    for x, y in SPLIT_ARRAY_NAMES[split]:
        if x in present_names or y in present_names:
            has, lacks = (x, y) if x in present_names else (y, x)
            raise UserDataError(f"{archive.path} has {has} but no {lacks}; it contains {format_array_names(archive)}")
    if split == "train":
        raise _build_missing_arrays_error(archive, split)
    return None


def _build_missing_arrays_error(archive: NpzArchive, split: SplitName) -> UserDataError:
    """Build the error of a split that is absent."""
    x, y = SPLIT_ARRAY_NAMES[split][0]
    return UserDataError(
        f"{archive.path} has no {x} and {y}; it contains {format_array_names(archive)}",
        f"use numpy.savez('data.npz', {x}=inputs, {y}=targets)",
    )


def format_array_names(archive: NpzArchive) -> str:
    """Format the first 20 names of the arrays in a file."""
    names = archive.names
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "") if names else "no arrays"


def _read_array_headers(archive: NpzArchive, names: tuple[str, str]) -> tuple[ArrayHeader, ArrayHeader]:
    """Read the headers of the inputs and targets of a split.

    Raises:
        UserDataError: the arrays are not inputs and targets, differ in length, or need too much memory.
    """
    x, y = map(archive.read_header, names)
    array_name = f"{archive.path}: {x.name}"
    if x.dtype.kind not in "biuf" or not x.dtype.itemsize:
        raise UserDataError(f"{array_name} has the type {x.dtype}, but inputs must be numbers", "encode the inputs")
    if not 2 <= len(x.shape) <= _MAX_INPUT_AXES or 0 in x.shape:
        raise UserDataError(
            f"{array_name} has the shape {x.shape}",
            f"use the shape (n, …) with 1 to {_MAX_INPUT_AXES - 1} axes per example, each at least 1 long",
        )
    if not y.shape or y.shape[0] != x.shape[0]:
        raise UserDataError(
            f"{array_name} has the shape {x.shape}, but {y.name} has {y.shape}", "save one target for each input"
        )
    if x.nbytes + y.nbytes > MAX_NPZ_BYTES:
        raise UserDataError(
            f"{archive.path}: {x.name} and {y.name} have {(x.nbytes + y.nbytes) / 1e9:,.1f} GB; "
            f"the limit is {MAX_NPZ_BYTES / 1e9:,.0f} GB",
            "use fewer or smaller examples",
        )
    check_memory(archive.path, compute_needed_bytes(x) + compute_needed_bytes(y))
    return x, y


def compute_needed_bytes(header: ArrayHeader) -> int:
    """Compute the bytes of memory for an array, and for its conversion to float32 if the conversion is needed."""
    values = header.nbytes // header.dtype.itemsize if header.dtype.itemsize else 0
    return header.nbytes + (0 if header.dtype in (np.uint8, np.float32) else 4 * values)


def _read_split_targets(archive: NpzArchive, y: ArrayHeader, task: TaskKind, split: SplitName) -> NpzTargets:
    """Read the targets of a split.

    For the validation and test split, the training targets determine the task and the classes, if the file has them.
    """
    training_targets = _read_training_targets(archive, task) if split != "train" else None
    return parse_npz_targets(f"{archive.path}: {y.name}", archive.read_array(y), task, training_targets)


def _read_training_targets(archive: NpzArchive, task: TaskKind) -> NpzTargets | None:
    """Read the training targets, which define the classes of all splits.

    The result is `None` if the file has no training split.
    """
    if not any(set(archive.names).issuperset(names) for names in SPLIT_ARRAY_NAMES["train"]):
        return None
    names = _find_array_names(archive, "train")
    return _read_split_targets(archive, _read_array_headers(archive, names)[1], task, "train") if names else None


def to_input_array(array_name: str, x: NDArray[Any]) -> NDArray[Any]:
    """Convert inputs to a C-contiguous array. The dtype uint8 stays unchanged; other numbers become float32.

    Raises:
        UserDataError: a number is not finite, or too large for float32.
    """
    return np.ascontiguousarray(x) if x.dtype == np.uint8 else to_float32(array_name, x)
