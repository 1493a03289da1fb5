"""`Experiment`: everything that decides what is trained, on what, and how."""

import math
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field, Strict

from dnn_cli.spec.base import Count, Part, Seed, Shape
from dnn_cli.spec.datasets import DATASETS, Dataset, DatasetName
from dnn_cli.spec.layers import Layer
from dnn_cli.spec.names import KerasName, Name
from dnn_cli.spec.objectives import Accuracy, Loss, Metric, SparseCategoricalCrossentropy
from dnn_cli.spec.optimizers import Optimizer, RMSprop


class Data(Part):
    """Which dataset, and how it is divided."""

    dataset: DatasetName = "fashion_mnist"
    path: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """A folder that holds the dataset's files, used instead of looking for them."""

    validation_size: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share kept for validation: scikit-learn's `test_size`."""

    split_seed: Seed = 42
    """Decides which examples those are: scikit-learn's `random_state`."""

    flatten: bool = False
    """Feed every image as one row of pixels."""

    @property
    def facts(self) -> Dataset:
        return DATASETS[self.dataset]

    @property
    def validation_examples(self) -> int:
        """How many examples scikit-learn's `train_test_split` keeps for validation."""
        return math.ceil(self.facts.examples * self.validation_size)

    @property
    def input_shape(self) -> Shape:
        return self.facts.input_shape(self.flatten)


class Model(Part):
    """A stack of layers."""

    name: KerasName = "sequential"
    layers: Annotated[tuple[Layer, ...], Strict(False), Len(1, 10_000)]


class Experiment(Part):
    """One training: the same experiment on the same machine gives the same weights, bit for bit."""

    name: Name
    seed: Seed = 42
    data: Data = Data()
    model: Model
    optimizer: Optimizer = RMSprop()
    loss: Loss = SparseCategoricalCrossentropy()
    metrics: Annotated[tuple[Metric, ...], Strict(False), Len(0, 20)] = (Accuracy(),)
    epochs: Annotated[int, Field(gt=0, le=1_000_000)] = 1
    batch_size: Count = 32
    engine: Literal["chunked", "keras"] = "chunked"
    """Many batches a call, or plain `fit`, one batch a step."""

    jit: Literal["auto"] | bool = "auto"
    """Whether XLA compiles the steps: Keras's `jit_compile`."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; `auto` takes a GPU where there is one."""

    mixed_precision: bool = False
    """Compute in 16 bits, keep weights in 32: mixed_float16 on a GPU, mixed_bfloat16 on a CPU."""

    @property
    def monitor(self) -> str:
        """What the best epoch is best at: the first metric on the validation set, else its loss."""
        return f"val_{self.metrics[0].type}" if self.metrics else "val_loss"
