"""Choices of a config template that need the examples: scale, ignored columns, image size and stratified splits."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dnn_cli.config.data import MAX_COLUMNS, MAX_NAME_LENGTH, Data
from dnn_cli.config.datasets import TABLE_KINDS
from dnn_cli.data.column_advice import list_leak_issues
from dnn_cli.data.data_advice import are_undivided_pixels
from dnn_cli.data.examples import Examples, load_examples, load_targets, split_examples
from dnn_cli.errors import UserDataError
from dnn_cli.formats.column_types import choose_column_types
from dnn_cli.formats.csv_rows import open_rows
from dnn_cli.formats.data_overrides import format_column_override
from dnn_cli.formats.dataset_contents import Remark

_MAX_CHECKED_EXAMPLES = 50_000
"""If a dataset has at least this number of examples, a stratified split is assumed to be possible.

Every class then probably has enough examples, and the examples of each class are not counted.
"""

_MAX_TARGET_SIZE = 10.0
"""Targets with a mean or standard deviation of at least this number are standardized: outputs start near 0."""

_MIN_TARGET_DEVIATION = 0.1
"""Targets with a smaller standard deviation are standardized: the outputs of an untrained network vary more."""


def divide_pixels(data: Data) -> Data:
    """Return the data section of arrays of images with `scale: 255` if their values are pixels up to 255.

    Arrays of uint8 are already divided. Other data, and data with a scale, is unchanged.
    """
    if data.dataset != "npz" or data.scale is not None or len(data.info.input_shape) < 2:
        return data
    examples = load_examples(data)
    if not are_undivided_pixels(data, examples, np.arange(len(examples))):
        return data
    return Data.model_validate({**data.model_dump(exclude_unset=True), "scale": 255.0})


def list_target_columns(data: Data) -> list[str]:
    """List the columns of a table that can be the target, in the order of the file; empty for other data.

    Raises:
        UserDataError: the file is not a table.
    """
    if data.dataset not in TABLE_KINDS or data.path is None:
        return []
    roles = {*(data.ignore or ()), *(data.columns or ()), data.weight, data.group, data.time}
    with open_rows(data.path, data.csv_options) as rows:
        return [name for cell in rows.header[1] if (name := cell.strip()) and name not in roles]


def choose_columns(data: Data) -> tuple[Data, list[Remark]]:
    """Return the data section of a table with the types of its columns, and the reasons for ignored columns.

    A table of numbers alone keeps its data section, without `columns`. Types that the data section has are kept. Other
    data is unchanged.

    Raises:
        UserDataError: the file is not a table, or no column is left for the inputs.
    """
    if data.dataset not in TABLE_KINDS or data.path is None:
        return data, []
    typed = data.columns or {}
    choices = [choice for choice in choose_column_types(data.path, data.csv_options) if choice.name not in typed]
    left_out = [choice for choice in choices if choice.options is None]
    if len(left_out) == len(choices) and not typed:
        first = choices[0]
        raise UserDataError(
            f"{data.title} has no columns for the inputs: {first.name} {first.reason}",
            f"use {format_column_override(first.name, 'category')}",
            "columns",
        )
    values = data.model_dump(exclude_unset=True)
    if left_out:
        values["ignore"] = (*(data.ignore or ()), *(choice.name for choice in left_out))
    are_plain = all(choice.is_plain_number for choice in choices if choice.options is not None)
    # Texts of missing cells belong to typed columns, even if no such text occurs.
    if not are_plain or data.missing is not None or typed:
        chosen = {choice.name: choice.list_values() for choice in choices if choice.options is not None}
        values["columns"] = {**values.get("columns", {}), **chosen}
    _check_limits(data, [*values.get("columns", ()), *(choice.name for choice in left_out)])
    return Data.model_validate(values), [
        Remark(f"column {choice.name} {choice.reason}", choice.override) for choice in left_out
    ]


def describe_left_out(reasons: Sequence[Remark]) -> list[Remark]:
    """Return remarks on columns that are left out, from the reasons."""
    return [replace(reason, message=f"{reason.message}; left out") for reason in reasons]


def _check_limits(data: Data, names: Sequence[str]) -> None:
    """Check that a config can contain the names of columns.

    Raises:
        UserDataError: a name is too long, or there are too many names.
    """
    longest = max(names, key=len, default="")
    if len(longest) > MAX_NAME_LENGTH:
        message = f"{data.title} has a column with a name of {len(longest):,} characters"
        raise UserDataError(message, f"use a name of at most {MAX_NAME_LENGTH:,} characters", "columns")
    if len(names) > MAX_COLUMNS:
        message = f"{data.title} has {len(names):,} columns; the limit for columns with types is {MAX_COLUMNS:,}"
        raise UserDataError(message, "save the inputs as numbers in an .npz file", "columns")


def ignore_leaking_columns(data: Data) -> tuple[Data, list[Remark]]:
    """Return the data section of a table without the columns that make scores too good, and the reasons.

    These columns number the rows or alone predict the target. For other data, the data section is unchanged.
    """
    if data.dataset not in TABLE_KINDS:
        return data, []
    names, examples = data.info.input_columns, load_examples(data)
    categories = {at for at, column in enumerate(data.info.columns) if column.type == "category"}
    # The codes of categories number the rows if all categories differ.
    issues = [
        issue
        for issue in list_leak_issues(_fill_missing_values(data, examples), np.arange(len(examples)))
        if issue.kind == "revealing_columns" or not categories.intersection(issue.columns)
    ]
    columns = [names[column] for issue in issues for column in issue.columns]
    if not columns or len(columns) == len(names):
        return data, []
    reasons = [Remark(issue.format_sentence(names)) for issue in issues]
    values = {**data.model_dump(exclude_unset=True), "ignore": (*(data.ignore or ()), *columns)}
    if data.columns is not None:
        values["columns"] = {name: value for name, value in values["columns"].items() if name not in columns} or None
    return Data.model_validate(values), reasons


def _fill_missing_values(data: Data, examples: Examples) -> Examples:
    """Return typed columns without missing cells, in which dates are 0. Other examples are returned unchanged.

    The days of a daily table would otherwise count as row numbers.
    """
    if not examples.categories:
        return examples
    filled = np.nan_to_num(examples.inputs, nan=-1.0)
    filled[:, [column.type == "date" for column in data.info.columns]] = 0
    return replace(examples, inputs=filled)


def apply_suggested_image_size(data: Data) -> Data:
    """Return the data section of an image directory with an `image_size` that suits its images.

    Raises:
        UserDataError: the directory holds no readable images.
    """
    from dnn_cli.formats.image_directory import sample_image_sizes

    size = sample_image_sizes(str(data.get_split_path("train")), data.image_options).suggest_size()
    return data.model_copy(update={"image_size": size})


def needs_standardized_targets(data: Data) -> bool:
    """Return whether a target of a regression is far from mean 0 and standard deviation 1.

    Targets are far if mean or deviation is at least 10, or if the deviation is below 0.1.
    """
    if data.info.is_classification:
        return False
    targets = load_examples(data).targets.astype(np.float64)
    mean, deviation = targets.mean(0), targets.std(0)
    is_near = (np.abs(mean) < _MAX_TARGET_SIZE) & (deviation < _MAX_TARGET_SIZE) & (deviation >= _MIN_TARGET_DEVIATION)
    return not is_near.all()


def can_stratify(data: Data) -> bool:
    """Return whether a classification has enough examples of each class for a stratified split.

    For a regression, and for splits by groups or times, return `False`.
    """
    if data.group is not None or data.time is not None:
        return False
    if not data.info.is_classification or not data.info.examples < _MAX_CHECKED_EXAMPLES:
        return data.info.is_classification

    test_size = 0.0 if data.info.test_examples else 0.2
    stratified_data = data.model_copy(update={"stratify": True, "test_size": test_size, "validation_size": 0.2})
    try:
        split_examples(stratified_data, load_targets(data))
    except UserDataError:
        return False
    return True
