"""Statistics of training inputs for the input profile of a run, and descriptions of unusual inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.data.data_leakage import measure_leakage
from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.preprocessing import Preprocessing
from dnn_cli.formats.date_cells import format_date
from dnn_cli.formats.input_scale import MIN_PIXEL_COUNT, have_different_scales
from dnn_cli.formats.table_columns import DAYS_PART
from dnn_cli.formats.table_encoding import TableEncoding
from dnn_cli.runs.input_profile import IMAGE_STATISTICS, InputProfile

_MAX_SAMPLE_NUMBERS = 400_000
"""Approximate maximum number of values in a sample of inputs: 500 images of 28 × 28, or all rows of most tables. The
measurement of a sample then takes much less time than the shortest training."""

_MAX_SAMPLE_TARGETS = 10_000
"""Maximum number of training targets in the input profile. These targets take 40 kB, and give the share of each class
to within 1 percentage point."""

_USUAL_QUANTILES = (0.01, 0.99)
"""Quantiles that limit the usual range of an image statistic, such as brightness. The range contains 98% of the sampled
training images."""


def build_input_profile(
    dataset_info: DatasetInfo, examples: Examples, split: Split, preprocessing: Preprocessing
) -> InputProfile:
    """Build the input profile of a run, the content of `inputs.npz`: scaling, statistics and measurements of leakage.

    Equal arguments give equal profiles.
    """
    return replace(
        measure_inputs(dataset_info, examples, split, preprocessing),
        labels=_sample_targets(dataset_info, examples, split.train),
        **_measure_validation_inputs(examples, split, math.prod(dataset_info.input_shape)),
        **measure_leakage(dataset_info, examples, split),
    )


def measure_inputs(
    dataset_info: DatasetInfo, examples: Examples, split: Split, preprocessing: Preprocessing
) -> InputProfile:
    """Return an input profile with only the scaling and the statistics of the training inputs.

    Measuring these fields takes little time. The other fields are `None`.
    """
    if examples.encoding is not None:
        columns = tuple(column.column for column in examples.encoding.columns)
        dataset_info = replace(dataset_info, columns=columns, features=examples.encoding.input_names)
    size = math.prod(dataset_info.input_shape)
    sample = _sample_inputs(examples, split.train, size)
    minimum, maximum = sample.min(0), sample.max(0)
    average = sample.mean(0, dtype=np.float64).astype(np.float32)
    looks = None
    if is_image_shape(dataset_info.input_shape):
        sample_looks = measure_looks(sample, dataset_info.input_shape, minimum, maximum, average)
        looks = np.quantile(sample_looks, _USUAL_QUANTILES, axis=0).T.astype(np.float32)
    deviation = sample.std(0, dtype=np.float64).astype(np.float32)
    target_scaling = preprocessing.target_scaling
    return InputProfile(
        dataset_info,
        preprocessing.scale,
        preprocessing.mean,
        minimum,
        maximum,
        average,
        deviation,
        looks,
        encoding=examples.encoding,
        target_mean=target_scaling.mean if target_scaling else None,
        target_scale=target_scaling.scale if target_scaling else None,
    )


def _sample_inputs(examples: Examples, indices: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Return inputs at evenly spaced positions in `indices`, as rows of shape (n, size).

    The rows have about `_MAX_SAMPLE_NUMBERS` values in total, or fewer.

    Args:
        examples: The examples of all splits.
        indices: The indices of the examples from which the sample is chosen.
        size: The number of values of one input.
    """
    step = max(1, len(indices) * size // _MAX_SAMPLE_NUMBERS)
    return examples.inputs[np.sort(indices[::step])].reshape(-1, size).astype(np.float32)


def _sample_targets(dataset_info: DatasetInfo, examples: Examples, indices: NDArray[np.int64]) -> NDArray[Any]:
    """Return the targets at evenly spaced positions in `indices`, at most `_MAX_SAMPLE_TARGETS` targets."""
    targets = examples.targets[indices[:: max(1, math.ceil(len(indices) / _MAX_SAMPLE_TARGETS))]]
    return targets.astype(np.int32 if dataset_info.is_classification else np.float32)


def _measure_validation_inputs(examples: Examples, split: Split, size: int) -> dict[str, Any]:
    """Measure the mean and standard deviation of each value of the validation inputs.

    The result has the names of the fields of `InputProfile`. Without validation examples, the result is empty.

    Args:
        examples: The examples of all splits.
        split: The indices of the validation examples.
        size: The number of values of one input.
    """
    if not len(split.validation):
        return {}
    sample = _sample_inputs(examples, split.validation, size)
    return {
        "validation_average": sample.mean(0, dtype=np.float64).astype(np.float32),
        "validation_deviation": sample.std(0, dtype=np.float64).astype(np.float32),
    }


def is_image_shape(shape: Sequence[int]) -> bool:
    """Return whether a shape is (height, width), or (height, width, channels) with 1 to 4 channels."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4)


def measure_looks(
    rows: NDArray[np.float32],
    shape: Sequence[int],
    minimum: NDArray[np.float32],
    maximum: NDArray[np.float32],
    average: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Measure the looks of each image, which are the four `IMAGE_STATISTICS`, as float64 of shape (n, 4).

    Brightness is the mean of the pixels, contrast their standard deviation, and border the median of the pixels at the
    border. These three are shares of the range of the training pixels. Likeness is the correlation with the mean
    training image.

    Args:
        rows: The images, of shape (n, size).
        shape: The shape of an image.
        minimum: The minimum of every value over the training images, of shape (size,).
        maximum: The maximum of every value over the training images, of shape (size,).
        average: The mean of every value over the training images, of shape (size,).
    """
    low = float(minimum.min())
    span = float(maximum.max()) - low or 1.0
    images = rows.reshape(len(rows), *shape[:2], -1)
    sides = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    border = np.concatenate([side.reshape(len(rows), -1) for side in sides], axis=1)
    brightness = rows.mean(1)
    centred, mean_image = rows - brightness[:, None], average - average.mean()
    contrast = np.sqrt(np.einsum("ij,ij->i", centred, centred) / rows.shape[1])
    norm = contrast * math.sqrt(rows.shape[1]) * float(np.linalg.norm(mean_image))
    likeness = np.divide(centred @ mean_image, norm, out=np.zeros(len(rows), np.float32), where=norm > 0)
    looks = ((brightness - low) / span, contrast / span, (np.median(border, 1) - low) / span, likeness)
    return np.stack(looks, axis=1).astype(np.float64)


def find_white_value(input_profile: InputProfile) -> float | None:
    """Return the value of a white pixel in the training images: 255, or 1 if pixels range from 0 to 1.

    The result is `None` if some pixels are outside of 0 to 255.
    """
    low, high = float(input_profile.minimum.min()), float(input_profile.maximum.max())
    # A divisor that is smaller than some pixels is not the value of white.
    if input_profile.dataset_info.pixel_max > 1 and high <= input_profile.dataset_info.pixel_max:
        return float(input_profile.dataset_info.pixel_max)
    if low < 0 or high > 255:
        return None
    return 1.0 if high <= 1 else 255.0


_LOOK_MARGINS = dict(zip(IMAGE_STATISTICS, (0.1, 0.1, 0.1, 0.2), strict=True))
"""Margin of each image statistic, by name. An image is unusual if a statistic is outside of its usual range by more
than the margin."""

_MAX_STRICT_NUMBERS = 100
"""An input of at most this number of values counts as unusual if one of its values is unusual.

A larger input nearly always has a few unusual values. A larger input therefore counts as unusual only if the share of
unusual values is at least `_MIN_UNUSUAL_SHARE`."""

_MIN_UNUSUAL_SHARE = 0.05
_MAX_NAMED_NUMBERS = 3


def describe_unusual_inputs(inputs: NDArray[Any], input_profile: InputProfile) -> list[list[str]]:
    """Describe how each input differs from the training inputs, in a list of phrases for each input.

    The list is empty for an input that resembles the training inputs.

    Args:
        inputs: The unscaled inputs, of shape (n, …), with values as in the training data.
        input_profile: The input profile of the run.
    """
    rows = inputs.reshape(len(inputs), -1).astype(np.float32)
    if input_profile.encoding is not None:
        return _describe_unusual_numbers(rows, input_profile, _list_encoded_numbers(input_profile.encoding))
    low, high = float(input_profile.minimum.min()), float(input_profile.maximum.max())
    if rows.shape[1] >= MIN_PIXEL_COUNT and len(rows):
        least, most = float(rows.min()), float(rows.max())
        if have_different_scales((least, most), (low, high)):
            phrase = f"its values are on another scale, {least:.3g} to {most:.3g}, in training {low:.3g} to {high:.3g}"
            return [[phrase] for _ in rows]
    if input_profile.looks is None:
        names = input_profile.dataset_info.features or [f"number {at + 1}" for at in range(rows.shape[1])]
        numbers = [_NamedNumber(at, name) for at, name in enumerate(names)]
        return _describe_unusual_numbers(rows, input_profile, numbers)
    slack = 0.1 * (high - low)
    looks_by_row = measure_looks(
        rows,
        input_profile.dataset_info.input_shape,
        input_profile.minimum,
        input_profile.maximum,
        input_profile.average,
    )
    descriptions = []
    for row, looks in zip(rows, looks_by_row, strict=True):
        least, most = float(row.min()), float(row.max())
        if least < low - slack or most > high + slack or most - least < (high - low) / 100:
            range_text = (
                f"its values are all {least:.3g}"
                if least == most
                else f"its values range from {least:.3g} to {most:.3g}"
            )
            descriptions.append([f"{range_text}; the training values range from {low:.3g} to {high:.3g}"])
        else:
            descriptions.append(_describe_unusual_looks(looks, input_profile.looks))
    return descriptions


def _describe_unusual_looks(looks: NDArray[np.float64], usual_looks: NDArray[np.float32]) -> list[str]:
    """Describe how an image differs from nearly all training images. The list is empty for a usual image.

    If the border is unusual, only the border is described, because it explains the other differences.

    Args:
        looks: The `IMAGE_STATISTICS` of the image, of shape (4,).
        usual_looks: The usual range of each statistic, of shape (4, 2).
    """
    outside = {}
    for name, value, (least, most) in zip(IMAGE_STATISTICS, looks.tolist(), usual_looks.tolist(), strict=True):
        if not least - _LOOK_MARGINS[name] <= value <= most + _LOOK_MARGINS[name]:
            outside[name] = (value > most, f"{value:.2f}, in training {least:.2f} to {most:.2f}")
    if "border" in outside:
        above, numbers = outside["border"]
        kinds = ("light", "dark") if above else ("dark", "light")
        return [f"its background is {kinds[0]} ({numbers}): use --invert if the training background is {kinds[1]}"]
    words = {
        "brightness": ("is darker than", "is lighter than"),
        "contrast": ("has less contrast than", "has more contrast than"),
        "likeness": (
            "is less similar to the mean training image than",
            "is more similar to the mean training image than",
        ),
    }
    return [f"it {words[name][above]} the training images ({numbers})" for name, (above, numbers) in outside.items()]


@dataclass(frozen=True)
class _NamedNumber:
    """Value of an input with a name in descriptions."""

    index: int
    """Position of the value in the input."""

    name: str
    first_day: float | None = None
    """Day 0 of a value that counts days, in days since 1970-01-01; `None` for other numbers."""

    def format(self, value: float) -> str:
        """Format a value as a number, or as a date."""
        return f"{value:.6g}" if self.first_day is None else format_date(float(value) + self.first_day)


def _list_encoded_numbers(encoding: TableEncoding) -> list[_NamedNumber]:
    """List the inputs that are numbers of columns, with the names of these columns.

    The days of a date represent all of its inputs. Inputs of 0 and 1 cannot be unusual.
    """
    numbers, start = [], 0
    for column_encoding in encoding.columns:
        column = column_encoding.column
        if column.type == "number":
            numbers.append(_NamedNumber(start, column.name))
        elif column.type == "date":
            at = start + column.parts.index(DAYS_PART)
            numbers.append(_NamedNumber(at, column.name, column_encoding.first_day))
        start += column.inputs
    return numbers


def _describe_unusual_numbers(
    rows: NDArray[np.float32], input_profile: InputProfile, numbers: Sequence[_NamedNumber]
) -> list[list[str]]:
    """Describe the unusual values of each row, in a list of phrases for each row.

    A value is unusual if its distance from the training range is more than half of the width of this range. The list is
    empty for a row without unusual values. For a row of more than `_MAX_STRICT_NUMBERS` values, the list is also empty
    if the share of unusual values is below `_MIN_UNUSUAL_SHARE`.

    Args:
        rows: The unscaled inputs, of shape (n, size).
        input_profile: The input profile of the run.
        numbers: The values of an input that can be unusual.
    """
    indices = [number.index for number in numbers]
    values, minimum, maximum = rows[:, indices], input_profile.minimum[indices], input_profile.maximum[indices]
    half = (maximum - minimum) / 2
    outside = (values < minimum - half) | (values > maximum + half)
    least = _MIN_UNUSUAL_SHARE * len(numbers) if len(numbers) > _MAX_STRICT_NUMBERS else 1
    descriptions: list[list[str]] = []
    for row, out in zip(values, outside, strict=True):
        unusual_columns = np.flatnonzero(out).tolist() if out.sum() >= least else []
        named = [
            f"{numbers[at].name} is {numbers[at].format(row[at])}, in training {numbers[at].format(minimum[at])} to "
            f"{numbers[at].format(maximum[at])}"
            for at in unusual_columns[:_MAX_NAMED_NUMBERS]
        ]
        more = (
            [f"and {len(unusual_columns) - _MAX_NAMED_NUMBERS} more"]
            if len(unusual_columns) > _MAX_NAMED_NUMBERS
            else []
        )
        descriptions.append([*named, *more])
    return descriptions
