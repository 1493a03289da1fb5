"""The data of an experiment: its dataset or the user's own files, what these hold, and the split of the examples."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.config.base import BelowOne, ConfigModel, Pair, Seed, Shape
from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS, DatasetInfo, DatasetName
from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import DatasetContents, SplitName

_DATASET_INFO_CACHE: ContextVar[dict[str, DatasetInfo] | None] = ContextVar("asked", default=None)


@contextmanager
def cache_dataset_info() -> Iterator[None]:
    """As long as the block lasts, the files of the same data are asked only once what they hold."""
    token = _DATASET_INFO_CACHE.set({})
    try:
        yield
    finally:
        _DATASET_INFO_CACHE.reset(token)


def _get_user_dataset_info(data: "Data") -> DatasetInfo:
    """Return the dataset info of the files that `data` names, from the cache if there is one.

    Raises:
        UserDataError: a file is missing or is not what it should be.
    """
    cache = _DATASET_INFO_CACHE.get()
    if cache is None:
        return _read_user_dataset_info(data)
    key = data.model_dump_json()
    if key not in cache:
        cache[key] = _read_user_dataset_info(data)
    return cache[key]


def _read_user_dataset_info(data: "Data") -> DatasetInfo:
    """Read the dataset info of the files that `data` names.

    Raises:
        UserDataError: a file is missing or is not what it should be.
    """
    train = inspect_split(data, "train")
    if train is None:
        raise UserDataError(f"{data.path} holds no examples")
    validation, test = _inspect_other_split(data, "validation", train), _inspect_other_split(data, "test", train)
    return DatasetInfo(
        input_shape=train.input_shape,
        classes=train.classes,
        targets=train.targets,
        pixel_max=train.pixel_max,
        target=train.target,
        features=train.features,
        examples=train.examples + (validation.examples if validation else 0),
        validation_examples=validation.examples if validation else 0,
        test_examples=test.examples if test else 0,
    )


def inspect_split(data: "Data", part: SplitName, train: DatasetContents | None = None) -> DatasetContents | None:
    """What one part of the data holds; `None` where there is no such part."""
    classes = train.classes if train is not None else None
    path = {"train": data.path, "validation": data.validation_path, "test": data.test_path}[part]
    if data.dataset == "npz":
        from dnn_cli.formats.npz_arrays import inspect_npz

        return inspect_npz(str(data.path), data.task or "auto", part)
    if path is None:
        return None
    if data.dataset == "csv":
        from dnn_cli.formats.csv_table import inspect_csv

        target = data.target or (train.target if train is not None else None)
        return inspect_csv(path, target, data.task or "auto", classes, data.ignore or ())
    from dnn_cli.formats.image_directory import inspect_images

    return inspect_images(path, data.image_size, data.color_mode or "rgb", classes)


def _inspect_other_split(data: "Data", part: SplitName, train: DatasetContents) -> DatasetContents | None:
    """What a validation or test set holds, if there is one."""
    try:
        other = inspect_split(data, part, train)
        if other is not None:
            _check_same_kind(part, other, train)
    except UserDataError as error:
        key = f"{part}_path" if data.dataset != "npz" and error.key == "path" else error.key
        raise UserDataError(error.message, error.suggestion, key) from None
    return other


def _check_same_kind(part: str, other: DatasetContents, train: DatasetContents) -> None:
    """Refuse a validation or test set of another kind than the training examples."""
    if other.pixel_max != train.pixel_max:
        kinds = ["uint8 pixels" if contents.pixel_max > 1 else "other numbers" for contents in (other, train)]
        raise UserDataError(f"the {part} inputs are {kinds[0]}, and the training inputs {kinds[1]}", "save both alike")
    if other.targets != train.targets:
        numbers = f"{other.targets} numbers to predict, and the training examples {train.targets}"
        raise UserDataError(f"the {part} examples have {numbers}")
    if other.input_shape != train.input_shape:
        shapes = f"{other.input_shape} where the training examples have {train.input_shape}"
        raise UserDataError(f"the {part} examples have the shape {shapes}")
    if other.features != train.features:
        columns = f"{', '.join(other.features)} where the training examples have {', '.join(train.features)}"
        raise UserDataError(f"the {part} examples have the columns {columns}", "the same columns in the same order")


_DataPath = Annotated[str, Field(min_length=1, max_length=4096)]


class Data(ConfigModel):
    """Which dataset, and how it is divided."""

    dataset: DatasetName = "fashion_mnist"
    path: _DataPath | None = None
    """Your own file or directory; or a directory that holds the dataset's files, used instead of looking for them."""

    validation_path: _DataPath | None = None
    """Your own fixed validation set, of the same kind as `path`; nothing is split off then."""

    test_path: _DataPath | None = None
    """Your own test set, of the same kind as `path`."""

    target: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """The column of a csv to predict; the last one if none is named."""

    ignore: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Strict(False), Len(1, 10_000)] | None = None
    """Columns of a csv that are no inputs."""

    task: Literal["classification", "regression"] | None = None
    """What the targets of a csv or npz are; detected if absent: numbers that are not whole are a regression."""

    image_size: Pair | None = None
    """Height and width that the images of a directory are resized to; without it all must have one size."""

    color_mode: Literal["grayscale", "rgb"] | None = None
    """Channels that the images of a directory are read with: (height, width), or (height, width, 3), the default."""

    validation_size: BelowOne = 0.2
    """The share kept for validation: scikit-learn's `test_size`; 0 trains on everything."""

    test_size: BelowOne = 0.0
    """The share kept apart first as a test set, where the data has none of its own."""

    split_seed: Seed = 42
    """Decides which examples those are: scikit-learn's `random_state`."""

    stratify: bool = False
    """Keep the shares of the classes equal in every part of the split."""

    standardize: bool = False
    """Give every input feature mean 0 and deviation 1, as measured on the training examples: StandardScaler."""

    flatten: bool = False
    """Feed every image as one row of pixels."""

    @property
    def title(self) -> str:
        """What the data is called in messages: the dataset, or the name of the user's own file."""
        return os.path.basename(self.path) if self.dataset in USER_DATA_KINDS and self.path else self.dataset

    @cached_property
    def info(self) -> DatasetInfo:
        """The dataset info, as first read: files may disappear while a training runs.

        Raises:
            UserDataError: a file of the user's own is missing or is not what it should be.
        """
        return _get_user_dataset_info(self) if self.dataset in USER_DATA_KINDS else DATASETS[self.dataset]

    def with_info(self, info: DatasetInfo) -> "Data":
        """The same, knowing already what it holds, so that no file has to be there."""
        data = self.model_copy()
        data.__dict__["info"] = info
        return data

    @property
    def test_examples(self) -> int:
        """How many examples the test set has, of its own or split off."""
        info = self.info
        return info.test_examples or math.ceil((info.examples - info.validation_examples) * self.test_size)

    @property
    def validation_examples(self) -> int:
        """How many examples validate: a set of their own, or as many as `train_test_split` splits off."""
        info = self.info
        if info.validation_examples:
            return info.validation_examples
        return math.ceil((info.examples - self.split_off_test_examples) * self.validation_size)

    @property
    def split_off_test_examples(self) -> int:
        """How many of the examples are kept apart as a test set."""
        return 0 if self.info.test_examples else self.test_examples

    @property
    def training_examples(self) -> int:
        """How many examples train."""
        return self.info.examples - self.validation_examples - self.split_off_test_examples

    @property
    def input_shape(self) -> Shape:
        """The shape of one input: as the data has it, or all its numbers in one row."""
        shape = self.info.input_shape
        return (math.prod(shape),) if self.flatten else shape
