"""The examples an experiment trains and validates on: uint8 images, their classes, and which is for what."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.idx import parse_idx
from dnn_cli.data.sources import Watcher, find_contents, quiet
from dnn_cli.errors import DataError
from dnn_cli.spec.datasets import Dataset, EmbeddedDataset, IdxDataset
from dnn_cli.spec.experiment import Data


@dataclass(frozen=True)
class Examples:
    """Images, uint8 of (n, height, width), and their classes, uint8 of (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def fingerprint(self) -> str:
        """A digest that is equal only for equal examples in equal order."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class Split:
    """Which examples train and which validate: indices, int64, in the order scikit-learn gives them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]


def load_examples(data: Data, watch: Watcher = quiet) -> Examples:
    """The examples to train and validate on.

    Raises:
        DataError: the dataset is not to be had, or is not what it should be.
    """
    examples = read(data.facts, data.path, "train", watch)
    if examples.images.shape != (data.facts.examples, *data.facts.image_shape):
        raise DataError(f"{data.dataset} has the shape {examples.images.shape}, which is not its own")
    return examples


def load_test_examples(data: Data, watch: Watcher = quiet) -> Examples:
    """The examples kept apart for the last judgement.

    Raises:
        DataError: the dataset has none, or is not to be had.
    """
    if not data.facts.test_examples:
        raise DataError(f"{data.dataset} has no test set")
    return read(data.facts, data.path, "test", watch)


def read(dataset: Dataset, path: str | None, part: str, watch: Watcher) -> Examples:
    """One part of a dataset, `train` or `test`, from wherever it is."""
    if isinstance(dataset, IdxDataset):
        contents = find_contents(dataset, path, watch)
        images, labels = (getattr(dataset, f"{part}_{what}") for what in ("images", "labels"))
        return Examples(parse_idx(contents[images.name], images.name), parse_idx(contents[labels.name], labels.name))
    if isinstance(dataset, EmbeddedDataset):
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, dataset.loader)()
        return Examples(bunch.images.astype(np.uint8), bunch.target.astype(np.uint8))
    raise TypeError(f"no way to read a {type(dataset).__name__}")


def split_examples(data: Data, count: int) -> Split:
    """scikit-learn's split of `count` examples, as indices instead of copies."""
    from sklearn.model_selection import train_test_split

    train, validation = train_test_split(np.arange(count), test_size=data.validation_size, random_state=data.split_seed)
    return Split(train, validation)
