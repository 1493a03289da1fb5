"""The experiment: everything that decides what is trained, on which data, and how. Its layers may be repeated."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Union

from annotated_types import Len
from pydantic import BeforeValidator, Discriminator, Field, Strict, Tag

from dnn_cli.config.base import ConfigModel, Count, NotNegative, Seed, Shape, to_single_item_list
from dnn_cli.config.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from dnn_cli.config.data import Data
from dnn_cli.config.identifiers import KerasName, Name
from dnn_cli.config.layers import Layer
from dnn_cli.config.losses import Loss, SparseCategoricalCrossentropy, TargetEncoding
from dnn_cli.config.metrics import Accuracy, Metric
from dnn_cli.config.optimizers import Optimizer, RMSprop

MAX_LAYERS = 10_000
"""Layers of a stack, repeated ones counted."""


class Repeat(ConfigModel):
    """Layers that are repeated. A layer named `hidden` becomes `hidden_1`, `hidden_2` and so on."""

    repeat: Annotated[int, Field(gt=0, le=MAX_LAYERS)]
    name: KerasName | None = None
    """For overrides: `layers.body.repeat=5`."""

    layers: Annotated[tuple["_StackItem", ...], Strict(False), Len(1, MAX_LAYERS)]


def _get_stack_item_tag(value: Any) -> str:
    """Return whether a list item is a repeat or a layer, so that only the rules of its class apply."""
    return "block" if isinstance(value, Repeat) or (isinstance(value, dict) and "repeat" in value) else "layer"


_StackItem = Annotated[
    Union[Annotated[Layer, Tag("layer")], Annotated[Repeat, Tag("block")]],  # noqa: UP007 - Repeat is not complete yet
    Discriminator(_get_stack_item_tag),
]
"""What a list of layers holds."""


def count_layers(items: Sequence[Any]) -> int:
    """Return how many layers a list of layers and repeats makes."""
    return sum(item.repeat * count_layers(item.layers) if isinstance(item, Repeat) else 1 for item in items)


def _iter_unrolled_layers(items: Sequence[Any], suffix: str = "") -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every layer in order, with its key path; layers of a repeat get the number of their round in their name."""
    for index, item in enumerate(items):
        if isinstance(item, Repeat):
            for number in range(1, item.repeat + 1):
                for path, layer in _iter_unrolled_layers(item.layers, f"{suffix}_{number}"):
                    yield (index, "layers", *path), layer
        elif suffix and item.name is not None:
            yield (index,), item.model_copy(update={"name": item.name + suffix})
        else:
            yield (index,), item


class Model(ConfigModel):
    """A stack of layers."""

    name: KerasName = "sequential"
    layers: Annotated[tuple[_StackItem, ...], Strict(False), Len(1, 10_000)]

    @cached_property
    def stack(self) -> tuple[Layer, ...]:
        """Every layer, the repeated ones as often as they stand there."""
        return tuple(layer for _, layer in _iter_unrolled_layers(self.layers))

    @cached_property
    def layer_paths(self) -> tuple[tuple[str | int, ...], ...]:
        """Where in the experiment each layer of the stack is written."""
        return tuple(("model", "layers", *path) for path, _ in _iter_unrolled_layers(self.layers))


class Experiment(ConfigModel):
    """One training: the same experiment on the same machine gives the same weights, bit for bit."""

    name: Name
    seed: Seed = 42
    data: Data = Data()
    model: Model
    optimizer: Optimizer = RMSprop()
    loss: Loss = SparseCategoricalCrossentropy()
    metrics: Annotated[tuple[Metric, ...], Strict(False), Len(0, 20), BeforeValidator(to_single_item_list)] = (
        Accuracy(),
    )
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
        info = self.data.info
        return ({"binary": 1, "real": info.targets}.get(self.target_encoding, len(info.classes)),)

    @property
    def target_encoding(self) -> TargetEncoding:
        """The form in which the loss takes the targets."""
        if not self.data.info.is_classification:
            return "real"
        return next((encoding for encoding in self.loss.target_encodings if encoding != "real"), "index")

    @property
    def monitor(self) -> str:
        """What the best epoch is best at: the first metric, else the loss; on the validation set if there is one."""
        score = self.metrics[0].type if self.metrics else "loss"
        return f"val_{score}" if self.data.validation_examples else score

    @property
    def score_names(self) -> list[str]:
        """The names of all scores of an epoch."""
        names = ["loss", *(metric.type for metric in self.metrics)]
        return names + [f"val_{name}" for name in names] if self.data.validation_examples else names


def find_class_number(name: str, classes: Sequence[str]) -> int | None:
    """Return the number of the class with a name, else of the class with this number; `None` if there is no such class.

    If class names are numbers themselves, a number is always a name.
    """
    if name in classes:
        return classes.index(name)
    if any(text.lstrip("-").isdigit() for text in classes):
        return None
    return int(name) if name.isascii() and name.isdigit() and len(name) < 8 and int(name) < len(classes) else None
