"""Random samples of a few examples of each class. Equal seeds give equal samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.data.examples import Examples, load_examples, split_examples
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.formats.table_columns import TableColumn

_ZERO_TOLERANCE = 1e-6
"""Means below this share of the range of the values (maximum - minimum) are rounding errors of float32. They are
replaced by 0."""


@dataclass(frozen=True)
class _ClassSample:
    """Drawn examples of a class, or of a whole regression dataset."""

    name: str
    """Class name; empty for a regression."""

    count: int
    """Number of examples of the class, from which the sample is drawn."""

    indices: NDArray[np.int64]
    """Indices of the drawn examples in the data."""

    examples: Examples
    """Drawn examples. Typed columns of a table are not encoded."""


@dataclass(frozen=True)
class Sample:
    """Drawn examples of each class, in the order of the classes, and the range and mean of all inputs."""

    classes: tuple[_ClassSample, ...]
    features: tuple[str, ...]
    """Names of the values of an input, such as columns of a table; empty if the values have no names."""

    low: NDArray[np.float64]
    """Minimum of each value of an input over all training and validation examples, of shape (size,).

    Categories, yes and no, and dates have NaN, and missing cells do not count. The same holds for `mean` and `high`."""

    mean: NDArray[np.float64]
    """Mean of each value over the same examples as `low`, of shape (size,)."""

    high: NDArray[np.float64]
    """Maximum of each value over the same examples as `low`, of shape (size,)."""

    columns: tuple[TableColumn, ...] = ()
    """Typed columns of a table; empty for other data."""


def draw_sample(data: Data, per_class: int, seed: int, report_progress: ReadProgress = ignore_progress) -> Sample:
    """Draw random examples of every class from the training and validation examples.

    Equal seeds draw equal examples from equal data.

    Args:
        data: The data of an experiment.
        per_class: The maximum number of examples of a class.
        seed: The seed of the random numbers.
        report_progress: The function that receives the progress.

    Raises:
        DataError: the data cannot be loaded.
    """
    report_progress(f"loading {data.title}")
    examples = load_examples(data, report_progress)
    usable = np.arange(len(examples))
    # Test examples that are split off stay unseen.
    if data.split_off_test_examples:
        usable = np.delete(usable, split_examples(data, examples).test)
    names = data.info.classes
    targets = examples.targets[usable]
    groups = [(name, usable[targets == number]) for number, name in enumerate(names)] or [("", usable)]
    rows = examples.inputs.reshape(len(examples), -1)
    usable_rows = rows if len(usable) == len(rows) else rows[usable]
    columns = data.info.columns if examples.categories else ()
    low, mean, high = (
        _measure_numbers(columns, usable_rows)
        if columns
        else (
            usable_rows.min(0).astype(np.float64),
            usable_rows.mean(0, dtype=np.float64),
            usable_rows.max(0).astype(np.float64),
        )
    )
    mean[abs(mean) < _ZERO_TOLERANCE * (high - low)] = 0
    return Sample(
        tuple(
            _draw_class_sample(examples, name, candidates, per_class, (seed, number))
            for number, (name, candidates) in enumerate(groups)
        ),
        _list_feature_names(data),
        low,
        mean,
        high,
        columns,
    )


def _measure_numbers(
    columns: Sequence[TableColumn], rows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Measure the minimum, mean and maximum of the columns of numbers, without missing cells; NaN for other columns."""
    measured = np.full((3, len(columns)), np.nan)
    for at, column in enumerate(columns):
        present = rows[~np.isnan(rows[:, at]), at]
        if column.type == "number" and len(present):
            measured[:, at] = present.min(), present.mean(), present.max()
    return measured[0], measured[1], measured[2]


def _draw_class_sample(
    examples: Examples, name: str, candidates: NDArray[np.int64], max_count: int, seed: Sequence[int]
) -> _ClassSample:
    """Draw at most `max_count` random examples of a class, or of a whole regression dataset.

    Examples of a class keep the order of the data. Examples of a regression are sorted by their targets.

    Args:
        examples: The examples of all classes.
        name: The name of the class; empty for a regression.
        candidates: The indices of the examples that can be drawn.
        max_count: The maximum number of drawn examples.
        seed: The seed of the random numbers.
    """
    indices = np.sort(np.random.default_rng(seed).choice(candidates, min(max_count, len(candidates)), replace=False))
    if not name:
        indices = indices[np.argsort(examples.targets[indices, 0], kind="stable")]
    return _ClassSample(name, len(candidates), indices, examples[indices])


def _list_feature_names(data: Data) -> tuple[str, ...]:
    """Return the names of the values of an input; an empty tuple if the values have no names."""
    dataset = DATASETS.get(data.dataset)
    if isinstance(dataset, EmbeddedDataset) and len(dataset.input_shape) == 1:
        import sklearn.datasets

        return tuple(getattr(sklearn.datasets, dataset.loader)().feature_names)
    return data.info.input_columns
