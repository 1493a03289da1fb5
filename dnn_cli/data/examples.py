"""The examples of an experiment: reading from user data or a built-in dataset, and splitting."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, TABLE_KINDS, EmbeddedDataset, IdxDataset
from dnn_cli.data.dataset_sources import load_dataset_files
from dnn_cli.data.splitting import split_into_fold, split_into_halves, split_off
from dnn_cli.errors import DataError, UserDataError
from dnn_cli.formats.category_codes import unify_category_codes
from dnn_cli.formats.dataset_contents import ExampleArrays, ReadProgress, SplitName, ignore_progress
from dnn_cli.formats.idx import parse_idx
from dnn_cli.formats.table_encoding import TableEncoding

MAX_MEMORY_SHARE = 1 / 4
"""Maximum size of memory-mapped inputs that are loaded into memory, as a share of the usable memory. Larger inputs are
read from their file, chunk by chunk."""


_DIGEST_BLOCK = 256
"""Number of examples that are converted at once for a digest."""


def _read_user_data(
    data: Data, split_name: SplitName, report_progress: ReadProgress = ignore_progress
) -> ExampleArrays:
    """Read and check one split of the user's own files: training, validation or test examples.

    Raises:
        UserDataError: a file cannot be read or has wrong content.
    """
    path = str(data.get_split_path(split_name))
    classes = data.info.classes if split_name != "train" else None
    if data.dataset in TABLE_KINDS:
        from dnn_cli.formats.csv_table import read_csv

        return read_csv(path, replace(data.csv_options, target=data.info.target), classes)
    if data.dataset == "image_folder":
        from dnn_cli.formats.image_directory import read_images

        return read_images(path, data.image_options, classes, report_progress)
    from dnn_cli.formats.npz_arrays import read_npz

    return read_npz(str(data.path), data.array_options, split_name, len(data.info.classes) or None)


@dataclass(frozen=True)
class Examples(ExampleArrays):
    """Inputs, uint8 or float32 of shape (n, *input_shape), their targets, weights, groups and times.

    Targets are class numbers, uint8 or int32 of shape (n,), or the numbers of a regression, float32 of shape
    (n, targets). The inputs of a table with typed columns are encoded after the split, by
    `data/encoded_examples.py`.
    """

    fixed_groups: NDArray[np.int64] | None = None
    """Group of each example of a separate validation set, of shape (validation examples,); `None` without groups.

    These groups divide the validation set into halves. The digest of the examples leaves them out."""

    fixed_times: NDArray[np.float64] | None = None
    """Time of each example of a separate validation set, like `fixed_groups`."""

    encoding: TableEncoding | None = None
    """Encoding with which the inputs were made from typed columns; `None` for other data, and before the encoding."""

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, indices: Any) -> "Examples":
        optional = (None if array is None else array[indices] for array in (self.weights, self.groups, self.times))
        weights, groups, times = optional
        return replace(
            self,
            inputs=self.inputs[indices],
            targets=self.targets[indices],
            weights=weights,
            groups=groups,
            times=times,
            fixed_groups=None,
            fixed_times=None,
        )

    def compute_fingerprint(self) -> str:
        """Return a digest that is equal only for equal examples in the same order."""
        return self.digest

    def compute_evaluation_digest(self) -> str:
        """Return a SHA-256 digest that is equal for equal inputs and targets, whatever file and number type hold them.

        Weights, groups and times are left out. Inputs of typed columns must be encoded.
        """
        digest = hashlib.sha256(repr(self.inputs.shape).encode())
        # The copies in other types are small, also of inputs that are larger than the memory.
        for start in range(0, len(self), _DIGEST_BLOCK):
            block = slice(start, start + _DIGEST_BLOCK)
            digest.update(np.ascontiguousarray(self.inputs[block], np.float32).data)
            digest.update(np.ascontiguousarray(self.targets[block], np.float64).data)
        return f"sha256:{digest.hexdigest()}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 digest of the inputs, targets, weights, groups and times, computed once.

        The digest of a table with typed columns is that of its columns before their encoding. The computation takes as
        long as a small training.
        """
        digest = hashlib.sha256(repr(self.inputs.shape).encode())
        digest.update(np.ascontiguousarray(self.inputs).data)
        digest.update(np.ascontiguousarray(self.targets).data)
        for array in (self.weights, self.groups, self.times):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        if self.categories:
            digest.update(repr(self.categories).encode("utf-8", "backslashreplace"))
        return f"sha256:{digest.hexdigest()}"


_NO_INDICES: NDArray[np.int64] = np.arange(0)


@dataclass(frozen=True)
class Split:
    """Indices of training, validation, test and reporting examples, int64, in scikit-learn's order."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64] = field(default_factory=_NO_INDICES.copy)
    """Indices of the validation examples; with `data.reporting_half`, those of the tuning half."""

    test: NDArray[np.int64] = field(default_factory=_NO_INDICES.copy)
    """Indices of the test examples that are split off from the data. Empty if test examples have their own file."""

    reporting: NDArray[np.int64] = field(default_factory=_NO_INDICES.copy)
    """Indices of the reporting half of the validation set. Empty without `data.reporting_half`."""

    def compute_fingerprint(self) -> str:
        """Return a digest that is equal only for equal splits."""
        # Splits without a reporting half keep the digests of earlier versions.
        reporting = (self.reporting,) if len(self.reporting) else ()
        parts = (self.train, self.validation, self.test, *reporting)
        return f"sha256:{hashlib.sha256(b'|'.join(part.tobytes() for part in parts)).hexdigest()}"


def load_examples(data: Data, report_progress: ReadProgress = ignore_progress) -> Examples:
    """Load all examples of an experiment except test examples that are stored separately.

    Test examples that `split_examples` splits off are still included. Validation examples from their own file come
    last.

    Raises:
        DataError: the dataset cannot be loaded, or has another shape than expected.
    """
    if data.dataset not in DATASETS:
        return _join_examples(_read_splits(data, _list_loaded_splits(data), report_progress))
    examples = _read_builtin_dataset(data, "train", report_progress)
    if examples.inputs.shape != (data.info.examples, *data.info.input_shape):
        expected_shape = (data.info.examples, *data.info.input_shape)
        raise DataError(f"{data.dataset} has the shape {examples.inputs.shape} instead of {expected_shape}")
    return examples


def load_all_examples(data: Data, report_progress: ReadProgress = ignore_progress) -> tuple[Examples, Examples | None]:
    """Load the examples of `load_examples`, and the separate test set; `None` if the data has no such set.

    The codes of categories are the same in both.

    Raises:
        UserDataError: a file of the user's data is invalid. The message lists the errors of all splits.
        DataError: the dataset cannot be loaded, or has another shape than expected.
    """
    has_test_set = bool(data.test_examples and not data.split_off_test_examples)
    if data.dataset in DATASETS:
        test_set = load_test_examples(data, report_progress) if has_test_set else None
        return load_examples(data, report_progress), test_set
    splits = _list_loaded_splits(data)
    test_split: list[SplitName] = ["test"] if has_test_set else []
    parts = _read_splits(data, [*splits, *test_split], report_progress)
    # The codes of categories are those of one file.
    if has_test_set and parts[0].categories:
        parts = unify_category_codes(parts)
    return _join_examples(parts[: len(splits)]), _join_examples(parts[len(splits) :]) if has_test_set else None


def _list_loaded_splits(data: Data) -> list[SplitName]:
    """List the splits of the user's data that `load_examples` reads: those outside a separate test set."""
    return ["train", "validation"] if data.info.validation_examples else ["train"]


def _read_splits(data: Data, splits: Sequence[SplitName], report_progress: ReadProgress) -> list[ExampleArrays]:
    """Read and check several splits of the user's data.

    Raises:
        UserDataError: a split is invalid, or has changed. The message lists the errors of all splits.
    """
    parts: list[ExampleArrays] = []
    errors: list[UserDataError] = []
    info = data.info
    counts = {
        "train": info.examples - info.validation_examples,
        "validation": info.validation_examples,
        "test": info.test_examples,
    }
    for split in splits:
        try:
            part = _read_user_data(data, split, report_progress)
            if len(part.targets) != counts[split]:
                raise UserDataError(f"{data.title} has changed since the config was checked", "run the command again")
            parts.append(part)
        except UserDataError as error:
            errors.append(error)
    if errors:
        message = "\n".join(error.message for error in errors)
        raise UserDataError(message, errors[-1].suggestion, errors[-1].key)
    return parts


def _join_examples(parts: list[ExampleArrays]) -> Examples:
    """Return the examples of several splits as one object. A single split is not copied."""
    if len(parts) == 1:
        part = parts[0]
        return Examples(part.inputs, part.targets, part.weights, part.groups, part.times, part.categories)
    if parts[0].categories:
        parts = unify_category_codes(parts)
    inputs, targets = (np.concatenate([getattr(part, name) for part in parts]) for name in ("inputs", "targets"))
    weights = [part.weights for part in parts if part.weights is not None]
    # Only the examples of the first part are split; the others have a fixed split.
    first, fixed_count = parts[0], sum(len(part.targets) for part in parts[1:])
    groups = None if first.groups is None else np.append(first.groups, np.full(fixed_count, -1))
    times = None if first.times is None else np.append(first.times, np.full(fixed_count, np.nan))
    all_weights = np.concatenate(weights) if weights else None
    last = parts[-1]
    return Examples(inputs, targets, all_weights, groups, times, first.categories, last.groups, last.times)


def load_targets(data: Data) -> Examples:
    """Load the examples of an experiment for a split, which only needs targets. Images have empty inputs.

    Images are not decoded, because decoding can take minutes. Damaged images are included.

    Raises:
        DataError: the dataset cannot be loaded, or has another shape than expected.
    """
    if data.dataset != "image_folder":
        return load_examples(data)
    from dnn_cli.formats.image_directory import list_class_numbers

    splits: tuple[SplitName, ...] = ("train", "validation")
    paths = [path for path in map(data.get_split_path, splits) if path]
    targets = np.concatenate([list_class_numbers(path, data.image_options, data.info.classes) for path in paths])
    return Examples(np.empty((len(targets), 0), np.uint8), targets)


def load_test_examples(data: Data, report_progress: ReadProgress = ignore_progress) -> Examples:
    """Load the test examples of an experiment, which are split off from its data or stored separately.

    Raises:
        DataError: the dataset has no test examples, or cannot be read.
    """
    if not data.test_examples:
        config_keys = "data.test_path or data.test_size" if data.dataset not in DATASETS else "data.test_size"
        raise DataError(f"{data.title} has no test set", f"set {config_keys} before the training")
    if data.split_off_test_examples:
        examples = load_examples(data, report_progress)
        return examples[split_examples(data, examples).test]
    if data.dataset not in DATASETS:
        return _join_examples([_read_user_data(data, "test", report_progress)])
    return _read_builtin_dataset(data, "test", report_progress)


def _read_builtin_dataset(data: Data, split_name: str, report_progress: ReadProgress) -> Examples:
    """Read the `train` or `test` split of a built-in dataset, from the first source that has the dataset."""
    dataset = DATASETS[data.dataset]
    if isinstance(dataset, IdxDataset):
        file_contents = load_dataset_files(dataset, data.path, report_progress)
        images, targets = (getattr(dataset, f"{split_name}_{kind}") for kind in ("images", "labels"))
        return Examples(
            parse_idx(file_contents[images.name], images.name), parse_idx(file_contents[targets.name], targets.name)
        )
    if isinstance(dataset, EmbeddedDataset):
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, dataset.loader)()
        if not dataset.is_classification:
            return Examples(bunch.data.astype(np.float32), bunch.target.astype(np.float32)[:, None])
        inputs = bunch.images.astype(np.uint8) if "images" in bunch else bunch.data.astype(np.float32)
        return Examples(inputs, bunch.target.astype(np.uint8))
    raise TypeError(f"datasets of the type {type(dataset).__name__} cannot be read")


def split_examples(data: Data, examples: Examples) -> Split:
    """Divide examples into training, validation and test examples with scikit-learn, and return the indices.

    Test examples are split off first, then validation examples from the other examples: a fold, or a share. Validation
    examples from their own file are the last examples. With such a file, no other validation examples are split off.
    With `data.reporting_half`, the validation examples are then divided into the tuning half and the reporting half.

    Raises:
        UserDataError: a class, a group or a time has too few examples for the split.
    """
    validation_count = data.info.validation_examples
    train, validation, test = (
        np.arange(len(examples) - validation_count),
        np.arange(len(examples) - validation_count, len(examples)),
        _NO_INDICES,
    )
    if data.split_off_test_examples:
        train, test = split_off(data, examples, train, "test_size")
    if data.folds and not validation_count:
        train, validation = split_into_fold(data, examples, train)
    elif data.validation_size and not validation_count:
        train, validation = split_off(data, examples, train, "validation_size")
    if data.reporting_half:
        validation, reporting = split_into_halves(data, examples, validation)
        return Split(train, validation, test, reporting)
    return Split(train, validation, test)
