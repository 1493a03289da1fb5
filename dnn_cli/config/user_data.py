"""Shape, classes and task of the user's own data, read from its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from dnn_cli.config.data import SPLIT_KEYS, Data
from dnn_cli.config.datasets import TABLE_KINDS, DatasetInfo
from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import DatasetContents, Remark, SplitName

_DATASET_INFO_CACHE: ContextVar[dict[str, DatasetInfo] | None] = ContextVar("dataset_info_cache", default=None)


@contextmanager
def cache_dataset_info() -> Iterator[None]:
    """Cache dataset info inside a `with` block, so that the same data files are inspected only once."""
    token = _DATASET_INFO_CACHE.set({})
    try:
        yield
    finally:
        _DATASET_INFO_CACHE.reset(token)


def get_user_dataset_info(data: Data) -> DatasetInfo:
    """Return shape, classes and task of the user's files. Inside `cache_dataset_info`, they come from the cache.

    Raises:
        UserDataError: a file is missing or invalid.
    """
    cache = _DATASET_INFO_CACHE.get()
    if cache is None:
        return _read_user_dataset_info(data)
    # Folds and other splits have equal info. An image directory would be listed again for each of them.
    key = data.model_dump_json(exclude={*SPLIT_KEYS})
    if key not in cache:
        cache[key] = _read_user_dataset_info(data)
    return cache[key]


def _read_user_dataset_info(data: Data) -> DatasetInfo:
    """Read shape, classes and task of the user's files.

    Raises:
        UserDataError: a file is missing or invalid, or a split does not match the training examples.
    """
    train = inspect_split(data, "train")
    if train is None:
        raise UserDataError(f"{data.path} has no examples")
    validation, test = _inspect_other_split(data, "validation", train), _inspect_other_split(data, "test", train)
    return DatasetInfo(
        input_shape=train.input_shape,
        classes=train.classes,
        targets=train.targets,
        pixel_max=train.pixel_max,
        value_bytes=train.value_bytes,
        target=train.target,
        features=train.features,
        columns=train.columns,
        weight=train.weight,
        group_count=train.group_count,
        time_count=train.time_count,
        remarks=_collect_remarks(data, train, validation, test),
        decisions=_select_common_decisions(train, validation, test),
        examples=train.examples + (validation.examples if validation else 0),
        validation_examples=validation.examples if validation else 0,
        test_examples=test.examples if test else 0,
    )


def _select_common_decisions(train: DatasetContents, *others: DatasetContents | None) -> dict[str, Any]:
    """Return the decisions about the training file, except those that differ in the file of another split.

    A key of the config holds for all files. A decision that differs, such as the delimiter, is repeated in each
    reading.
    """
    return {
        key: value
        for key, value in train.decisions.items()
        if all(contents.decisions.get(key, value) == value for contents in others if contents)
    }


def _collect_remarks(data: Data, train: DatasetContents, *others: DatasetContents | None) -> tuple[Remark, ...]:
    """Return the remarks about all splits. A remark about several splits of one file appears once.

    Remarks about the scale are left out if the config sets the scale.
    """
    remarks = dict.fromkeys(remark for contents in (train, *others) if contents for remark in contents.remarks)
    return tuple(remark for remark in remarks if data.scale is None or not remark.override.startswith("data.scale="))


def inspect_split(data: Data, part: SplitName, train: DatasetContents | None = None) -> DatasetContents | None:
    """Return the contents of one split of user data; `None` if the data has no such split.

    Args:
        data: The user's data.
        part: The name of the split.
        train: The contents of the training split. They determine the classes and the target of another split.

    Raises:
        UserDataError: a file is missing or invalid.
    """
    classes = train.classes if train is not None else None
    if data.dataset == "npz":
        from dnn_cli.formats.npz_arrays import inspect_npz

        options = data.array_options
        return inspect_npz(str(data.path), options if train is None else replace(options, scale=train.pixel_max), part)
    path = data.get_split_path(part)
    if path is None:
        return None
    if data.dataset in TABLE_KINDS:
        from dnn_cli.formats.csv_table import inspect_csv
        from dnn_cli.formats.parquet_rows import check_table_kind

        check_table_kind(path, data.dataset)
        csv_options = data.csv_options if train is None else replace(data.csv_options, target=train.target)
        return inspect_csv(path, csv_options, classes)
    from dnn_cli.formats.image_directory import inspect_images

    contents = inspect_images(path, data.image_options, classes)
    return replace(contents, remarks=(*(data.list_layout_remarks() if train is None else ()), *contents.remarks))


def _inspect_other_split(data: Data, part: SplitName, train: DatasetContents) -> DatasetContents | None:
    """Return the contents of the validation or test split; `None` if the data has no such split.

    Raises:
        UserDataError: a file is missing or invalid, or the split does not match the training examples.
    """
    try:
        other = inspect_split(data, part, train)
        if other is not None:
            _check_same_kind(part, other, train, _suggest_common_size(data, train))
    except UserDataError as error:
        key = f"{part}_path" if data.dataset != "npz" and error.key == "path" else error.key
        raise UserDataError(error.message, error.suggestion, key) from None
    return other


def _suggest_common_size(data: Data, train: DatasetContents) -> str:
    """Suggest the size of the training images for all images of a directory; empty for other data."""
    if data.dataset != "image_folder":
        return ""
    return f"use data.image_size=[{train.input_shape[0]},{train.input_shape[1]}] to resize all images"


def _check_same_kind(part: str, other: DatasetContents, train: DatasetContents, shape_hint: str) -> None:
    """Check that a validation or test split has the same pixels, targets, shape and columns as the training split.

    Args:
        part: The name of the split.
        other: The contents of the split.
        train: The contents of the training split.
        shape_hint: The suggestion for another shape.

    Raises:
        UserDataError: pixels, number of targets, shape or columns differ.
    """
    if other.pixel_max != train.pixel_max:
        kinds = ["uint8 pixels" if contents.pixel_max > 1 else "other numbers" for contents in (other, train)]
        raise UserDataError(
            f"the {part} inputs are {kinds[0]}, but the training inputs are {kinds[1]}", "save both with the same type"
        )
    if other.targets != train.targets:
        counts = f"{_count_targets(other.targets)}, but the training examples have {_count_targets(train.targets)}"
        raise UserDataError(f"the {part} examples have {counts}")
    if other.input_columns != train.input_columns:
        columns = f"{', '.join(other.input_columns)}, but the training examples have {', '.join(train.input_columns)}"
        raise UserDataError(f"the {part} examples have the columns {columns}", "use the same columns in the same order")
    # The number of inputs of a category column is that of the training file.
    if not train.columns and other.input_shape != train.input_shape:
        shapes = f"{other.input_shape}, but the training examples have the shape {train.input_shape}"
        raise UserDataError(f"the {part} examples have the shape {shapes}", shape_hint)


def _count_targets(number: int) -> str:
    """Return a number of targets as text: `1 target`, `3 targets`."""
    return f"{number} {'target' if number == 1 else 'targets'}"
