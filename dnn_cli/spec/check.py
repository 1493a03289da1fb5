"""What no single key can tell: whether the parts of an experiment fit each other, and the machine."""

import math
import os
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import cast

from dnn_cli.errors import OwnDataError, nearest
from dnn_cli.host.limits import memory_bytes
from dnn_cli.spec.augmentation import Moving
from dnn_cli.spec.block import MAX_LAYERS, length
from dnn_cli.spec.data import Data
from dnn_cli.spec.datasets import DATASETS, OWN, OWNERS, EmbeddedDataset
from dnn_cli.spec.experiment import Experiment, class_number
from dnn_cli.spec.keras_hints import SHAPE
from dnn_cli.spec.metrics import AUC, BinaryAccuracy, F1Score, Metric, Precision, Recall
from dnn_cli.spec.optimizers import Muon
from dnn_cli.spec.output import output_misfits
from dnn_cli.spec.remark import Remark
from dnn_cli.spec.schedules import PiecewiseConstantDecay
from dnn_cli.spec.stack import Stage, examine, trainable_weights, walk
from dnn_cli.spec.yaml_file import KeyPath

TOLD = {
    "index": "classes as numbers",
    "one_hot": "classes as vectors",
    "binary": "one of two classes",
    "real": "numbers to predict",
}
"""What labels are, in words."""

SHARES = {"validation_path": "validation_size", "test_path": "test_size"}
"""The share of the examples that does for a file of others."""

NPZ_HOLDS = {
    "validation_path": "the npz at path holds x_val and y_val",
    "test_path": "the npz at path holds x_test and y_test",
}
"""Where an npz has the examples that other data has in a file of their own."""


def misfits(experiment: Experiment) -> list[Remark]:
    """Everything about an experiment, valid part by part, that would fail in training on any machine."""
    layers = experiment.model.layers
    if length(layers) > MAX_LAYERS:
        return [Remark(("model", "layers"), f"make {length(layers):,} layers, and {MAX_LAYERS:,} are the most")]
    found = [*data_misfits(experiment.data), *optimizer_misfits(experiment)]
    if found and found[0].path[0] == "data":
        return found  # what else is to be said depends on the data
    unfit = [*loss_misfits(experiment)]
    found += [*unfit, *class_weight_misfits(experiment), *monitor_misfits(experiment), *jit_misfits(experiment)]
    found += input_misfits(experiment)
    stages, broken = examine(experiment.model.stack, experiment.data.input_shape)
    for error in broken:
        key = (error.key,) if error.key else ()
        found.append(Remark(("model", "layers", error.index, *key), str(error)))
    if not unfit:
        found += metric_misfits(experiment)
    if len(stages) == len(experiment.model.stack):
        found += [] if unfit else output_misfits(experiment, stages)
        found += exclusion_misfits(experiment, stages)
    return as_written(experiment, found)


def input_misfits(experiment: Experiment) -> Iterator[Remark]:
    """Shapes that layers say they get: of the first one that of the data, of all others none."""
    shape = experiment.data.input_shape
    for index, layer in enumerate(experiment.model.stack):
        path = ("model", "layers", index, "input_shape")
        if layer.input_shape is None:
            continue
        if index:
            yield Remark(path, "is an argument of the first layer alone", SHAPE)
        elif layer.input_shape != shape:
            given, data = list(layer.input_shape), experiment.data
            yield Remark(path, f"is {given}, and {data.title} has {list(shape)}", SHAPE)


def as_written(experiment: Experiment, remarks: Iterable[Remark]) -> list[Remark]:
    """Remarks on layers of the stack, at the paths where these are written; of repeated layers each only once."""
    paths = experiment.model.paths
    found: dict[tuple[KeyPath, str], Remark] = {}
    for remark in remarks:
        what = remark.message
        if remark.path[:2] == ("model", "layers") and len(remark.path) > 2:
            path = paths[cast(int, remark.path[2])]
            what = "" if len(path) > 3 else what  # in a block the message may differ by the layer's number alone
            remark = remark._replace(path=(*path, *remark.path[3:]))
        found.setdefault((remark.path, what), remark)
    return list(found.values())


def machine_misfits(experiment: Experiment) -> list[Remark]:
    """Everything about an experiment without misfits that would fail in training on this machine."""
    stages = walk(experiment.model.stack, experiment.data.input_shape)
    return [*version_misfits(experiment), *memory_misfits(experiment, stages)]


def data_misfits(data: Data) -> Iterator[Remark]:
    """Keys of another kind of data, data that is not there, and a split that leaves nothing."""
    keys = [*misplaced_keys(data)]
    yield from keys
    if keys:
        return
    try:
        facts = data.facts
    except OwnDataError as error:
        *lines, last = error.message.split("\n")  # a fault of the file each
        yield from (Remark(("data", error.key), line) for line in lines)
        yield Remark(("data", error.key), last, error.hint)
        return
    places: dict[str, str] = {}
    for key in ("path", "validation_path", "test_path"):
        path = getattr(data, key)
        if path is not None and (first := places.setdefault(os.path.realpath(path), key)) != key:
            yield Remark(("data", key), f"is the same as data.{first}", f"other examples, or a share: {SHARES[key]}")
    if facts.test_examples and data.test_size:
        yield Remark(("data", "test_size"), f"{data.title} has a test set of its own", "remove it")
    elif data.training_examples < 1:
        key = "test_size" if data.split_off >= facts.examples - facts.validation_examples else "validation_size"
        yield Remark(("data", key), f"leaves none of the {facts.examples:,} examples to train on")
    if data.stratify and not facts.is_classification:
        yield Remark(("data", "stratify"), f"needs classes, and {data.title} has numbers to predict", "remove it")


def misplaced_keys(data: Data) -> Iterator[Remark]:
    """Keys that the dataset does not take, or needs and has not."""
    for key, owners in OWNERS.items():
        if getattr(data, key) is not None and data.dataset not in owners:
            why = (
                NPZ_HOLDS[key]
                if data.dataset == "npz" and key in NPZ_HOLDS
                else f"only {' and '.join(owners)} data has it"
            )
            yield Remark(("data", key), f"{data.dataset} takes no {key}", f"remove it: {why}")
    if data.dataset in OWN and data.path is None:
        what = "folder" if data.dataset == "image_folder" else "file"
        yield Remark(("data",), f"dataset: {data.dataset} needs a path", f"path: the {what} with your data")
    if data.path is not None and isinstance(DATASETS.get(data.dataset), EmbeddedDataset):
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


def loss_misfits(experiment: Experiment) -> Iterator[Remark]:
    """A loss that wants other labels than there are, or ignores a class that does not exist."""
    loss, facts, dataset = experiment.loss, experiment.data.facts, experiment.data.title
    classes = len(facts.classes)
    if not classes and "real" not in loss.labels:
        message = f"{loss.type} needs classes, and {dataset} has numbers to predict"
        yield Remark(("loss",), message, "mean_squared_error")
    elif classes and loss.labels == ("real",):
        message = f"{loss.type} needs numbers to predict, and {dataset} has {classes} classes"
        is_binary = classes == 2 and getattr(experiment.model.stack[-1], "units", None) == 1
        yield Remark(("loss",), message, "binary_crossentropy" if is_binary else "sparse_categorical_crossentropy")
    elif classes != 2 and loss.labels == ("binary",):
        message = f"{loss.type} is for two classes, and {dataset} has {classes}"
        yield Remark(("loss",), message, "sparse_categorical_crossentropy")
    elif (getattr(loss, "ignore_class", None) or 0) >= max(classes, 1):
        yield Remark(("loss", "ignore_class"), f"is no class: they are numbered 0 to {classes - 1}")


def metric_misfits(experiment: Experiment) -> Iterator[Remark]:
    """Metrics that stand twice, are told other labels than they need, or want more classes than there are."""
    labels, outputs = experiment.labels, experiment.output_shape[0]
    for index, metric in enumerate(experiment.metrics):
        path = ("metrics", index)
        if metric.type in [other.type for other in experiment.metrics[:index]]:
            yield Remark(path, f"{metric.type} stands twice", "keep one of them")
        if labels not in metric.labels:
            needs = " or ".join(TOLD[needed] for needed in metric.labels)
            message = f"{metric.type} needs {needs}, and {experiment.loss.type} is told {TOLD[labels]}"
            vectors = labels == "index" and "one_hot" in metric.labels
            fits = "mean_absolute_error" if labels == "real" else "accuracy"
            yield Remark(path, message, "loss: categorical_crossentropy" if vectors else f"{fits} fits any such loss")
            continue
        yield from logit_misfits(experiment, path, metric)
        for key in ("k", "top_k"):
            if (getattr(metric, key, None) or 1) > outputs:
                yield Remark((*path, key), f"is above the {outputs} classes of {experiment.data.title}")
        if (getattr(metric, "class_id", None) or 0) >= outputs:
            yield Remark((*path, "class_id"), f"is no class: they are numbered 0 to {outputs - 1}")
        if isinstance(metric, F1Score) and labels == "binary" and metric.threshold is None:
            yield Remark(path, "f1_score of one output needs a threshold", "{type: f1_score, threshold: 0.5}")


def logit_misfits(experiment: Experiment, path: KeyPath, metric: Metric) -> Iterator[Remark]:
    """Metrics that take an output for a probability which is none, or the other way round."""
    logits = experiment.loss.logits
    if isinstance(metric, AUC):
        if metric.from_logits != logits:
            message = f"auc and {experiment.loss.type} differ in from_logits, and judge the same output"
            yield Remark((*path, "from_logits"), message, f"from_logits: {str(logits).lower()}")
        return
    halves = isinstance(metric, Precision | Recall) and metric.top_k is None
    halves = halves or (isinstance(metric, F1Score) and metric.threshold is not None)
    if logits and (halves or isinstance(metric, BinaryAccuracy)):
        yield Remark(path, f"{metric.type} takes outputs for probabilities, and {experiment.loss.type} for logits",
                     "end with the activation and leave from_logits out")  # fmt: skip


def jit_misfits(experiment: Experiment) -> Iterator[Remark]:
    """XLA for layers that it cannot compile."""
    moving = [layer for layer in experiment.model.stack if isinstance(layer, Moving)]
    if experiment.jit is True and moving:
        yield Remark(("jit",), f"XLA cannot compile {moving[0].type}", "jit: auto")


def class_weight_misfits(experiment: Experiment) -> Iterator[Remark]:
    """Weights for classes that are not there."""
    weights, facts = experiment.class_weight, experiment.data.facts
    if weights is None:
        return
    if not facts.is_classification:
        yield Remark(("class_weight",), f"{experiment.data.title} has no classes but numbers to predict", "remove it")
    elif weights != "balanced":
        known: dict[int, str] = {}
        for name in weights:
            number = class_number(name, facts.classes)
            if number is None:
                suggestion = nearest(name, facts.classes) or f"they are {', '.join(facts.classes[:12])}"
                yield Remark(("class_weight", name), f"{name} is no class of {experiment.data.title}", suggestion)
            elif known.setdefault(number, name) != name:
                yield Remark(("class_weight", name), f"{name} is the same class as {known[number]}", "keep one of them")
        if not any(weights.values()) and len(weights) == len(facts.classes):
            yield Remark(("class_weight",), "no class counts at all")


def monitor_misfits(experiment: Experiment) -> Iterator[Remark]:
    """Callbacks that watch a score which is not there, or a rate that cannot be set."""
    for key in ("early_stopping", "reduce_lr_on_plateau", "model_checkpoint"):
        callback = getattr(experiment, key)
        if callback is not None and callback.monitor not in experiment.scores:
            why = "" if experiment.data.validation_examples else ": without a validation set there is no val_ score"
            suggestion = nearest(callback.monitor, experiment.scores) or f"one of {', '.join(experiment.scores)}"
            yield Remark((key, "monitor"), f"{callback.monitor} is no score of this training{why}", suggestion)
    stopping = experiment.early_stopping
    if stopping is not None and stopping.restore_best_weights and experiment.optimizer.use_ema:
        message = "undoes the averages of the optimizer's use_ema"
        yield Remark(("early_stopping", "restore_best_weights"), message, "remove one of the two")
    if experiment.reduce_lr_on_plateau and not isinstance(experiment.optimizer.learning_rate, float):
        yield Remark(("reduce_lr_on_plateau",), "cannot stand beside a learning rate schedule", "keep one of them")


def version_misfits(experiment: Experiment) -> Iterator[Remark]:
    """An optimizer that the installed Keras does not have."""
    optimizer, installed = experiment.optimizer, version("keras")
    if tuple(int(part) for part in installed.split(".")[:2]) < optimizer.since:
        needed = ".".join(map(str, optimizer.since))
        message = f"{optimizer.type} needs Keras {needed}, and {installed} is installed"
        yield Remark(("optimizer",), message, "newer Keras needs Python 3.11")


def memory_misfits(experiment: Experiment, stages: list[Stage]) -> Iterator[Remark]:
    """A network that cannot be in memory, found before anything is allocated."""
    memory = memory_bytes()
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
