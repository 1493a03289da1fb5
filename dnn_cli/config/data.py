"""Data of an experiment: a dataset or the user's own files, their shape and classes, and the split of the examples."""

import math
import os
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Len
from pydantic import Field, Strict, model_validator

from dnn_cli.config.base import BelowOne, ConfigModel, ImageExtent, Seed, Shape
from dnn_cli.config.columns import Column
from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS, DatasetInfo
from dnn_cli.formats.dataset_contents import CURRENT_RULES, Remark, SplitName
from dnn_cli.formats.reader_options import ArrayOptions, CsvOptions, ImageOptions
from dnn_cli.formats.table_columns import MAX_MISSING_TEXT, MISSING_CELLS

if TYPE_CHECKING:
    # mypy accepts only literals that are written out.
    _DatasetName = str
else:
    _DatasetName = Literal[(*DATASETS, *USER_DATA_KINDS)]

SPLIT_KEYS = (
    "validation_size", "test_size", "test_reads", "split_seed", "stratify", "folds", "fold", "reporting_half",
    "standardize", "standardize_target",
)  # fmt: skip
"""Keys of `data` that do not change the examples, but only their split, their scaling or their use."""

_MAX_FOLDS = 1000
"""Maximum number of folds of a cross-validation."""

MAX_COLUMNS = 10_000
"""Maximum number of columns of a table that have types, or are ignored."""

MAX_NAME_LENGTH = 1000
"""Maximum number of characters of the name of a column."""

_DataPath = Annotated[str, Field(min_length=1, max_length=4096)]
_CellText = Annotated[str, Field(min_length=1, max_length=20)]
_ColumnName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
_MissingText = Annotated[str, Field(max_length=MAX_MISSING_TEXT)]
_IgnoredName = Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
_FoldCount = Annotated[int, Field(ge=2, le=_MAX_FOLDS)]
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

    target: _ColumnName | None = None
    """Column of a table with the target; by default the last column."""

    ignore: Annotated[tuple[_IgnoredName, ...], Strict(False), Len(1, MAX_COLUMNS)] | None = None
    """Columns of a table that are left out of the inputs. An empty name leaves out all columns without a name."""

    columns: Annotated[dict[_ColumnName, Column], Len(1, MAX_COLUMNS)] | None = None
    """Types of the input columns of a csv, by name: number, category, boolean or date. Other columns are numbers
    without missing cells. The columns are encoded into inputs. The categories and the replacements of missing cells
    come from the training examples."""

    missing: Annotated[tuple[_MissingText, ...], Strict(False), Len(1, 100)] | None = None
    """Texts of a csv with `columns` that mark a missing cell. By default an empty cell, ?, NA, null and similar."""

    task: Literal["classification", "regression"] | None = None
    """Task of a table or npz. If absent, the targets decide: fractions or many different whole numbers are a
    regression. Whole floats of an npz that occur only once are a regression too."""

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
    """Whether rows of a table without a target (empty, NA, ? and similar) are left out: by default false, and such rows
    are errors."""

    weight: _ColumnName | None = None
    """Column of a table with the weight of each row in the loss and the metrics. It is not an input."""

    scale: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """Number by which the inputs of a table or npz are divided: by default 255 for uint8 above 16, else 1.
    For a network that begins with Embedding, 1."""

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

    test_reads: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Number of times that commands may compute scores of one run on its test set: by default without a limit.
    `dnn evaluate` refuses more, unless `--force` is given, which run.json records. The key does not change the
    training."""

    split_seed: Seed = 42
    """Seed of the split: scikit-learn's `random_state`."""

    stratify: bool = False
    """Whether the classes have the same shares in every split."""

    folds: _FoldCount | None = None
    """Number of folds of a cross-validation, which replaces `validation_size`. The examples outside the test set
    are divided into this number of parts, as by scikit-learn's KFold, or its variants for `stratify`, `group` and
    `time`."""

    fold: Annotated[int, Field(ge=1, le=_MAX_FOLDS)] | None = None
    """Fold whose examples are the validation set, from 1. If absent, `dnn train` and `dnn sweep` train one run for each
    fold, and other commands use fold 1."""

    reporting_half: bool = False
    """Whether half of the validation examples is set aside as the reporting half, which no decision of a training sees.
    Validation scores, early stopping and the best model use the other half, the tuning half. The outputs for the
    reporting half are saved after the training. With classes, both halves have the same class shares; with `group`,
    whole groups; with `time`, the reporting half is the later half."""

    group: _ColumnName | None = None
    """Column of a csv, or name of an array in an npz, with the group of each example, such as a patient. All examples
    of a group are in the same split. Sizes such as `validation_size` count groups, as in scikit-learn's
    GroupShuffleSplit. The column is an input only if `columns` gives it a type."""

    time: _ColumnName | None = None
    """Column of a csv, or name of an array in an npz, with the time of each example: numbers, or dates in one format.
    Training examples are earlier than validation examples, and these are earlier than test examples. Examples with
    equal times are in the same split. The column is an input only if `columns` gives it a type."""

    standardize: bool = False
    """Whether every input feature is scaled to mean 0 and standard deviation 1, as in scikit-learn's StandardScaler.
    Mean and deviation are measured on the training examples. The default is true for a csv with `columns`, whose
    inputs of categories stay 0 and 1."""

    standardize_target: bool = False
    """Whether a regression is trained on targets of mean 0 and standard deviation 1, measured on the training examples.
    The loss is that of the standardized targets. Outputs, metrics and exports have the units of the target."""

    flatten: bool = False
    """Whether every image becomes a vector of its pixels."""

    @model_validator(mode="before")
    @classmethod
    def _standardize_columns(cls, values: Any) -> Any:
        """Return the values of the keys, with `standardize: true` for typed columns unless the key is set.

        The text null among the missing texts is YAML's empty value.
        """
        if not isinstance(values, dict) or values.get("columns") is None:
            return values
        missing = values.get("missing")
        texts = {"missing": ["null" if text is None else text for text in missing]} if isinstance(missing, list) else {}
        return {"standardize": True, **values, **texts}

    @property
    def title(self) -> str:
        """Name of the data in messages: the dataset, or the name of the user's own file."""
        return os.path.basename(self.path) if self.dataset in USER_DATA_KINDS and self.path else self.dataset

    @property
    def reading_rules(self) -> int:
        """Version of the rules by which the files are read: `rules`, or the current version."""
        return self.rules or CURRENT_RULES

    @property
    def csv_options(self) -> CsvOptions:
        """Options of the reader of CSV files."""
        return CsvOptions(
            target=self.target,
            task=self.task or "auto",
            ignore=self.ignore or (),
            # The names in a Parquet file are never examples, even if they are numbers.
            header=True if self.dataset == "parquet" else self.header,
            delimiter=self.delimiter,
            encoding=self.encoding,
            decimal=self.decimal,
            thousands=self.thousands,
            strip=self.strip or (),
            drop_unlabelled=bool(self.drop_unlabelled),
            weight=self.weight,
            group=self.group,
            time=self.time,
            scale=self.scale,
            columns=None
            if self.columns is None
            else tuple((name, column.options) for name, column in self.columns.items()),
            # A null of a Parquet file is an empty cell, and missing whatever the texts are.
            missing=(*self.missing, "") if self.missing is not None and self.dataset == "parquet" else self.missing,
            rules=self.reading_rules,
        )

    @property
    def missing_texts(self) -> tuple[str, ...]:
        """Texts of missing cells in a table with typed columns."""
        return MISSING_CELLS if self.missing is None else self.missing

    @property
    def array_options(self) -> ArrayOptions:
        """Options of the reader of .npz and .npy files."""
        return ArrayOptions(self.task or "auto", self.scale, self.channels, self.group, self.time, self.reading_rules)

    @property
    def image_options(self) -> ImageOptions:
        """Options of the reader of image directories."""
        return ImageOptions(self.image_size, self.color_mode, bool(self.skip_damaged), self.reading_rules)

    @property
    def _split_directories(self) -> dict[str, str]:
        """Paths of the directories of splits that the directory at `path` contains, by key; empty for other data.

        Raises:
            UserDataError: the directory cannot be read.
        """
        if self.dataset != "image_folder" or self.path is None or self.reading_rules < 2:
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
        if self.path is None or self.reading_rules < 2:
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
        if self.dataset not in USER_DATA_KINDS:
            return DATASETS[self.dataset]
        from dnn_cli.config.user_data import get_user_dataset_info

        return get_user_dataset_info(self)

    def with_decisions(self) -> "Data":
        """Return a copy in which each decision about the user's files is a key, so that it holds for later readings.

        Raises:
            UserDataError: a file of the user's data is missing or invalid.
        """
        if self.dataset not in USER_DATA_KINDS:
            return self
        info = self.info
        decisions = {key: value for key, value in info.decisions.items() if getattr(self, key) is None}
        return self.model_copy(update={**decisions, "rules": self.reading_rules}).with_info(info)

    def with_info(self, info: DatasetInfo) -> "Data":
        """Return a copy with this dataset info. The copy does not read the data files."""
        data = self.model_copy()
        data.__dict__["info"] = info
        return data

    @property
    def has_exact_counts(self) -> bool:
        """Whether the numbers of examples of the splits are exact.

        Folds with equal class shares, groups and equal times give splits whose sizes depend on the examples. The
        numbers of examples are then estimates.
        """
        return self.group is None and self.time is None and not (self.folds and self.stratify)

    @property
    def used_fold(self) -> int:
        """Fold whose examples are the validation set: `fold`, or the first fold."""
        return self.fold or 1

    @property
    def test_examples(self) -> int:
        """Number of test examples: those of a separate test set, or those that are split off."""
        info = self.info
        examples = info.examples - info.validation_examples
        return info.test_examples or self._count_share(examples, info.group_count, self.test_size)

    @property
    def validation_examples(self) -> int:
        """Number of validation examples; with `reporting_half`, those of the tuning half, which has an odd example."""
        return self._validation_set_examples - self.reporting_examples

    @property
    def reporting_examples(self) -> int:
        """Number of examples in the reporting half of the validation set; 0 without `reporting_half`."""
        return self._validation_set_examples // 2 if self.reporting_half else 0

    @property
    def _validation_set_examples(self) -> int:
        """Number of examples of both halves: of a separate validation set, of the fold, or those split off."""
        info = self.info
        if info.validation_examples:
            return info.validation_examples
        examples = info.examples - self.split_off_test_examples
        if self.folds and self.time:
            return examples // (self.folds + 1)
        if self.folds:
            return examples // self.folds + (self.used_fold <= examples % self.folds)
        test_groups = 0 if info.test_examples else count_split_off(info.group_count, self.test_size)
        return self._count_share(examples, info.group_count - test_groups, self.validation_size)

    def _count_share(self, examples: int, groups: int, size: float) -> int:
        """Return the number of examples that a size splits off. With groups, the number is an estimate."""
        if self.group is None or not groups:
            return count_split_off(examples, size)
        return round(examples * min(1.0, count_split_off(groups, size) / groups))

    @property
    def split_off_test_examples(self) -> int:
        """Number of examples that are split off as a test set."""
        return 0 if self.info.test_examples else self.test_examples

    @property
    def training_examples(self) -> int:
        """Number of training examples. Of folds by time, only the earlier examples are training examples."""
        remaining = self.info.examples - self._validation_set_examples - self.split_off_test_examples
        if self.folds and self.time:
            remaining -= (self.folds - self.used_fold) * self._validation_set_examples
        return remaining

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
