"""A few examples of every class, always the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.data.examples import Examples, load_examples, split_examples
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress

_ZERO_TOLERANCE = 1e-6
"""Share of the range below which a mean counts as 0, the precision of float32."""


@dataclass(frozen=True)
class _ClassSample:
    """A few examples of one class, or of a regression."""

    name: str
    """Empty for a regression."""

    count: int
    """How many there are to choose from."""

    indices: NDArray[np.int64]
    """Their positions in the data."""

    examples: Examples


@dataclass(frozen=True)
class Sample:
    """A few examples of every class, in the order of the classes."""

    classes: tuple[_ClassSample, ...]
    features: tuple[str, ...]
    """The names of the numbers in a row; empty where they have none."""

    low: NDArray[np.float64]
    """The least, the mean and the most of every number over all examples that train or validate, of (numbers,)."""

    mean: NDArray[np.float64]
    high: NDArray[np.float64]


def draw_sample(data: Data, per_class: int, seed: int, report_progress: ReadProgress = ignore_progress) -> Sample:
    """Examples drawn at random from those that train or validate; which ones depends on the seed alone.

    Raises:
        DataError: the data is not to be had.
    """
    report_progress(f"loading {data.title}")
    examples = load_examples(data, report_progress)
    usable = np.arange(len(examples))
    if data.split_off_test_examples:  # what is kept apart for the test stays unseen
        usable = np.delete(usable, split_examples(data, examples).test)
    names = data.info.classes
    targets = examples.targets[usable]
    groups = [(name, usable[targets == number]) for number, name in enumerate(names)] or [("", usable)]
    rows = examples.inputs.reshape(len(examples), -1)
    usable_rows = rows if len(usable) == len(rows) else rows[usable]
    low, mean, high = (
        usable_rows.min(0).astype(np.float64),
        usable_rows.mean(0, dtype=np.float64),
        usable_rows.max(0).astype(np.float64),
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
    )


def _draw_class_sample(
    examples: Examples, name: str, candidates: NDArray[np.int64], max_count: int, seed: Sequence[int]
) -> _ClassSample:
    """Some of the examples of a class, in the order of the data; of a regression, of what is to be predicted."""
    indices = np.sort(np.random.default_rng(seed).choice(candidates, min(max_count, len(candidates)), replace=False))
    if not name:
        indices = indices[np.argsort(examples.targets[indices, 0], kind="stable")]
    return _ClassSample(name, len(candidates), indices, examples[indices])


def _list_feature_names(data: Data) -> tuple[str, ...]:
    """What the numbers of an example are called."""
    dataset = DATASETS.get(data.dataset)
    if isinstance(dataset, EmbeddedDataset) and len(dataset.input_shape) == 1:
        import sklearn.datasets

        return tuple(getattr(sklearn.datasets, dataset.loader)().feature_names)
    return data.info.features
