"""`Experiment`: everything that decides what is trained, on what, and how."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BeforeValidator, Field, Strict

from dnn_cli.spec.base import Count, NotNegative, Part, Seed, Shape, one_in_list
from dnn_cli.spec.block import Item, unrolled
from dnn_cli.spec.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from dnn_cli.spec.data import Data
from dnn_cli.spec.layers import Layer
from dnn_cli.spec.metrics import Accuracy, Metric
from dnn_cli.spec.names import KerasName, Name
from dnn_cli.spec.objectives import Labels, Loss, SparseCategoricalCrossentropy
from dnn_cli.spec.optimizers import Optimizer, RMSprop


class Model(Part):
    """A stack of layers."""

    name: KerasName = "sequential"
    layers: Annotated[tuple[Item, ...], Strict(False), Len(1, 10_000)]

    @cached_property
    def stack(self) -> tuple[Layer, ...]:
        """Every layer, the repeated ones as often as they stand there."""
        return tuple(layer for _, layer in unrolled(self.layers))

    @cached_property
    def paths(self) -> tuple[tuple[str | int, ...], ...]:
        """Where in the experiment each layer of the stack is written."""
        return tuple(("model", "layers", *path) for path, _ in unrolled(self.layers))


class Experiment(Part):
    """One training: the same experiment on the same machine gives the same weights, bit for bit."""

    name: Name
    seed: Seed = 42
    data: Data = Data()
    model: Model
    optimizer: Optimizer = RMSprop()
    loss: Loss = SparseCategoricalCrossentropy()
    metrics: Annotated[tuple[Metric, ...], Strict(False), Len(0, 20), BeforeValidator(one_in_list)] = (Accuracy(),)
    epochs: Annotated[int, Field(gt=0, le=1_000_000)] = 1
    batch_size: Count = 32
    class_weight: Literal["balanced"] | Annotated[dict[str, NotNegative], Len(1, 10_000)] | None = None
    """How much an example of a class counts in the training loss, by the class's name or number; `balanced`: all
    classes as much as each other, as scikit-learn does it."""

    early_stopping: EarlyStopping | None = None
    """End the training when it no longer gets better."""

    reduce_lr_on_plateau: ReduceLROnPlateau | None = None
    """Lower the learning rate when it no longer gets better."""

    model_checkpoint: ModelCheckpoint | None = None
    """Keep the model of the best epoch too, as best.keras."""

    engine: Literal["chunked", "keras"] = "chunked"
    """Many batches a call, or plain `fit`, one batch a step."""

    jit: Literal["auto"] | bool = "auto"
    """Whether XLA compiles the steps: Keras's `jit_compile`."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; `auto` takes a GPU where there is one."""

    mixed_precision: bool = False
    """Compute in 16 bits, keep weights in 32: mixed_float16 on a GPU, mixed_bfloat16 on a CPU."""

    diagnostics: Literal["auto"] | bool = "auto"
    """Measure the layers for `dnn explain`: `auto` after epochs 0, 1, 2, 4, 8 and so on and the last one, `true` after
    every epoch, `false` never. The trained weights are the same."""

    @property
    def output_shape(self) -> Shape:
        """The shape of one output: a number a class, one for two classes, or a number for each to predict."""
        facts = self.data.facts
        return ({"binary": 1, "real": facts.targets}.get(self.labels, len(facts.classes)),)

    @property
    def labels(self) -> Labels:
        """How the loss is told what is true."""
        if not self.data.facts.is_classification:
            return "real"
        return next((labels for labels in self.loss.labels if labels != "real"), "index")

    @property
    def monitor(self) -> str:
        """What the best epoch is best at: the first metric, else the loss; on the validation set if there is one."""
        score = self.metrics[0].type if self.metrics else "loss"
        return f"val_{score}" if self.data.validation_examples else score

    @property
    def scores(self) -> list[str]:
        """The names of all scores of an epoch."""
        names = ["loss", *(metric.type for metric in self.metrics)]
        return names + [f"val_{name}" for name in names] if self.data.validation_examples else names


def class_number(name: str, classes: Sequence[str]) -> int | None:
    """The number of a class that is told by its name, or else by its number; `None` where there is no such class.

    Where names are numbers themselves, a number is always a name.
    """
    if name in classes:
        return classes.index(name)
    if any(text.lstrip("-").isdigit() for text in classes):
        return None
    return int(name) if name.isascii() and name.isdigit() and len(name) < 8 and int(name) < len(classes) else None
