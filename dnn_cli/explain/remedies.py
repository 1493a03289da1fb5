"""What to try: changes of a config that are known to make a valid experiment."""

from collections.abc import Callable, Iterable
from functools import partial

from pydantic import ValidationError

from dnn_cli.errors import ConfigError
from dnn_cli.explain.facts import Facts
from dnn_cli.explain.findings import Remedy
from dnn_cli.spec.datasets import DATASETS
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Conv2D, Dense, Kernel, Layer
from dnn_cli.spec.overrides import apply_overrides
from dnn_cli.spec.schedules import CosineDecay, PolynomialDecay
from dnn_cli.spec.stack import examine

FIND_RATE = Remedy("lr-find")
SHOW_DATA = Remedy("data show")

BATCHES = 20
"""Batches that an epoch should have, so that a few epochs are hundreds of steps."""

FAR = 10.0
"""A learning rate of more than so many times Keras's own is far from what is usual."""


def gentler(experiment: Experiment, factor: float = 0.1) -> str:
    """An override that keeps an optimizer from leaving the numbers: a lower rate, or Keras's own if it is far above."""
    optimizer = experiment.optimizer
    if optimizer.type == "adafactor":
        return "optimizer.epsilon_1=1e-7"  # squares of small gradients and Keras's 1e-30 are 0 in float32
    if not isinstance(optimizer.learning_rate, float):
        return "optimizer.clipnorm=1"
    usual = type(optimizer).model_fields["learning_rate"].default
    rate = factor * optimizer.learning_rate
    return f"optimizer.learning_rate={usual if rate > FAR * usual else rate:.3g}"


def slower(facts: Facts, factor: float = 0.1) -> tuple[Remedy, ...]:
    """A lower learning rate, and the command that looks for a good one."""
    return (*training(facts, gentler(facts.experiment, factor)), FIND_RATE)


def faster(facts: Facts, factor: float = 10) -> tuple[Remedy, ...]:
    """A higher learning rate, and the command that looks for a good one."""
    rate = facts.experiment.optimizer.learning_rate
    found = training(facts, f"optimizer.learning_rate={factor * rate:.3g}") if isinstance(rate, float) else ()
    return (*found, FIND_RATE)


def standardized(facts: Facts) -> tuple[Remedy, ...]:
    """Return the config with standardized inputs, unless it has them already."""
    return () if facts.experiment.data.standardize else training(facts, "data.standardize=true")


def of_output(facts: Facts, key: str, value: str) -> tuple[Remedy, ...]:
    """Return the config with a change of the last layer that has a kernel."""
    path = facts.output_path
    return training(facts, shortest(facts, path, key, value)) if path else ()


def smaller_batch(facts: Facts) -> tuple[Remedy, ...]:
    """Return the config with batches of 32, or smaller ones where an epoch has few examples."""
    examples = facts.training_examples or 0
    size = next((size for size in (32, 16, 8) if examples >= BATCHES * size), 8)
    return training(facts, f"batch_size={size}") if size < facts.experiment.batch_size else ()


def training(facts: Facts, *overrides: str) -> tuple[Remedy, ...]:
    """The config with changes, if that is an experiment."""
    return (Remedy("train", overrides),) if overrides and changed(facts, overrides) is not None else ()


def longer(facts: Facts) -> tuple[Remedy, ...]:
    """Twice as many epochs: of the same run, or anew where the learning rate follows a plan that would be over."""
    epochs, rate = 2 * facts.experiment.epochs, facts.experiment.optimizer.learning_rate
    if isinstance(rate, CosineDecay | PolynomialDecay):
        return training(facts, f"epochs={epochs}", f"optimizer.learning_rate.decay_steps={2 * rate.decay_steps}")
    return (Remedy("resume", (f"epochs={epochs}",)),) if changed(facts, [f"epochs={epochs}"]) else ()


def in_layers(facts: Facts, wanted: Callable[[Layer], object], key: str, value: str) -> tuple[str, ...]:
    """A change of every layer that is wanted, each once where it is written; the output is never among them."""
    experiment = facts.experiment
    stack, paths = experiment.model.stack, experiment.model.paths
    output = max((index for index, layer in enumerate(stack) if isinstance(layer, Kernel)), default=0)
    places = dict.fromkeys(path for layer, path in list(zip(stack, paths, strict=True))[:output] if wanted(layer))
    return tuple(shortest(facts, path, key, value) for path in places)


def shortest(facts: Facts, path: tuple[str | int, ...], key: str, value: str) -> str:
    """An override of a layer by its name, if that means the very layer, else by its place."""
    item = facts.document.value
    for step in path:
        item = item[step]
    by_place = f"{'.'.join(map(str, path[1:]))}.{key}={value}"
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        return by_place
    by_name = f"layers.{name}.{key}={value}"
    return by_name if changed(facts, [by_name]) == changed(facts, [by_place]) else by_place


def larger(facts: Facts) -> tuple[str, ...]:
    """Twice the units or filters of every hidden layer."""
    found: list[str] = []
    for kind, key in ((Dense, "units"), (Conv2D, "filters")):
        sizes = {getattr(layer, key) for layer in facts.experiment.model.stack if isinstance(layer, kind)}
        for size in sorted(sizes):
            found += in_layers(facts, partial(has_size, kind, key, size), key, str(2 * size))
    return tuple(found)


def has_size(kind: type[Dense] | type[Conv2D], key: str, size: int, layer: Layer) -> bool:
    """Whether a layer is of a kind and a size."""
    return isinstance(layer, kind) and getattr(layer, key) == size


def changed(facts: Facts, overrides: Iterable[str]) -> Experiment | None:
    """The experiment with changes; `None` where there is none."""
    try:
        experiment = Experiment.model_validate(apply_overrides(facts.document, list(overrides)).value)
    except (ConfigError, ValidationError):
        return None
    if experiment.data.dataset in DATASETS and examine(experiment.model.stack, experiment.data.input_shape)[1]:
        return None
    return experiment
