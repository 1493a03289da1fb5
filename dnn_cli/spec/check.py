"""What no single key can tell: whether the parts of an experiment fit each other, and the machine."""

import math
import os
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import NamedTuple

from dnn_cli.spec.datasets import EmbeddedDataset
from dnn_cli.spec.experiment import Data, Experiment
from dnn_cli.spec.optimizers import Muon
from dnn_cli.spec.schedules import PiecewiseConstantDecay
from dnn_cli.spec.stack import Stage, examine, shape_text, trainable_weights, walk
from dnn_cli.spec.yaml_file import KeyPath


class Remark(NamedTuple):
    """Something to say about the value at a path."""

    path: KeyPath
    message: str
    suggestion: str = ""


def misfits(experiment: Experiment) -> list[Remark]:
    """Everything about an experiment, valid part by part, that would fail in training on any machine."""
    found = [*data_misfits(experiment.data), *optimizer_misfits(experiment), *objective_misfits(experiment)]
    stages, broken = examine(experiment.model.layers, experiment.data.input_shape)
    for error in broken:
        key = (error.key,) if error.key else ()
        found.append(Remark(("model", "layers", error.index, *key), str(error)))
    if len(stages) == len(experiment.model.layers):
        found += output_misfits(experiment, stages)
        found += exclusion_misfits(experiment, stages)
    return found


def machine_misfits(experiment: Experiment) -> list[Remark]:
    """Everything about an experiment without misfits that would fail in training on this machine."""
    stages = walk(experiment.model.layers, experiment.data.input_shape)
    return [*version_misfits(experiment), *memory_misfits(experiment, stages)]


def data_misfits(data: Data) -> Iterator[Remark]:
    """A split that leaves nothing, or a path to data that has none."""
    if data.validation_examples >= data.facts.examples:
        yield Remark(("data", "validation_size"), f"leaves none of the {data.facts.examples:,} examples to train on")
    if data.path is not None and isinstance(data.facts, EmbeddedDataset):
        yield Remark(("data", "path"), f"{data.dataset} is part of scikit-learn and read from no path", "remove it")


def optimizer_misfits(experiment: Experiment) -> Iterator[Remark]:
    """Arguments that Keras refuses together."""
    optimizer = experiment.optimizer
    if conflict := optimizer.conflict():
        argument, why = conflict
        yield Remark(("optimizer", argument), why)
    rate = optimizer.learning_rate
    if isinstance(rate, PiecewiseConstantDecay):
        if len(rate.values) != len(rate.boundaries) + 1:
            yield Remark(
                ("optimizer", "learning_rate", "values"),
                f"holds {len(rate.values)} values for {len(rate.boundaries)} boundaries",
                "there is one value more than boundaries",
            )
        if list(rate.boundaries) != sorted(set(rate.boundaries)):
            yield Remark(("optimizer", "learning_rate", "boundaries"), "must rise from one boundary to the next")


def exclusion_misfits(experiment: Experiment, stages: list[Stage]) -> Iterator[Remark]:
    """Patterns that keep no weight from Muon."""
    if not isinstance(experiment.optimizer, Muon):
        return
    paths = [path for path, _ in trainable_weights(experiment.model.name, stages)]
    for index, pattern in enumerate(experiment.optimizer.exclude_layers or ()):
        if not any(re.search(pattern, path) for path in paths):
            place = ("optimizer", "exclude_layers", index)
            yield Remark(place, f"{pattern} matches no weight", f"they are {', '.join(paths)}")


def objective_misfits(experiment: Experiment) -> Iterator[Remark]:
    """A loss and metrics that want different labels, or classes that do not exist."""
    loss, classes = experiment.loss, len(experiment.data.facts.classes)
    ignored = getattr(loss, "ignore_class", None)
    if ignored is not None and ignored >= classes:
        yield Remark(("loss", "ignore_class"), f"{ignored} is no class: they are numbered 0 to {classes - 1}")
    names = [metric.type for metric in experiment.metrics]
    for index, metric in enumerate(experiment.metrics):
        path = ("metrics", index)
        if metric.type in names[:index]:
            yield Remark(path, f"{metric.type} stands twice", "keep one of them")
        if metric.targets not in (None, loss.targets):
            told = {"index": "by their number", "one_hot": "by a vector"}
            yield Remark(
                path,
                f"{metric.type} needs classes told {told[metric.targets]}, and {loss.type} tells them "
                f"{told[loss.targets]}",
                "accuracy fits any loss",
            )
        if getattr(metric, "k", 1) > classes:
            yield Remark((*path, "k"), f"is above the {classes} classes of {experiment.data.dataset}")


def output_misfits(experiment: Experiment, stages: list[Stage]) -> Iterator[Remark]:
    """An output that is not one number a class."""
    classes, last = len(experiment.data.facts.classes), stages[-1]
    if last.output_shape == (classes,):
        return
    path: KeyPath = ("model", "layers", len(stages) - 1)
    message = (
        f"layer {last.name} ends the stack with {shape_text(last.output_shape)}, "
        f"but {experiment.data.dataset} has {classes} classes and needs {shape_text((classes,))}"
    )
    if len(last.output_shape) > 1:
        yield Remark(path, message, "put Flatten before the last Dense layer")
    elif hasattr(last.layer, "units"):
        yield Remark((*path, "units"), message, f"units: {classes}")
    else:
        yield Remark(path, message, f"end with {{type: Dense, units: {classes}, activation: softmax}}")


def version_misfits(experiment: Experiment) -> Iterator[Remark]:
    """An optimizer that the installed Keras does not have."""
    optimizer, installed = experiment.optimizer, version("keras")
    if tuple(int(part) for part in installed.split(".")[:2]) < optimizer.since:
        needed = ".".join(map(str, optimizer.since))
        message = f"{optimizer.type} needs Keras {needed}, and {installed} is installed"
        yield Remark(("optimizer",), message, "newer Keras needs Python 3.11")


def memory_misfits(experiment: Experiment, stages: list[Stage]) -> Iterator[Remark]:
    """A network that cannot be in memory, found before anything is allocated."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    weights = 8 * sum(stage.parameters for stage in stages)
    kept = experiment.optimizer.memory(trainable_weights(experiment.model.name, stages))
    batch = min(experiment.batch_size, experiment.data.facts.examples)
    outputs = 4 * batch * sum(math.prod(stage.output_shape) for stage in stages)
    for path, what, size in (
        (("model", "layers"), "the weights, their gradients and the optimizer's memory", weights + kept),
        (("batch_size",), "the layers' outputs for one batch", outputs),
    ):
        if size > memory:
            yield Remark(path, f"{what} take {size / 1e9:,.0f} GB, and this machine has {memory / 1e9:,.0f} GB")
