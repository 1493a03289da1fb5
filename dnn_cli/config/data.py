"""Data of an experiment: a dataset or the user's own files, their shape and classes, and the split of the examples."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import BelowOne, ConfigModel, ImageExtent, Seed, Shape
from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS, DatasetInfo
from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import CURRENT_RULES, DatasetContents, Remark, SplitName
from dnn_cli.formats.reader_options import ArrayOptions, CsvOptions, ImageOptions

_DATASET_INFO_CACHE: ContextVar[dict[str, DatasetInfo] | None] = ContextVar("dataset_info_cache", default=None)


@contextmanager
def cache_dataset_info() -> Iterator[None]:
    """Cache dataset info inside a `with` block, so that the same data files are inspected only once."""
    token = _DATASET_INFO_CACHE.set({})
    try:
        yield
    finally:
        _DATASET_INFO_CACHE.reset(token)


def _get_user_dataset_info(data: "Data") -> DatasetInfo:
    """Return shape, classes and task of the user's files. Inside `cache_dataset_info`, they come from the cache.

    Raises:
        UserDataError: a file is missing or invalid.
    """
    cache = _DATASET_INFO_CACHE.get()
    if cache is None:
        return _read_user_dataset_info(data)
    key = data.model_dump_json()
    if key not in cache:
        cache[key] = _read_user_dataset_info(data)
    return cache[key]


def _read_user_dataset_info(data: "Data") -> DatasetInfo:
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
        weight=train.weight,
        remarks=_collect_remarks(train, validation, test),
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


def _collect_remarks(train: DatasetContents, *others: DatasetContents | None) -> tuple[Remark, ...]:
    """Return the remarks about all splits. A remark about several splits of one file appears once."""
    return tuple(dict.fromkeys(remark for contents in (train, *others) if contents for remark in contents.remarks))


def inspect_split(data: "Data", part: SplitName, train: DatasetContents | None = None) -> DatasetContents | None:
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
    if data.dataset == "csv":
        from dnn_cli.formats.csv_table import inspect_csv

        csv_options = data.csv_options if train is None else replace(data.csv_options, target=train.target)
        return inspect_csv(path, csv_options, classes)
    from dnn_cli.formats.image_directory import inspect_images

    contents = inspect_images(path, data.image_options, classes)
    return replace(contents, remarks=(*(data.list_layout_remarks() if train is None else ()), *contents.remarks))


def _inspect_other_split(data: "Data", part: SplitName, train: DatasetContents) -> DatasetContents | None:
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


def _suggest_common_size(data: "Data", train: DatasetContents) -> str:
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
    if other.input_shape != train.input_shape:
        shapes = f"{other.input_shape}, but the training examples have the shape {train.input_shape}"
        raise UserDataError(f"the {part} examples have the shape {shapes}", shape_hint)
    if other.features != train.features:
        columns = f"{', '.join(other.features)}, but the training examples have {', '.join(train.features)}"
        raise UserDataError(f"the {part} examples have the columns {columns}", "use the same columns in the same order")


def _count_targets(number: int) -> str:
    """Return a number of targets as text: `1 target`, `3 targets`."""
    return f"{number} {'target' if number == 1 else 'targets'}"


if TYPE_CHECKING:
    # mypy accepts only literals that are written out.
    _DatasetName = str
else:
    _DatasetName = Literal[(*DATASETS, *USER_DATA_KINDS)]

_DataPath = Annotated[str, Field(min_length=1, max_length=4096)]
_CellText = Annotated[str, Field(min_length=1, max_length=20)]
_SplitSize = BelowOne | Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Share of the examples, or number of examples."""


class Data(ConfigModel):
    """Dataset, and its split into training, validation and test examples."""

    dataset: _DatasetName = "fashion_mnist"
    rules: Annotated[int, Field(ge=1, le=CURRENT_RULES)] | None = None
    """Version of the rules by which your own files are read: 2, or 1 in runs of dnn 0.11.0 and older."""

    path: _DataPath | None = None
    """Your own file or directory. A directory of images has one directory for each class, or directories `train`,
    `val` and `test` of such directories. For a built-in dataset: the directory with its files, for which `dnn` searches
    by default."""

    validation_path: _DataPath | None = None
    """Your own validation set, in the same format as `path`. It replaces the split by `validation_size`."""

    test_path: _DataPath | None = None
    """Your own test set, in the same format as `path`. It replaces the split by `test_size`."""

    target: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Column of a csv with the target; by default the last column."""

    ignore: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Strict(False), Len(1, 10_000)] | None = None
    """Columns of a csv that are left out of the inputs. An empty name leaves out all columns without a name."""

    task: Literal["classification", "regression"] | None = None
    """Task of a csv or npz. If absent, the targets decide: fractions or many different whole numbers are a regression.
    Whole floats of an npz that occur only once are a regression too."""

    header: bool | None = None
    """Whether the first line of a csv has the names of the columns: by default true. If false, the columns are named 1,
    2 and so on, from the left."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Character between the cells of a csv. If absent, it is the delimiter that gives rows of equal length: a comma,
    semicolon, tab or vertical bar."""

    encoding: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Encoding of a csv, such as utf-8 or cp949. If absent, a csv is UTF-8, or UTF-16 with a byte order mark. Korean,
    Japanese and Western European encodings are guessed where the guess is safe."""

    decimal: Literal[".", ","] | None = None
    """Character of a csv that marks decimals: by default a point."""

    thousands: Literal[",", ".", " ", "'"] | None = None
    """Character of a csv that separates groups of three digits: by default none."""

    strip: Annotated[tuple[_CellText, ...], Strict(False), Len(1, 100)] | None = None
    """Texts that are removed from both ends of the numbers of a csv, such as `$` or `%`."""

    drop_unlabelled: bool | None = None
    """Whether rows of a csv without a target (empty, NA, ? and similar) are left out: by default false, and such rows
    are errors."""

    weight: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Column of a csv with the weight of each row in the loss and the metrics. It is not an input."""

    scale: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Number by which the inputs of a csv or npz are divided: by default 255 for uint8 above 16, else 1."""

    channels: Literal["first", "last"] | None = None
    """Axis of the colour channels in the images of an npz. By default, the last axis; images that seem to have the
    channels first are errors."""

    skip_damaged: bool | None = None
    """Whether damaged images of a directory are left out: by default false, and such images are errors."""

    image_size: ImageExtent | None = None
    """Height and width to which the images of a directory are resized. If absent, all images must have one size."""

    color_mode: Literal["grayscale", "rgb"] | None = None
    """Colour channels of the images of a directory. With `grayscale`, images have the shape (height, width);
    with `rgb`, the default, (height, width, 3)."""

    validation_size: _SplitSize = 0.2
    """Share of the examples outside the test set that is split off for validation, or a number of examples such as
    5000. With 0, no examples are split off. scikit-learn's `train_test_split` calls this size `test_size`."""

    test_size: _SplitSize = 0.0
    """Share or number of the examples that are split off first, as a test set, if the data has no test set of its
    own."""

    split_seed: Seed = 42
    """Seed of the split: scikit-learn's `random_state`."""

    stratify: bool = False
    """Whether the classes have the same shares in every split."""

    standardize: bool = False
    """Whether every input feature is scaled to mean 0 and standard deviation 1, as in scikit-learn's StandardScaler.
    Mean and deviation are measured on the training examples."""

    flatten: bool = False
    """Whether every image becomes a vector of its pixels."""

    @property
    def title(self) -> str:
        """Name of the data in messages: the dataset, or the name of the user's own file."""
        return os.path.basename(self.path) if self.dataset in USER_DATA_KINDS and self.path else self.dataset

    @property
    def csv_options(self) -> CsvOptions:
        """Options of the reader of CSV files."""
        return CsvOptions(
            target=self.target,
            task=self.task or "auto",
            ignore=self.ignore or (),
            header=self.header,
            delimiter=self.delimiter,
            encoding=self.encoding,
            decimal=self.decimal,
            thousands=self.thousands,
            strip=self.strip or (),
            drop_unlabelled=bool(self.drop_unlabelled),
            weight=self.weight,
            scale=self.scale,
            rules=self.rules or CURRENT_RULES,
        )

    @property
    def array_options(self) -> ArrayOptions:
        """Options of the reader of .npz and .npy files."""
        return ArrayOptions(self.task or "auto", self.scale, self.channels, self.rules or CURRENT_RULES)

    @property
    def image_options(self) -> ImageOptions:
        """Options of the reader of image directories."""
        return ImageOptions(self.image_size, self.color_mode, bool(self.skip_damaged), self.rules or CURRENT_RULES)

    @property
    def _split_directories(self) -> dict[str, str]:
        """Paths of the directories of splits that the directory at `path` contains, by key; empty for other data.

        Raises:
            UserDataError: the directory cannot be read.
        """
        if self.dataset != "image_folder" or self.path is None or (self.rules or CURRENT_RULES) < 2:
            return {}
        from dnn_cli.formats.image_splits import find_split_directories

        return find_split_directories(self.path)

    def get_split_path(self, part: SplitName) -> str | None:
        """Return the path of the file or directory with the examples of a split; `None` if it does not exist.

        A directory of images can contain one directory for each split. A key of the config has priority.

        Raises:
            UserDataError: the directory at `path` cannot be read.
        """
        directories = self._split_directories
        if part == "train":
            return directories.get("path", self.path)
        key = f"{part}_path"
        own_path: str | None = getattr(self, key)
        return own_path or directories.get(key)

    def list_layout_remarks(self) -> tuple[Remark, ...]:
        """Return the remarks about directories of splits in the directory at `path`.

        Raises:
            UserDataError: a directory cannot be read.
        """
        from dnn_cli.formats.image_splits import build_sibling_remarks, build_split_remarks

        directories = self._split_directories
        if self.path is None or (self.rules or CURRENT_RULES) < 2:
            return ()
        if not directories:
            used_paths = [path for path in (self.validation_path, self.test_path) if path is not None]
            return build_sibling_remarks(self.path, used_paths)
        used = {key: path for key, path in directories.items() if key == "path" or getattr(self, key) is None}
        return build_split_remarks(self.path, used)

    @cached_property
    def info(self) -> DatasetInfo:
        """Shape, classes and task of the data. They are read once, because files may disappear while a training runs.

        Raises:
            UserDataError: a file of the user's data is missing or invalid.
        """
        return _get_user_dataset_info(self) if self.dataset in USER_DATA_KINDS else DATASETS[self.dataset]

    def with_decisions(self) -> "Data":
        """Return a copy in which each decision about the user's files is a key, so that it holds for later readings.

        Raises:
            UserDataError: a file of the user's data is missing or invalid.
        """
        if self.dataset not in USER_DATA_KINDS:
            return self
        info = self.info
        decisions = {key: value for key, value in info.decisions.items() if getattr(self, key) is None}
        return self.model_copy(update={**decisions, "rules": self.rules or CURRENT_RULES}).with_info(info)

    def with_info(self, info: DatasetInfo) -> "Data":
        """Return a copy with this dataset info. The copy does not read the data files."""
        data = self.model_copy()
        data.__dict__["info"] = info
        return data

    @property
    def test_examples(self) -> int:
        """Number of test examples: those of a separate test set, or those that are split off."""
        info = self.info
        return info.test_examples or count_split_off(info.examples - info.validation_examples, self.test_size)

    @property
    def validation_examples(self) -> int:
        """Number of validation examples: those of a separate validation set, or those that are split off."""
        info = self.info
        if info.validation_examples:
            return info.validation_examples
        return count_split_off(info.examples - self.split_off_test_examples, self.validation_size)

    @property
    def split_off_test_examples(self) -> int:
        """Number of examples that are split off as a test set."""
        return 0 if self.info.test_examples else self.test_examples

    @property
    def training_examples(self) -> int:
        """Number of training examples."""
        return self.info.examples - self.validation_examples - self.split_off_test_examples

    @property
    def input_shape(self) -> Shape:
        """Shape of one input, without the batch axis. With `flatten`, a single axis has all numbers of the input."""
        shape = self.info.input_shape
        return (math.prod(shape),) if self.flatten else shape


def count_split_off(examples: int, size: float) -> int:
    """Return the number of examples that are split off: a share of the examples, or the number `size` itself.

    A share is rounded up to a whole number, as in scikit-learn's `train_test_split`.
    """
    return size if isinstance(size, int) else math.ceil(examples * size)
