"""Reader of examples for an evaluation: a table with the target column, an .npz with x and y, or an image directory."""

import math
import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.array_names import SPLIT_WORDS, format_array_names, parse_array_name, select_array_pair
from dnn_cli.formats.array_source import ArraySource, open_array_source
from dnn_cli.formats.channel_axis import MOVE_HINT, move_shape_first
from dnn_cli.formats.csv_body import read_body
from dnn_cli.formats.csv_columns import TARGET_COLUMN_NAMES, CsvColumns
from dnn_cli.formats.csv_errors import NUMBERS_REQUIRED_HINT, TRAINING_TYPES_HINT
from dnn_cli.formats.csv_numbers import quote_cell
from dnn_cli.formats.csv_prediction import adapt_options, find_input_columns
from dnn_cli.formats.csv_rows import CsvRow, open_rows
from dnn_cli.formats.csv_targets import TargetColumn, format_names, parse_csv_targets
from dnn_cli.formats.dataset_contents import ExampleArrays, ignore_progress
from dnn_cli.formats.image_decoding import build_damage_error, decode_files
from dnn_cli.formats.image_directory import check_class_names
from dnn_cli.formats.image_listing import list_class_names, list_images
from dnn_cli.formats.image_splits import check_has_directories, find_split_directories
from dnn_cli.formats.npy_directory import NPY_SUFFIX, list_npy_files
from dnn_cli.formats.npy_header import ArrayHeader
from dnn_cli.formats.npz_arrays import compute_needed_bytes
from dnn_cli.formats.npz_targets import (
    NpzTargets,
    check_target_type,
    format_class_numbers,
    parse_npz_targets,
    renumber_targets,
)
from dnn_cli.formats.prediction_inputs import (
    TABLE_SUFFIXES,
    InputSpec,
    has_input_shape,
    read_image_input,
    read_input_array,
)
from dnn_cli.formats.replaced_cells import ReplacedCells, find_replaced_cells
from dnn_cli.formats.safe_open import check_memory, stat_regular_file

_EXAMPLE_ARRAY_NAMES = (
    *((x, "y") for x in "xX"),
    *((f"{x}_{split}", f"y_{split}") for split in ("test", "val", "validation", "train") for x in "xX"),
)
"""Pairs of names of inputs and targets. The first pair that exists is read.

Without such a pair, other names are tried, in the order of `SPLIT_WORDS`."""


@dataclass(frozen=True)
class TargetSpec:
    """Form of the training targets: classes, or numbers of a regression."""

    classes: tuple[str, ...] = ()
    """Class names in the order of the class numbers; empty for a regression."""

    targets: int = 1
    """Number of values to predict for one example, in a regression."""

    column: str | None = None
    """Name of the target column of a table; `None` if the training data did not name its target column."""


@dataclass(frozen=True)
class EvaluationArrays(ExampleArrays):
    """Examples for an evaluation. Typed columns of a table are encoded."""

    replaced_cells: tuple[ReplacedCells, ...] = ()
    """Missing cells and unknown categories of a table with typed columns."""


def read_evaluation_examples(path: str, input_spec: InputSpec, target_spec: TargetSpec) -> EvaluationArrays:
    """Read the examples in a file or directory. Classes get the same numbers as in the training.

    Args:
        path: The path of a .csv, an .npz, an .npy with inputs, a directory of .npy files, or a directory with one
            subdirectory of images per class.
        input_spec: The form of the training inputs.
        target_spec: The form of the training targets.

    Raises:
        UserDataError: the file is of another kind or damaged, or its inputs or targets differ in form from the training
            data.
    """
    if os.path.isdir(path):
        read_directory = _read_array_examples if list_npy_files(path) else _read_directory_examples
        return read_directory(path, input_spec, target_spec)
    stat_regular_file(path)
    lower = path.lower()
    if lower.endswith((".npz", NPY_SUFFIX)):
        return _read_array_examples(path, input_spec, target_spec)
    if lower.endswith(TABLE_SUFFIXES):
        return _read_csv_examples(path, input_spec, target_spec)
    raise UserDataError(
        f"{path} is not a .csv file, an .npz file, an .npy file or a directory",
        "use a .csv or .parquet with the target column, an .npz with x and y, an .npy with inputs, "
        "or a directory with one subdirectory of images per class",
    )


def _read_directory_examples(path: str, input_spec: InputSpec, target_spec: TargetSpec) -> EvaluationArrays:
    """Read the images of a directory with one subdirectory for each class. Subdirectories are named like classes."""
    if not target_spec.classes:
        raise UserDataError(
            f"{path} is a directory of classes, but this run predicts numbers", "use a .csv or an .npz file"
        )
    names = list_class_names(path)
    check_has_directories(path, names)
    if splits := find_split_directories(path):
        raise UserDataError(
            f"{path} contains directories of several sets of examples", f"use {splits.get('test_path', splits['path'])}"
        )
    check_class_names(path, names, target_spec.classes)
    files_by_class = {name: list_images(os.path.join(path, name), input_spec.rules).paths for name in names}
    files = [file for paths in files_by_class.values() for file in paths]
    check_memory(path, 4 * len(files) * math.prod(input_spec.shape))
    inputs: dict[int, NDArray[Any]] = {}

    def read_into(at: int) -> None:
        inputs[at] = read_image_input(files[at], input_spec).inputs

    file_bytes = sum(stat_regular_file(file).st_size for file in files)
    if errors := decode_files(path, files, read_into, file_bytes, ignore_progress):
        raise build_damage_error(list(errors.values()))
    targets = [target_spec.classes.index(name) for name, paths in files_by_class.items() for _ in paths]
    return EvaluationArrays(np.concatenate([inputs[at] for at in range(len(files))]), np.array(targets, np.int32))


def _read_array_examples(path: str, input_spec: InputSpec, target_spec: TargetSpec) -> EvaluationArrays:
    """Read the inputs and targets in two arrays of an .npz file or of .npy files."""
    input_spec.check_array_file(path)
    with open_array_source(path) as source:
        x, y = _find_array_pair(source)
        if not has_input_shape(x, input_spec) or len(x.shape) == len(input_spec.shape):
            needed = f"(n, {', '.join(map(str, input_spec.shape))})"
            raise UserDataError(
                f"{path}: {x.name} has the type {x.dtype} and the shape {x.shape}",
                f"{MOVE_HINT}: the training inputs have the channels last"
                if x.shape[1:] == move_shape_first(input_spec.shape)
                else f"use numbers of the shape {needed}",
            )
        if not y.shape or y.shape[0] != x.shape[0]:
            raise UserDataError(
                f"{path}: {x.name} has the shape {x.shape}, but {y.name} has {y.shape}",
                "save one target for each input",
            )
        check_memory(path, compute_needed_bytes(x) + compute_needed_bytes(y))
        inputs = read_input_array(source, x, input_spec)
        return EvaluationArrays(inputs, _convert_array_targets(f"{path}: {y.name}", source.read_array(y), target_spec))


def _find_array_pair(source: ArraySource) -> tuple[ArrayHeader, ArrayHeader]:
    """Find the arrays of inputs and targets, and return their headers.

    Raises:
        UserDataError: the file has no pair of arrays with names for inputs and targets, or several arrays have such
            names.
    """
    names = set(source.names)
    pair = next((pair for pair in _EXAMPLE_ARRAY_NAMES if names.issuperset(pair)), None)
    parsed_names = set(map(parse_array_name, names))
    for word in SPLIT_WORDS if pair is None else ():
        if parsed_names.issuperset([("inputs", word), ("targets", word)]):
            pair = select_array_pair(source.path, source.names, word)
            break
    if pair is None:
        raise UserDataError(
            f"{source.path} has no arrays x and y; it contains {format_array_names(source.names)}",
            "use numpy.savez('new.npz', x=inputs, y=targets); x_test and y_test are also valid names",
        )
    return source.read_header(pair[0]), source.read_header(pair[1])


def _convert_array_targets(array_name: str, y: NDArray[Any], target_spec: TargetSpec) -> NDArray[Any]:
    """Convert an array of targets to the form of the training targets: class numbers, or numbers of a regression.

    Text is read as a class name. A whole number is read as a class name if class names are whole numbers, else as a
    class number.
    """
    check_target_type(array_name, y)
    classes = target_spec.classes
    if not classes:
        values = parse_npz_targets(array_name, y, "regression", NpzTargets(y)).values
        if values.shape[1] != target_spec.targets:
            numbers = f"{values.shape[1]} number{'s' if values.shape[1] > 1 else ''} per example"
            raise UserDataError(f"{array_name} has {numbers}, but this run predicts {target_spec.targets}")
        return values
    if y.dtype.kind == "U":
        return parse_npz_targets(array_name, y, "classification", NpzTargets(y, classes)).values
    counted_names, is_column = format_class_numbers(len(classes)), y.ndim == 1 or y.shape[1] == 1
    if classes == counted_names or not (is_column and _are_whole_numbers(classes)):
        return parse_npz_targets(array_name, y, "classification", NpzTargets(y, counted_names)).values
    column = y.reshape(-1)
    # The comparison is false for nan.
    if not (column == np.floor(column)).all():
        raise UserDataError(f"{array_name} contains numbers that are not whole, so they cannot be classes")
    distinct, inverse = np.unique(column, return_inverse=True)
    return renumber_targets(array_name, tuple(str(int(number)) for number in distinct), inverse, classes).values


def _are_whole_numbers(classes: tuple[str, ...]) -> bool:
    """Return whether some class names are whole numbers, such as `7`.

    Numbers in a file are then read as class names, not as class numbers.
    """
    return any(name.lstrip("-").isdigit() for name in classes)


def _read_csv_examples(path: str, input_spec: InputSpec, target_spec: TargetSpec) -> EvaluationArrays:
    """Read the rows of a table: inputs by the names of their columns, and the targets in the target column."""
    if not target_spec.classes and target_spec.targets > 1:
        raise UserDataError(
            f"{path} has one target column, but this run predicts {target_spec.targets} numbers", "use an .npz file"
        )
    options = replace(adapt_options(path, input_spec.csv_options), weight=None)
    with open_rows(path, options) as rows:
        columns = _select_evaluation_columns(path, rows.header, input_spec, target_spec)
        body = read_body(path, columns, rows, options, lambda _: NUMBERS_REQUIRED_HINT, TRAINING_TYPES_HINT)
    cells = body.target_cells
    if target_spec.classes and not _are_whole_numbers(target_spec.classes):
        cells = [_resolve_class_name(cell, target_spec.classes) for cell in cells]
    column = TargetColumn(path, columns.target, cells, body.lines, rows.delimiter, options.strip, options.rules)
    targets = parse_csv_targets(column, "auto", target_spec.classes)
    inputs, encoding = body.inputs, input_spec.encoding
    replaced_cells: tuple[ReplacedCells, ...] = ()
    if encoding is not None:
        replaced_cells = find_replaced_cells(encoding, inputs, body.categories)
        inputs = encoding.encode(inputs, body.categories)
    return EvaluationArrays(inputs.reshape(-1, *input_spec.shape), targets.values, replaced_cells=replaced_cells)


def _resolve_class_name(cell: str, classes: tuple[str, ...]) -> str:
    """Resolve a class number (from 0) in a cell into the name of the class. Return other cells unchanged."""
    is_number = cell not in classes and cell.isascii() and cell.isdigit() and len(cell) < 8
    return classes[int(cell)] if is_number and int(cell) < len(classes) else cell


def _select_evaluation_columns(path: str, row: CsvRow, input_spec: InputSpec, target_spec: TargetSpec) -> CsvColumns:
    """Select the target and the inputs among the columns of a header.

    Raises:
        UserDataError: a column is missing, or several columns may be the target.
    """
    line, names = row[0], [cell.strip() for cell in row[1]]
    target_names = (
        [name for name in names if name.lower() in TARGET_COLUMN_NAMES]
        if target_spec.column is None
        else [target_spec.column]
    )
    if len(target_names) != 1 or target_names[0] not in names:
        usual_names = f"{', '.join(TARGET_COLUMN_NAMES[:-1])} or {TARGET_COLUMN_NAMES[-1]}"
        column = f"column {target_spec.column}" if target_spec.column else f"target column ({usual_names})"
        problem = (
            f"{len(target_names)} target columns: {format_names(target_names)}"
            if len(target_names) > 1
            else f"no {column}"
        )
        hint = (
            suggest_nearest_name(target_spec.column or TARGET_COLUMN_NAMES[0], names)
            or "use dnn predict for inputs without targets"
        )
        raise UserDataError(f"{path}:{line}  has {problem}", hint)
    if names.count(target_names[0]) > 1:
        raise UserDataError(
            f"{path}:{line}  column {target_names[0]} occurs {names.count(target_names[0])} times",
            "keep one of these columns",
        )
    target_index = names.index(target_names[0])
    size = input_spec.column_count
    if input_spec.features:
        _, columns = find_input_columns(path, row, input_spec.features, size)
        named_count = 1 + max(index for index, name in enumerate(names) if name)
        unnamed_indices = tuple(range(named_count, len(names)))
        return CsvColumns(tuple(names), target_index, tuple(columns), unnamed_indices=unnamed_indices)
    columns = [index for index in range(len(names)) if index != target_index]
    if len(columns) != size:
        raise UserDataError(
            f"{path}:{line}  has {len(columns)} input column{'s' if len(columns) != 1 else ''}, "
            f"but the training inputs have {size:,} number{'s' if size != 1 else ''}",
            f"use the columns of the training in the same order, and the column {quote_cell(target_names[0])}",
        )
    return CsvColumns(tuple(names), target_index, tuple(columns))
