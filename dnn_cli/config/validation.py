"""Checks of an experiment as a whole: its parts must fit each other, its data and this machine."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

from dnn_cli.config.data_validation import find_data_issues
from dnn_cli.config.experiment import Experiment, find_class_number
from dnn_cli.config.keras_names import REMOVE_INPUT_SHAPE
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_blocks import MAX_LAYERS, count_layers
from dnn_cli.config.layer_stack import Stage, compute_stages, examine_stack, iter_nested_stages, list_trainable_weights
from dnn_cli.config.metrics import BinaryAccuracy, FScore, Metric, Precision, Recall
from dnn_cli.config.optimizers import BaseOptimizer, Muon
from dnn_cli.config.output_layer import find_output_issues
from dnn_cli.config.schedules import CosineDecay, LearningRate, PiecewiseConstantDecay, Warmup, split_off_warm_up
from dnn_cli.errors import Issue, KeyPath, suggest_nearest_name
from dnn_cli.host.resources import get_usable_memory

_TARGET_ENCODING_TEXTS = {
    "index": "class numbers",
    "one_hot": "one-hot vectors",
    "binary": "0 and 1",
    "real": "real numbers",
}
"""Descriptions of target encodings in messages."""

_CLASSIFICATION_OVERRIDE = "data.task=classification"
"""Override in the remark of a reader that read whole numbers as the targets of a regression."""


def find_experiment_issues(experiment: Experiment) -> list[Issue]:
    """Return the issues that would make the training fail on any machine.

    Args:
        experiment: An experiment whose parts are valid by themselves.
    """
    layers = experiment.model.layers
    if count_layers(layers) > MAX_LAYERS:
        return [Issue(("model", "layers"), f"has {count_layers(layers):,} layers; the maximum is {MAX_LAYERS:,}")]
    issues = [*find_data_issues(experiment.data), *_find_optimizer_issues(experiment)]
    if issues and issues[0].path[0] == "data":
        # All other checks depend on the data.
        return issues
    loss_issues = [*_find_loss_issues(experiment)]
    issues += [
        *loss_issues,
        *_find_class_weight_issues(experiment),
        *(issue for callback in experiment.callbacks for issue in callback.find_issues(experiment)),
        *_find_jit_issues(experiment),
        *_find_precision_issues(experiment),
        *_find_integer_issues(experiment),
    ]
    issues += _find_input_shape_issues(experiment)
    stages, shape_errors = examine_stack(experiment.model.stack, experiment.data.input_shape)
    for error in shape_errors:
        issues.append(Issue(("model", "layers", *error.position), str(error)))
    if not loss_issues:
        issues += _find_metric_issues(experiment)
    if len(stages) == len(experiment.model.stack):
        issues += [] if loss_issues else find_output_issues(experiment, stages)
        issues += _find_muon_exclusion_issues(experiment, stages)
    return map_to_config_paths(experiment, issues)


def _find_input_shape_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of `input_shape`: only the first layer may have it, and it must equal the shape of the data."""
    shape = experiment.data.input_shape
    for position, _, layer in experiment.model.nested_layers:
        path = ("model", "layers", *position, "input_shape")
        if layer.input_shape is None:
            continue
        if position != (0,):
            yield Issue(path, "is an argument of the first layer only", REMOVE_INPUT_SHAPE)
        elif layer.input_shape != shape:
            layer_shape, data = list(layer.input_shape), experiment.data
            yield Issue(path, f"is {layer_shape}, but {data.title} has the shape {list(shape)}", REMOVE_INPUT_SHAPE)


def map_to_config_paths(experiment: Experiment, issues: Iterable[Issue]) -> list[Issue]:
    """Return issues in which the key paths of layers are those of the config.

    An issue that occurs in each repetition of a layer appears only once.

    Args:
        experiment: The experiment with the issues.
        issues: Issues in which the index of a layer counts every repetition of repeated layers.
    """
    paths = {nested.position: nested.path for nested in experiment.model.nested_layers}
    unique_issues: dict[tuple[KeyPath, str], Issue] = {}
    for issue in issues:
        message = issue.message
        if issue.path[:2] == ("model", "layers") and len(issue.path) > 2:
            length = max(end for end in range(3, len(issue.path) + 1) if issue.path[2:end] in paths)
            path = paths[issue.path[2:length]]
            # Messages for rounds of a block may differ only in the number of the layer.
            message = "" if "layers" in path[2:] else message
            issue = issue._replace(path=(*path, *issue.path[length:]))
        unique_issues.setdefault((issue.path, message), issue)
    return list(unique_issues.values())


def find_machine_issues(experiment: Experiment) -> list[Issue]:
    """Return the issues that would make the training fail on this machine.

    Args:
        experiment: An experiment without other issues.
    """
    stages = compute_stages(experiment.model.stack, experiment.data.input_shape)
    return [*find_keras_version_issues(experiment), *_find_memory_issues(experiment, stages)]


def _find_optimizer_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of optimizer arguments that exclude each other, and of learning rate schedules."""
    optimizer = experiment.optimizer
    if conflict := optimizer.find_argument_conflict():
        argument, reason = conflict
        yield Issue(("optimizer", argument), reason)
    yield from _find_schedule_issues(optimizer.learning_rate)


def _find_schedule_issues(learning_rate: LearningRate) -> Iterator[Issue]:
    """Yield issues of wrong boundaries of a piecewise schedule, and of a schedule with two warm-ups."""
    part = split_off_warm_up(learning_rate)
    rate, path = part.rate, tuple(part.key.split("."))
    if isinstance(learning_rate, Warmup) and isinstance(rate, CosineDecay) and rate.warmup_target and rate.warmup_steps:
        yield Issue(
            (*path, "warmup_target"),
            "is the end of a second warm-up within Warmup",
            f"write initial_learning_rate: {rate.warmup_target:g}, and remove warmup_target and warmup_steps",
        )
    if isinstance(rate, PiecewiseConstantDecay):
        count = len(rate.boundaries)
        if len(rate.values) != count + 1:
            yield Issue(
                (*path, "values"),
                f"has {len(rate.values)} values for {count} {'boundary' if count == 1 else 'boundaries'}",
                f"write {count + 1} values: one more than boundaries",
            )
        if list(rate.boundaries) != sorted(set(rate.boundaries)):
            yield Issue((*path, "boundaries"), "must increase from one boundary to the next")


def _find_muon_exclusion_issues(experiment: Experiment, stages: list[Stage]) -> Iterator[Issue]:
    """Yield an issue for each pattern of Muon's `exclude_layers` that matches no trainable weight."""
    if not isinstance(experiment.optimizer, Muon):
        return
    paths = [path for path, _ in list_trainable_weights(experiment.model.name, stages)]
    for index, pattern in enumerate(experiment.optimizer.exclude_layers or ()):
        if not any(re.search(pattern, path) for path in paths):
            key_path = ("optimizer", "exclude_layers", index)
            yield Issue(key_path, f"{pattern} matches no weight", f"the weights are {', '.join(paths)}")


def _find_loss_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue of a loss that needs other targets than the data has, or whose `ignore_class` does not exist."""
    loss, info, dataset = experiment.loss, experiment.data.info, experiment.data.title
    classes = len(info.classes)
    if not classes and "real" not in loss.target_encodings:
        message = f"{loss.type} needs classes, but {dataset} is for regression"
        chosen = any(remark.override == _CLASSIFICATION_OVERRIDE for remark in info.remarks)
        other = "if the numbers are classes, write data.task: classification; else " if chosen else ""
        yield Issue(("loss",), message, f"{other}use mean_squared_error")
    elif classes and loss.target_encodings == ("real",):
        message = f"{loss.type} is for regression, but {dataset} has {classes} classes"
        last = experiment.model.stack[-1]
        is_binary = classes == 2 and last.is_fully_connected and last.last_axis_size == 1
        yield Issue(
            ("loss",), message, f"use {'binary_crossentropy' if is_binary else 'sparse_categorical_crossentropy'}"
        )
    elif classes != 2 and loss.target_encodings == ("binary",):
        message = f"{loss.type} is for two classes, but {dataset} has {classes}"
        yield Issue(("loss",), message, "use sparse_categorical_crossentropy")
    elif experiment.data.standardize_target and loss.is_relative:
        message = f"{loss.type} compares ratios of numbers, which standardized targets do not have"
        yield Issue(("loss",), message, "use mean_squared_error, or write data.standardize_target: false")
    elif (getattr(loss, "ignore_class", None) or 0) >= max(classes, 1):
        yield Issue(("loss", "ignore_class"), f"is not a class: the numbers of classes are 0 to {classes - 1}")


def _find_metric_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of metrics: duplicates, other targets than those of the loss, and more classes than the data has."""
    encoding, outputs = experiment.target_encoding, experiment.output_shape[0]
    for index, metric in enumerate(experiment.metrics):
        path = ("metrics", index)
        if metric.type in [other.type for other in experiment.metrics[:index]]:
            yield Issue(path, f"duplicate metric {metric.type}", "keep one of the two")
        if encoding not in metric.target_encodings:
            *others, last = (_TARGET_ENCODING_TEXTS[needed] for needed in metric.target_encodings)
            needs = f"{', '.join(others)} or {last}" if others else last
            used = f"{experiment.loss.type} uses {_TARGET_ENCODING_TEXTS[encoding]}"
            message = f"{metric.type} needs {needs} as targets, but {used}"
            vectors = encoding == "index" and "one_hot" in metric.target_encodings
            suitable_metric = "mean_absolute_error" if encoding == "real" else "accuracy"
            yield Issue(path, message, "write loss: categorical_crossentropy" if vectors else f"use {suitable_metric}")
            continue
        yield from _find_logit_issues(experiment, path, metric)
        for key in ("k", "top_k"):
            if (getattr(metric, key, None) or 1) > outputs:
                yield Issue(
                    (*path, key), f"is greater than {outputs}, the number of classes of {experiment.data.title}"
                )
        if (getattr(metric, "class_id", None) or 0) >= outputs:
            yield Issue((*path, "class_id"), f"is not a class: the numbers of classes are 0 to {outputs - 1}")
        if isinstance(metric, FScore) and encoding == "binary" and metric.threshold is None:
            message = f"{metric.type} of one output needs a threshold"
            yield Issue(path, message, f"for example {{type: {metric.type}, threshold: 0.5}}")


def _find_logit_issues(experiment: Experiment, path: KeyPath, metric: Metric) -> Iterator[Issue]:
    """Yield an issue of a metric that treats logits as probabilities, or probabilities as logits."""
    loss, logits = experiment.loss, experiment.loss.takes_logits
    if hasattr(metric, "from_logits"):
        if metric.from_logits != logits:
            message = f"{metric.type} and {loss.type} must have the same value of from_logits"
            if loss.takes_margins:
                message = f"{metric.type} needs from_logits: true with {loss.type}, whose outputs have no activation"
            yield Issue((*path, "from_logits"), message, f"write from_logits: {str(logits).lower()}")
        return
    uses_threshold = isinstance(metric, Precision | Recall) and metric.top_k is None
    uses_threshold = uses_threshold or (isinstance(metric, FScore) and metric.threshold is not None)
    if logits and (uses_threshold or metric.needs_probabilities or isinstance(metric, BinaryAccuracy)):
        used = "margins" if loss.takes_margins else "logits"
        message = f"{metric.type} needs probabilities as outputs, but {loss.type} uses {used}"
        suggestion = "add an activation to the last layer, and remove from_logits from the loss"
        yield Issue(path, message, "use accuracy" if loss.takes_margins else suggestion)


def _find_jit_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue of `jit: true` if XLA cannot compile a layer."""
    refused_layers = [
        nested.layer for nested in experiment.model.nested_layers if nested.layer.get_xla_support() == "none"
    ]
    if experiment.jit is True and refused_layers:
        yield Issue(("jit",), f"XLA cannot compile {refused_layers[0].type}", "write jit: auto")


def _find_precision_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of `mixed_precision`: Keras fails to add a penalty of 16 bits to the loss, which has 32 bits."""
    # The last layer computes with 32 bits.
    last = len(experiment.model.stack) - 1
    for position, _, layer in experiment.model.nested_layers if experiment.mixed_precision else ():
        if position[0] != last and layer.penalizes_outputs:
            path: KeyPath = ("model", "layers", *position)
            message = "cannot be combined with mixed_precision, except in the last layer"
            if getattr(layer, "activity_regularizer", None) is None:
                yield Issue(path, f"the penalty of outputs {message}", "write mixed_precision: false")
            else:
                advice = "use kernel_regularizer, or write mixed_precision: false"
                yield Issue((*path, "activity_regularizer"), message, advice)


def _find_integer_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of keys that change whole numbers before the layer that takes them: the layer needs all digits."""
    yield from _find_changed_integers(experiment.model.stack)
    layer, data = experiment.integer_layer, experiment.data
    if layer is None:
        return
    if data.scale not in (None, 1):
        message = f"divides the inputs, but {layer.type} takes whole numbers"
        yield Issue(("data", "scale"), message, "write scale: 1, or remove it")
    if data.standardize:
        yield Issue(("data", "standardize"), f"changes the inputs, but {layer.type} takes whole numbers", "write false")
    if experiment.mixed_precision and layer is not experiment.model.stack[0]:
        message = f"rounds the whole numbers before they reach {layer.type}"
        yield Issue(("mixed_precision",), message, "write false, or make this layer the first")


def _find_changed_integers(stack: Sequence[BaseLayer]) -> Iterator[Issue]:
    """Yield an issue for each layer that takes whole numbers after a layer that changes the inputs."""
    changing_layer = ""
    for index, layer in enumerate(stack):
        taker = next((part.type for part in layer.iter_layers() if part.takes_integers), None)
        if taker and changing_layer:
            message = f"{taker} takes whole numbers, but {changing_layer} before it changes the inputs"
            yield Issue(("model", "layers", index), message, f"make {layer.type} the first layer")
        if not layer.only_reshapes and not changing_layer:
            changing_layer = layer.type


def _find_class_weight_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield issues of class weights: unknown or repeated classes, data without classes, or weights that are all 0."""
    weights, info = experiment.class_weight, experiment.data.info
    if weights is None:
        return
    if experiment.data.weight is not None:
        yield Issue(("class_weight",), "excludes data.weight, as in Keras; remove one of the two keys")
    if not info.is_classification:
        yield Issue(("class_weight",), f"needs classes, but {experiment.data.title} is for regression", "remove it")
    elif weights != "balanced":
        name_by_number: dict[int, str] = {}
        for name in weights:
            number = find_class_number(name, info.classes)
            if number is None:
                suggestion = suggest_nearest_name(name, info.classes) or f"use one of {', '.join(info.classes[:12])}"
                yield Issue(("class_weight", name), f"{name} is not a class of {experiment.data.title}", suggestion)
            elif name_by_number.setdefault(number, name) != name:
                yield Issue(
                    ("class_weight", name),
                    f"{name} is the same class as {name_by_number[number]}",
                    "keep one of the two",
                )
        if not any(weights.values()) and len(weights) == len(info.classes):
            yield Issue(("class_weight",), "the weights of all classes are 0")


def find_keras_version_issues(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue for each part that the installed version of Keras lacks: the optimizer or a layer."""
    parts: list[tuple[KeyPath, BaseOptimizer | BaseLayer]] = [
        (("optimizer",), experiment.optimizer),
        *((("model", "layers", *nested.position), nested.layer) for nested in experiment.model.nested_layers),
    ]
    issues = []
    installed = version("keras")
    installed_numbers = tuple(int(number) for number in installed.split(".")[:2])
    for path, part in parts:
        if installed_numbers < part.min_keras_version:
            needed = ".".join(map(str, part.min_keras_version))
            message = f"{part.type} needs Keras {needed}, but Keras {installed} is installed"
            issues.append(Issue(path, message, "upgrade Keras, which then needs Python 3.11"))
    yield from map_to_config_paths(experiment, issues)


_TENSORFLOW_BYTES = 600_000_000
"""Memory of a process that has imported TensorFlow and trained a small network, in bytes."""


def find_memory_advice(experiment: Experiment) -> Iterator[Issue]:
    """Yield advice if the data and TensorFlow need more memory than this process may use.

    A training holds two copies of the inputs: the array and TensorFlow's copy. The estimate is too uncertain for an
    error.
    """
    info, memory = experiment.data.info, get_usable_memory()
    needed = 2 * info.examples * math.prod(info.input_shape) * info.value_bytes + _TENSORFLOW_BYTES
    if needed > memory:
        needs = f"a training needs about {needed / 1e9:.1f} GB of memory, and may use {memory / 1e9:.1f} GB"
        yield Issue(("data",), f"{needs}; use fewer or smaller examples")


def _find_memory_issues(experiment: Experiment, stages: list[Stage]) -> Iterator[Issue]:
    """Yield issues of a network that needs more than the usable memory. The check allocates no memory."""
    memory = get_usable_memory()
    # Four bytes for each parameter and four for its gradient.
    weight_bytes = 8 * sum(stage.parameters for stage in stages)
    optimizer_bytes = experiment.optimizer.compute_memory(list_trainable_weights(experiment.model.name, stages))
    batch = min(experiment.batch_size, experiment.data.info.examples)
    output_bytes = 4 * batch * sum(math.prod(stage.output_shape) for stage in iter_nested_stages(stages))
    for path, description, size in (
        (
            ("model", "layers"),
            "the weights, their gradients and the optimizer's memory",
            weight_bytes + optimizer_bytes,
        ),
        (("batch_size",), "the layers' outputs for one batch", output_bytes),
    ):
        if size > memory:
            yield Issue(path, f"{description} need {size / 1e9:,.0f} GB, but this machine has {memory / 1e9:,.0f} GB")
