"""Advice on an experiment that is valid, but probably not what its author wants."""

import math
from collections.abc import Iterator

from dnn_cli.spec import rates
from dnn_cli.spec.check import as_written
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAveragePooling2D,
    Kernel,
    Layer,
    Rescaling,
    Reshape,
)
from dnn_cli.spec.output import needed_activation, place_of_flatten
from dnn_cli.spec.remark import Remark
from dnn_cli.spec.stack import shape_text, walk

KEEP_LINEAR = (
    AveragePooling2D, BatchNormalization, Dropout, Flatten, GaussianNoise, GlobalAveragePooling2D, Rescaling, Reshape,
)  # fmt: skip
"""Layers that a trained network computes as linear maps, if they do anything."""

SATURATING = ("sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign")
BOUNDED = (*SATURATING, "softmax", "sparsemax", "log_softmax", "relu6")
"""Activations that keep an output within bounds."""

DEEP = 3
"""From how many saturating hidden layers on the gradient is known to vanish."""


def advice(experiment: Experiment) -> list[Remark]:
    """What to think about before training; the paths point into the experiment."""
    layers = experiment.model.stack
    found = [
        *by_row(experiment),
        *narrow(layers),
        *two_linear(layers),
        *output_activation(experiment),
        *vanishing(layers),
    ]
    return as_written(experiment, [*found, *repeated_seeds(experiment), *schedule(experiment)])


def schedule(experiment: Experiment) -> Iterator[Remark]:
    """Yield a learning rate schedule that is over too early, or that the training is too short for."""
    batches = -(-experiment.data.training_examples // experiment.batch_size)
    found = rates.misfit(experiment, batches)
    if found is not None:
        yield Remark(("optimizer", "learning_rate"), found.message, " ".join(found.overrides))


def repeated_seeds(experiment: Experiment) -> Iterator[Remark]:
    """Seeds of layers that are repeated, which draw the same numbers every time."""
    for index, (layer, path) in enumerate(zip(experiment.model.stack, experiment.model.paths, strict=True)):
        parts = {name: getattr(layer, name) for name in type(layer).model_fields}
        seeded = [(name, "seed") for name, part in parts.items() if getattr(part, "seed", None) is not None]
        for keys in [*([("seed",)] if parts.get("seed") is not None else []), *seeded] if len(path) > 3 else []:
            message = "is the same in every round of its block, and so is what it draws"
            yield Remark(("model", "layers", index, *keys), message, "no seed")


def by_row(experiment: Experiment) -> Iterator[Remark]:
    """Yield the first Dense layer that gets more than one axis, where Flatten can stand before it."""
    index = place_of_flatten(experiment)
    if index is not None:
        stage = walk(experiment.model.stack, experiment.data.input_shape)[index]
        *rows, size = stage.input_shape
        message = f"Dense gets {shape_text(stage.input_shape)}: it acts on each of {math.prod(rows):,} rows of {size:,}"
        yield Remark(("model", "layers", index), message, "put Flatten before it")


def is_linear(layer: Layer) -> bool:
    """Whether a layer ends without an activation."""
    return isinstance(layer, Kernel | Activation) and layer.activation in (None, "linear")


def narrow(layers: tuple[Layer, ...]) -> Iterator[Remark]:
    """Hidden layers with fewer units than the output."""
    dense = [(index, layer) for index, layer in enumerate(layers) if isinstance(layer, Dense)]
    if not dense:
        return
    output = dense[-1][1].units
    for index, layer in dense[:-1]:
        if layer.units < output:
            yield Remark(
                ("model", "layers", index, "units"),
                f"a hidden layer of {layer.units} is narrower than the output of {output} and loses information",
            )


def two_linear(layers: tuple[Layer, ...]) -> Iterator[Remark]:
    """Kernels with nothing but linear layers between them."""
    before: int | None = None  # the last kernel, as long as all since then is linear
    for index, layer in enumerate(layers):
        if isinstance(layer, Kernel):
            if before is not None:
                yield Remark(
                    ("model", "layers", before),
                    f"no activation between this layer and layers.{index}: together they compute one linear map",
                    "give it activation: relu",
                )
            before = index if is_linear(layer) else None
        elif not isinstance(layer, KEEP_LINEAR) and not is_linear(layer):
            before = None


def output_activation(experiment: Experiment) -> Iterator[Remark]:
    """An output activation that does not suit the loss."""
    ends = [(i, layer) for i, layer in enumerate(experiment.model.stack) if isinstance(layer, Kernel | Activation)]
    if not ends:
        return
    index, layer = ends[-1]
    loss, path = experiment.loss, ("model", "layers", index, "activation")
    needed = needed_activation(experiment)
    if (layer.activation or "linear") == needed:
        return
    said = f"the output is {layer.activation or 'linear'}, and {loss.type}"
    if layer.activation == "softmax" and experiment.output_shape == (1,):
        yield Remark(path, "softmax of one unit is always 1, whatever the input", needed)
    elif loss.logits:
        yield Remark(path, f"{loss.type} with from_logits expects an output without activation", "linear")
    elif experiment.labels == "real":
        if layer.activation in BOUNDED:
            yield Remark(path, f"{said} compares it with numbers of any size, which it cannot reach", "linear")
    elif layer.activation == "sigmoid" and needed == "softmax":
        what = f"gives each of {experiment.output_shape[0]} units a probability of its own"
        yield Remark(path, f"sigmoid {what}, and {loss.type} is for one class among several", needed)
    elif loss.probabilities:
        yield Remark(path, f"{said} takes the logarithm of probabilities", needed)
    else:
        yield Remark(path, f"{said} compares with one class among several", needed)


def vanishing(layers: tuple[Layer, ...]) -> Iterator[Remark]:
    """Deep stacks of activations that saturate."""
    hidden = [(i, x) for i, x in enumerate(layers) if isinstance(x, Kernel | Activation) and not is_linear(x)]
    output = max((i for i, x in enumerate(layers) if isinstance(x, Kernel)), default=0)
    saturating = [(i, x) for i, x in hidden if i < output and x.activation in SATURATING]
    if len(saturating) >= DEEP:
        index, layer = saturating[0]
        yield Remark(
            ("model", "layers", index, "activation"),
            f"{len(saturating)} hidden layers of {layer.activation}: each passes back only a fraction of its gradient",
            "relu",
        )
