"""`Data`: which examples, and how they are divided between training, validation and the last judgement."""

import math
import os
from functools import cached_property
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.spec.base import BelowOne, Pair, Part, Seed, Shape
from dnn_cli.spec.datasets import DATASETS, OWN, DatasetName, Facts
from dnn_cli.spec.own_data import own_facts

Path = Annotated[str, Field(min_length=1, max_length=4096)]


class Data(Part):
    """Which dataset, and how it is divided."""

    dataset: DatasetName = "fashion_mnist"
    path: Path | None = None
    """Your own file or folder; or a folder that holds the dataset's files, used instead of looking for them."""

    validation_path: Path | None = None
    """Your own fixed validation set, of the same kind as `path`; nothing is split off then."""

    test_path: Path | None = None
    """Your own test set, of the same kind as `path`."""

    target: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """The column of a csv to predict; the last one if none is named."""

    ignore: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Strict(False), Len(1, 10_000)] | None = None
    """Columns of a csv that are no inputs."""

    task: Literal["classification", "regression"] | None = None
    """What the labels of a csv or npz are; told from them if not said: numbers that are not whole are a regression."""

    image_size: Pair | None = None
    """Height and width that the images of a folder are resized to; without it all must have one size."""

    color_mode: Literal["grayscale", "rgb"] | None = None
    """Channels that the images of a folder are read with: (height, width), or (height, width, 3), the default."""

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
        return os.path.basename(self.path) if self.dataset in OWN and self.path else self.dataset

    @cached_property
    def facts(self) -> Facts:
        """What the data holds, or held when it was first asked: files may go while a training runs.

        Raises:
            OwnDataError: a file of the user's own is missing or is not what it should be.
        """
        return own_facts(self) if self.dataset in OWN else DATASETS[self.dataset]

    def with_facts(self, facts: Facts) -> "Data":
        """The same, knowing already what it holds, so that no file has to be there."""
        told = self.model_copy()
        told.__dict__["facts"] = facts
        return told

    @property
    def test_examples(self) -> int:
        """How many examples the test set has, of its own or split off."""
        facts = self.facts
        return facts.test_examples or math.ceil((facts.examples - facts.validation_examples) * self.test_size)

    @property
    def validation_examples(self) -> int:
        """How many examples validate: a set of their own, or as many as `train_test_split` splits off."""
        facts = self.facts
        if facts.validation_examples:
            return facts.validation_examples
        return math.ceil((facts.examples - self.split_off) * self.validation_size)

    @property
    def split_off(self) -> int:
        """How many of the examples are kept apart as a test set."""
        return 0 if self.facts.test_examples else self.test_examples

    @property
    def training_examples(self) -> int:
        """How many examples train."""
        return self.facts.examples - self.validation_examples - self.split_off

    @property
    def input_shape(self) -> Shape:
        """The shape of one input: as the data has it, or all its numbers in one row."""
        shape = self.facts.input_shape
        return (math.prod(shape),) if self.flatten else shape
