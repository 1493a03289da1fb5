"""Arrays of each split in an .npz file or in .npy files: `x_train` and `y_train`, and those of validation and test."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError, suggest_nearest_name
from dnn_cli.formats.array_names import build_missing_arrays_error, find_array_pair, list_unused_names
from dnn_cli.formats.array_source import ArraySource, iter_values, open_array_source
from dnn_cli.formats.channel_axis import arrange_shape, move_channels
from dnn_cli.formats.dataset_contents import DatasetContents, ExampleArrays, Remark, SplitName
from dnn_cli.formats.input_scale import MIN_PIXEL_COUNT, choose_scale, have_different_scales, measure_range
from dnn_cli.formats.npy_header import ArrayHeader
from dnn_cli.formats.npz_targets import NpzTargets, check_class_numbers, parse_npz_targets, to_float32
from dnn_cli.formats.reader_options import ArrayOptions
from dnn_cli.formats.safe_open import check_memory
from dnn_cli.formats.split_values import convert_groups, convert_times, count_different

MAX_NPZ_BYTES = 16_000_000_000
_MAX_INPUT_AXES = 6
"""Maximum number of axes of the inputs: the batch axis, and up to five axes of each input, as in
sequences of volumes (time steps, depth, height, width, channels)."""

_MAX_LISTED_NAMES = 10


@dataclass(frozen=True)
class _SplitHeaders:
    """Headers of the inputs and targets of a split, and the shape of one input as the network receives it."""

    x: ArrayHeader
    y: ArrayHeader
    input_shape: tuple[int, ...]


def inspect_npz(path: str, options: ArrayOptions, split: SplitName) -> DatasetContents | None:
    """Return a description of a split in arrays, or `None` if the split is absent.

    Few inputs are read: only those of uint8 up to the first large value, and samples that are compared with others.

    Args:
        path: The path of an .npz file, of a directory of .npy files, or of an .npy file of inputs.
        options: The options of the reader. For other splits than `train`, the training arrays determine task and scale.
        split: The split. If the `train` split is absent, an error is raised.

    Raises:
        UserDataError: the file does not contain arrays, or its arrays are not valid.
    """
    with open_array_source(path) as source:
        headers = _read_split_headers(source, options, split)
        if headers is None:
            return None
        training_headers = headers if split == "train" else _find_training_headers(source, options)
        targets = _read_split_targets(source, headers, training_headers, options)
        scale, scale_remark = _choose_scale(
            source, headers if options.rules == 1 else training_headers or headers, options
        )
        if training_headers is not None and options.rules > 1:
            _check_same_range(source, headers.x, training_headers.x)
        contents = DatasetContents(
            headers.input_shape,
            headers.x.shape[0],
            targets.classes,
            targets.target_count,
            scale,
            value_bytes=1 if headers.x.dtype == np.uint8 else 4,
        )
        if split == "train":
            groups, times = _read_split_values(source, headers, options)
            contents = replace(contents, group_count=count_different(groups), time_count=count_different(times))
        if options.rules == 1:
            return contents
        if split != "train":
            remark = Remark(f"{headers.x.name}, {headers.y.name}: the {split} examples")
            return replace(contents, remarks=(remark, *_find_scale_remarks(source, headers.x, scale)))
        remarks = [scale_remark, targets.remark, _build_unused_remark(source, options)]
        decisions: dict[str, Any] = {}
        if options.task == "auto":
            decisions["task"] = "classification" if targets.classes else "regression"
        if scale_remark is not None:
            decisions["scale"] = float(scale)
        return replace(contents, remarks=tuple(filter(None, remarks)), decisions=decisions)


def read_npz(path: str, options: ArrayOptions, split: SplitName, classes_count: int | None = None) -> ExampleArrays:
    """Read the examples of a split in arrays.

    Args:
        path: The path of an .npz file, of a directory of .npy files, or of an .npy file of inputs.
        options: The options of the reader. For other splits than `train`, the training targets determine the task.
        split: The split. If the split is absent, an error is raised.
        classes_count: The number of classes. Class numbers must be smaller; `None` allows all class numbers.

    Raises:
        UserDataError: the file does not contain arrays, or its arrays are not valid.
    """
    with open_array_source(path) as source:
        headers = _read_split_headers(source, options, split)
        if headers is None:
            raise build_missing_arrays_error(source.path, source.names, split)
        training_headers = headers if split == "train" else _find_training_headers(source, options)
        targets = _read_split_targets(source, headers, training_headers, options)
        if targets.classes and classes_count is not None:
            check_class_numbers(f"{source.path}: {headers.y.name}", targets.values, classes_count)
        inputs = source.read_array(headers.x)
        if options.channels == "first":
            inputs = move_channels(inputs)
        groups, times = _read_split_values(source, headers, options) if split == "train" else (None, None)
        return ExampleArrays(
            to_input_array(f"{source.path}: {headers.x.name}", inputs), targets.values, groups=groups, times=times
        )


def _read_split_values(
    source: ArraySource, headers: _SplitHeaders, options: ArrayOptions
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Read the groups and times of the training examples; `None` for those that the options do not name.

    Raises:
        UserDataError: an array is missing, has another length than the inputs, or other values than groups or times.
    """
    arrays: dict[str, NDArray[Any] | None] = {}
    for key, name in (("group", options.group), ("time", options.time)):
        arrays[key] = None
        if name is None:
            continue
        if name not in source.names:
            listed = ", ".join(source.names[:_MAX_LISTED_NAMES])
            suggestion = suggest_nearest_name(name, source.names) or f"use one of {listed}"
            raise UserDataError(f"{source.path} has no array {name}", suggestion, key)
        header = source.read_header(name)
        if header.shape != headers.x.shape[:1]:
            raise UserDataError(
                f"{source.path}: {name} has the shape {header.shape}, but {headers.x.name} has {headers.x.shape[0]:,} "
                "examples",
                f"save one value for each example, with the shape ({headers.x.shape[0]},)",
                key,
            )
        arrays[key] = source.read_array(header)
    groups, times = arrays["group"], arrays["time"]
    return (
        None if groups is None else convert_groups(f"{source.path}: {options.group}", groups),
        None if times is None else convert_times(f"{source.path}: {options.time}", times),
    )


def _read_split_headers(source: ArraySource, options: ArrayOptions, split: SplitName) -> _SplitHeaders | None:
    """Read the headers of the inputs and targets of a split. If the validation or test split is absent, return `None`.

    Raises:
        UserDataError: the training split is absent. The arrays are not inputs and targets, differ in length, or need
            too much memory. The names are ambiguous.
    """
    names = find_array_pair(source.path, source.names, split, options.rules)
    if names is None:
        if split == "train":
            raise build_missing_arrays_error(source.path, source.names, split)
        return None
    x, y = map(source.read_header, names)
    array_name = f"{source.path}: {x.name}"
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
            f"{source.path}: {x.name} and {y.name} have {(x.nbytes + y.nbytes) / 1e9:,.1f} GB; "
            f"the limit is {MAX_NPZ_BYTES / 1e9:,.0f} GB",
            "use fewer or smaller examples",
        )
    moving_bytes = x.nbytes if options.channels == "first" else 0
    check_memory(source.path, compute_needed_bytes(x) + compute_needed_bytes(y) + moving_bytes)
    return _SplitHeaders(x, y, arrange_shape(array_name, x.shape[1:], options))


def compute_needed_bytes(header: ArrayHeader) -> int:
    """Compute the bytes of memory for an array, and for its conversion to float32 if the conversion is needed."""
    values = header.nbytes // header.dtype.itemsize if header.dtype.itemsize else 0
    return header.nbytes + (0 if header.dtype in (np.uint8, np.float32) else 4 * values)


def _find_training_headers(source: ArraySource, options: ArrayOptions) -> _SplitHeaders | None:
    """Find the headers of the training arrays, which determine task, classes and scale; `None` if they are absent."""
    if find_array_pair(source.path, source.names, "train", options.rules) is None:
        return None
    return _read_split_headers(source, options, "train")


def _read_split_targets(
    source: ArraySource, headers: _SplitHeaders, training_headers: _SplitHeaders | None, options: ArrayOptions
) -> NpzTargets:
    """Read the targets of a split. The training targets determine the task and the classes."""
    training_targets = None
    if training_headers is not None and training_headers is not headers:
        training_targets = _read_split_targets(source, training_headers, None, options)
    y = headers.y
    return parse_npz_targets(
        f"{source.path}: {y.name}", source.read_array(y), options.task, training_targets, options.rules
    )


def _choose_scale(source: ArraySource, headers: _SplitHeaders, options: ArrayOptions) -> tuple[float, Remark | None]:
    """Choose the divisor of inputs, and return it with the remark about the choice.

    The divisor of the options leaves no choice. By rules 1, it is 255 for uint8, else 1.
    """
    x = headers.x
    if options.scale is not None:
        return options.scale, None
    if options.rules == 1:
        return (255 if x.dtype == np.uint8 else 1), None
    return choose_scale(x.name, x.dtype, iter_values(source, x))


def _find_scale_remarks(source: ArraySource, x: ArrayHeader, scale: float) -> Iterator[Remark]:
    """Yield a remark if a split has uint8 pixels, and the training inputs are codes that are not divided."""
    if scale == 1 and x.dtype == np.uint8 and choose_scale(x.name, x.dtype, iter_values(source, x))[0] > 1:
        yield Remark(f"{x.name}: uint8 pixels, not divided by 255, as the training inputs", "data.scale=255")


def _check_same_range(source: ArraySource, x: ArrayHeader, training_x: ArrayHeader) -> None:
    """Check that the inputs of a split do not have another scale than the training inputs.

    Raises:
        UserDataError: the inputs of one array are pixels from 0 to 255, and those of the other are shares from 0 to 1.
    """
    if x is training_x or math.prod(x.shape[1:]) < MIN_PIXEL_COUNT:
        return
    value_range, training_range = (measure_range(iter_values(source, header)) for header in (x, training_x))
    if have_different_scales(value_range, training_range):
        raise UserDataError(
            f"{source.path}: {x.name} ranges from {value_range[0]:g} to {value_range[1]:g}, but {training_x.name} from "
            f"{training_range[0]:g} to {training_range[1]:g}",
            "divide one of them by 255, or multiply the other",
        )


def _build_unused_remark(source: ArraySource, options: ArrayOptions) -> Remark | None:
    """Build the remark about the arrays that no split uses; `None` if there are no such arrays."""
    names = [name for name in list_unused_names(source.names) if name not in (options.group, options.time)]
    if not names:
        return None
    more = f" and {len(names) - _MAX_LISTED_NAMES} more" if len(names) > _MAX_LISTED_NAMES else ""
    return Remark(f"{os.path.basename(source.path)}: not used: {', '.join(names[:_MAX_LISTED_NAMES])}{more}")


def to_input_array(array_name: str, x: NDArray[Any]) -> NDArray[Any]:
    """Convert inputs to a C-contiguous array. The dtype uint8 stays unchanged; other numbers become float32.

    Raises:
        UserDataError: a number is not finite, or too large for float32.
    """
    return np.ascontiguousarray(x) if x.dtype == np.uint8 else to_float32(array_name, x)
