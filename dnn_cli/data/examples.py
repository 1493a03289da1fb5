"""The examples an experiment trains and validates on, and which of them is for what."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.idx import parse_idx
from dnn_cli.data.own import read_own
from dnn_cli.data.sources import find_contents
from dnn_cli.errors import DataError, OwnDataError
from dnn_cli.formats.contents import Arrays
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.spec.data import Data
from dnn_cli.spec.datasets import DATASETS, EmbeddedDataset, IdxDataset


@dataclass(frozen=True)
class Examples(Arrays):
    """Inputs, uint8 or float32 of (n, *input_shape), and what is true of them.

    Labels are classes, uint8 or int32 of (n,), or numbers to predict, float32 of (n, targets).
    """

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: Any) -> "Examples":
        return Examples(self.inputs[indices], self.labels[indices])

    def fingerprint(self) -> str:
        """A digest that is equal only for equal examples in equal order."""
        return self.digest

    @cached_property
    def digest(self) -> str:
        """The fingerprint, worked out once: it takes as long as a small training."""
        digest = hashlib.sha256(repr(self.inputs.shape).encode())
        digest.update(np.ascontiguousarray(self.inputs).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return f"sha256:{digest.hexdigest()}"


NONE: NDArray[np.int64] = np.arange(0)


@dataclass(frozen=True)
class Split:
    """Which examples are for what: indices, int64, in the order scikit-learn gives them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64] = field(default_factory=NONE.copy)
    test: NDArray[np.int64] = field(default_factory=NONE.copy)
    """Split off where the data has no test set of its own."""

    def fingerprint(self) -> str:
        """A digest that is equal only for equal splits."""
        parts = (self.train, self.validation, self.test)
        return f"sha256:{hashlib.sha256(b'|'.join(part.tobytes() for part in parts)).hexdigest()}"


def load_examples(data: Data, watch: Watcher = quiet) -> Examples:
    """The examples to train and validate on, a validation set of its own at the end.

    Raises:
        DataError: the dataset is not to be had, or is not what it should be.
    """
    if data.dataset not in DATASETS:
        parts = [read_own(data, "train", watch)]
        if own := data.facts.validation_examples:
            parts.append(read_own(data, "validation", watch))
        if [len(part.labels) for part in parts] != [data.facts.examples - own, own][: len(parts)]:
            raise OwnDataError(f"{data.title} has changed since it was checked", "start again")
        if len(parts) == 1:
            return Examples(parts[0].inputs, parts[0].labels)
        return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("inputs", "labels")))
    examples = read(data, "train", watch)
    if examples.inputs.shape != (data.facts.examples, *data.facts.input_shape):
        raise DataError(f"{data.dataset} has the shape {examples.inputs.shape}, which is not its own")
    return examples


def load_test_examples(data: Data, watch: Watcher = quiet) -> Examples:
    """The examples kept apart for the last judgement.

    Raises:
        DataError: the dataset has none, or is not to be had.
    """
    if not data.test_examples:
        where = "data.test_path or data.test_size" if data.dataset not in DATASETS else "data.test_size"
        raise DataError(f"{data.title} has no test set", f"{where} keeps one apart, before the training")
    if data.split_off:
        examples = load_examples(data, watch)
        return examples[split_examples(data, examples).test]
    if data.dataset not in DATASETS:
        part = read_own(data, "test", watch)
        return Examples(part.inputs, part.labels)
    return read(data, "test", watch)


def read(data: Data, part: str, watch: Watcher) -> Examples:
    """One part of a dataset that everybody can have, `train` or `test`, from wherever it is."""
    dataset = DATASETS[data.dataset]
    if isinstance(dataset, IdxDataset):
        contents = find_contents(dataset, data.path, watch)
        images, labels = (getattr(dataset, f"{part}_{what}") for what in ("images", "labels"))
        return Examples(parse_idx(contents[images.name], images.name), parse_idx(contents[labels.name], labels.name))
    if isinstance(dataset, EmbeddedDataset):
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, dataset.loader)()
        if not dataset.is_classification:
            return Examples(bunch.data.astype(np.float32), bunch.target.astype(np.float32)[:, None])
        inputs = bunch.images.astype(np.uint8) if "images" in bunch else bunch.data.astype(np.float32)
        return Examples(inputs, bunch.target.astype(np.uint8))
    raise TypeError(f"no way to read a {type(dataset).__name__}")


def split_examples(data: Data, examples: Examples) -> Split:
    """scikit-learn's split, as indices instead of copies: first the test set, then validation, of what is left.

    Raises:
        OwnDataError: there are too few examples of a class to divide them by class.
    """
    own = data.facts.validation_examples
    train, validation, test = np.arange(len(examples) - own), np.arange(len(examples) - own, len(examples)), NONE
    if data.split_off:
        train, test = divide(data, examples, train, data.test_size)
    if data.validation_size and not own:
        train, validation = divide(data, examples, train, data.validation_size)
    return Split(train, validation, test)


def divide(data: Data, examples: Examples, indices: NDArray[np.int64], share: float) -> list[NDArray[np.int64]]:
    """Some examples in two parts, the second of which is a share of them."""
    from sklearn.model_selection import train_test_split

    labels = examples.labels[indices] if data.stratify else None
    try:
        found: list[NDArray[np.int64]] = train_test_split(
            indices, test_size=share, random_state=data.split_seed, stratify=labels
        )
    except ValueError:
        names, counts = data.facts.classes, np.bincount(examples.labels[indices], minlength=len(data.facts.classes))
        few = int(np.argmin(np.where(counts > 0, counts, len(indices) + 1)))
        raise OwnDataError(
            f"data.stratify: {len(indices):,} examples of {np.count_nonzero(counts)} classes, "
            f"{counts[few]} of {names[few]}, cannot be divided by class into {1 - share:g} and {share:g}",
            "data.stratify=false, or more examples",
        ) from None
    return found
