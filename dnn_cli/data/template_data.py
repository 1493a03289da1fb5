"""Choices of a config template that need the examples: scale, ignored columns, image size and stratified splits."""

import numpy as np

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import TABLE_KINDS
from dnn_cli.data.column_advice import list_leak_issues
from dnn_cli.data.data_advice import are_undivided_pixels
from dnn_cli.data.examples import load_examples, load_targets, split_examples
from dnn_cli.errors import UserDataError

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


def ignore_leaking_columns(data: Data) -> tuple[Data, str]:
    """Return the data section of a table without the columns that make scores too good, and the reason as text.

    These columns number the rows or alone predict the target. For other data, the data section is unchanged.
    """
    if data.dataset not in TABLE_KINDS:
        return data, ""
    names, examples = data.info.features, load_examples(data)
    issues = list_leak_issues(examples, np.arange(len(examples)))
    columns = [names[column] for issue in issues for column in issue.columns]
    if not columns or len(columns) == len(names):
        return data, ""
    reason = "; ".join(issue.format_sentence(names) for issue in issues)
    ignored = (*(data.ignore or ()), *columns)
    return Data.model_validate({**data.model_dump(exclude_unset=True), "ignore": ignored}), reason


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

    For a regression, return `False`.
    """
    if not data.info.is_classification or not data.info.examples < _MAX_CHECKED_EXAMPLES:
        return data.info.is_classification

    test_size = 0.0 if data.info.test_examples else 0.2
    stratified_data = data.model_copy(update={"stratify": True, "test_size": test_size, "validation_size": 0.2})
    try:
        split_examples(stratified_data, load_targets(data))
    except UserDataError:
        return False
    return True
