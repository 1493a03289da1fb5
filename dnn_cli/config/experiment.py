"""Experiment: network, data, optimizer and length of one training."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice, takewhile
from typing import Annotated, Literal, NamedTuple

from annotated_types import Len
from pydantic import BeforeValidator, Field, Strict, model_validator

from dnn_cli.config import layer_union  # noqa: F401 - defines the layers
from dnn_cli.config.base import ConfigModel, Count, NotNegative, Seed, Shape, to_single_item_list
from dnn_cli.config.callbacks import (
    CALLBACK_CLASSES,
    BaseCallback,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
)
from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS_BY_KEY
from dnn_cli.config.identifiers import KerasName, Name
from dnn_cli.config.layer_base import BaseLayer, Layer
from dnn_cli.config.layer_blocks import MAX_LAYERS, LayerItems, iter_unrolled_layers
from dnn_cli.config.losses import Loss, SparseCategoricalCrossentropy, TargetEncoding
from dnn_cli.config.metrics import Accuracy, Metric
from dnn_cli.config.optimizer_union import Optimizer
from dnn_cli.config.optimizers import RMSprop


class NestedLayer(NamedTuple):
    """Layer of a network, which may be contained in another layer.

    `path` is its key path in the config. `position` is its place in the stack, in which every repetition counts: `(3,)`
    for a layer of the stack, `(3, "residual", 1)` or `(3, "layer")` for a layer within layer 3.
    """

    position: tuple[str | int, ...]
    path: tuple[str | int, ...]
    layer: BaseLayer


def _iter_nested_layers(
    layer: BaseLayer, position: tuple[str | int, ...], path: tuple[str | int, ...]
) -> Iterator[NestedLayer]:
    """Yield a layer and the layers that it contains."""
    yield NestedLayer(position, path, layer)
    for key, wrapped in layer.wrapped_layers.items():
        yield from _iter_nested_layers(wrapped, (*position, key), (*path, key))
    if layer.inner_key:
        for index, (inner, inner_path) in enumerate(zip(layer.inner_layers, layer.inner_paths, strict=True)):
            yield from _iter_nested_layers(
                inner, (*position, layer.inner_key, index), (*path, layer.inner_key, *inner_path)
            )


class Model(ConfigModel):
    """Network: a stack of layers."""

    name: KerasName = "sequential"
    layers: LayerItems

    @cached_property
    def stack(self) -> tuple[Layer, ...]:
        """Layers of the network in order, with every repetition of repeated layers."""
        return tuple(layer for _, layer in iter_unrolled_layers(self.layers))

    @cached_property
    def layer_paths(self) -> tuple[tuple[str | int, ...], ...]:
        """Key path in the config for each layer of `stack`."""
        return tuple(("model", "layers", *path) for path, _ in iter_unrolled_layers(self.layers))

    @cached_property
    def nested_layers(self) -> tuple[NestedLayer, ...]:
        """All layers in order: each layer of `stack`, followed by the layers that it contains."""
        layers: list[NestedLayer] = []
        for index, (layer, path) in enumerate(zip(self.stack, self.layer_paths, strict=True)):
            layers += _iter_nested_layers(layer, (index,), path)
        return tuple(layers)


class Experiment(ConfigModel):
    """Experiment: one training. On the same machine, the same experiment gives the same weights, bit for bit."""

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
    """Weight of each class in the training loss, by class name or number. With `balanced`, all classes count equally,
    as in scikit-learn."""

    early_stopping: EarlyStopping | None = None
    """Early end of the training when a score stops improving."""

    reduce_lr_on_plateau: ReduceLROnPlateau | None = None
    """Reduction of the learning rate when a score stops improving."""

    model_checkpoint: ModelCheckpoint | None = None
    """Model of the best epoch, saved as best.keras in addition to the final model."""

    swap_ema_weights: SwapEMAWeights | None = None
    """Validation with the averaged weights of an optimizer with `use_ema`."""

    engine: Literal["chunked", "keras"] = "chunked"
    """Code that runs the training steps: `chunked` runs many steps in one call, `keras` runs Keras's own loop."""

    jit: Literal["auto"] | bool = "auto"
    """Whether XLA compiles the training steps. Keras's argument is `jit_compile`."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Device of the training; `auto` uses a GPU if there is one."""

    deterministic: bool = True
    """Whether equal trainings on a GPU end with equal weights. `false` allows faster programs that add numbers in a
    random order. Trainings on a CPU are always deterministic."""

    mixed_precision: bool = False
    """Whether training steps compute in 16 bits and keep weights in 32 bits. Keras's policy is mixed_float16 on a GPU,
    and mixed_bfloat16 on a CPU."""

    diagnostics: Literal["auto"] | bool = "auto"
    """Whether weights, gradients and activations are measured for `dnn explain`. `auto` measures after epochs 0, 1, 2,
    4, 8 and so on, and after the last epoch; `true` after every epoch; `false` never. The measurements do not change
    the trained weights."""

    @model_validator(mode="after")
    def _leave_integers_undivided(self) -> "Experiment":
        """Set `data.scale` to 1 for a network that takes whole numbers, unless the key is set.

        The reader of a file would divide uint8 inputs by 255.
        """
        data = self.data
        if (
            self.integer_layer is not None
            and data.scale is None
            and data.columns is None
            and data.dataset in DATASETS_BY_KEY["scale"]
        ):
            # The fields of a config are frozen.
            self.__dict__["data"] = data.model_copy(update={"scale": 1.0})
        return self

    @property
    def integer_layer(self) -> BaseLayer | None:
        """First layer of the network if it takes whole numbers, such as Embedding; else `None`.

        Layers that only reshape do not count. Of a wrapper, the result is the wrapped layer.
        """
        # `Model.stack` would unroll blocks with any number of repetitions, before their number is checked.
        layers = islice(iter_unrolled_layers(self.model.layers), MAX_LAYERS)
        layer: BaseLayer | None = next((layer for _, layer in layers if not layer.only_reshapes), None)
        while layer is not None and (wrapped := layer.wrapped_layers.get("layer")):
            layer = wrapped
        return layer if layer is not None and layer.takes_integers else None

    @property
    def input_mask_layer(self) -> BaseLayer | None:
        """Layer that searches the inputs for time steps of one value, such as Masking; `None` without such a layer.

        Only layers that reshape may precede.
        """
        layers = takewhile(lambda layer: layer.only_reshapes, self.model.stack)
        return next((layer for layer in layers if layer.creates_mask), None)

    @property
    def input_divisor(self) -> float:
        """Number by which the inputs are divided if they are not standardized: 1 for whole numbers."""
        return 1.0 if self.integer_layer is not None else self.data.info.pixel_max

    @property
    def output_shape(self) -> Shape:
        """Shape of one output, without the batch axis, that the data and the loss need.

        The shape is (10,) for ten classes, (3,) for a regression with three targets, and (1,) for a loss that takes
        one number for two classes.
        """
        info = self.data.info
        return ({"binary": 1, "real": info.targets}.get(self.target_encoding, len(info.classes)),)

    @property
    def target_encoding(self) -> TargetEncoding:
        """Form in which the loss takes the targets, such as class numbers or one-hot vectors."""
        if not self.data.info.is_classification:
            return "real"
        return next((encoding for encoding in self.loss.target_encodings if encoding != "real"), "index")

    @property
    def callbacks(self) -> tuple[BaseCallback, ...]:
        """Callbacks of the training, in the order in which they act."""
        return tuple(callback for key in CALLBACK_CLASSES if (callback := getattr(self, key)) is not None)

    @property
    def monitor(self) -> str:
        """Name of the score that chooses the best epoch: the first metric, or the loss if there are no metrics.

        The score is computed on the validation examples if there are any, else on the training examples.
        """
        score = self.metrics[0].type if self.metrics else "loss"
        return f"val_{score}" if self.data.validation_examples else score

    @property
    def score_names(self) -> list[str]:
        """Names of all scores of an epoch: `loss`, the metrics and, with validation, the same names with `val_`."""
        names = ["loss", *(metric.type for metric in self.metrics)]
        return names + [f"val_{name}" for name in names] if self.data.validation_examples else names


def find_class_number(name: str, classes: Sequence[str]) -> int | None:
    """Return the number of the class with a name; `None` if the class does not exist.

    The name may also be the number as text, unless any class name is itself a whole number.
    """
    if name in classes:
        return classes.index(name)
    if any(text.lstrip("-").isdigit() for text in classes):
        return None
    return int(name) if name.isascii() and name.isdigit() and len(name) < 8 and int(name) < len(classes) else None
