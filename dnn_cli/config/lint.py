"""Advice: issues of valid experiments whose settings are probably not intended."""

import itertools
import math
from collections.abc import Iterator

from dnn_cli.config import learning_rates
from dnn_cli.config.activations import BOUNDED_RANGES, NEVER_NEGATIVE_ACTIVATIONS, SATURATION_RANGES
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import compute_stages, find_output_layer, format_shape
from dnn_cli.config.output_layer import find_flatten_position, get_suitable_activation
from dnn_cli.config.validation import map_to_config_paths
from dnn_cli.errors import Issue

_SELU_INITIALIZERS = ("lecun_normal", "lecun_uniform", "variance_scaling")
"""Initializers with variance 1 / inputs, which selu needs. `variance_scaling` has this variance by default."""

_MIN_SATURATING_LAYERS = 3
"""Advice is given if at least this number of hidden layers have saturating activations: gradients can then vanish."""

_MAX_PIXEL = 255
"""Largest divisor of inputs that are pixels from 0 to 1. Larger divisors need not be the maximum of the pixels."""

_RANGE_KEEPING_FAMILIES = ("augmentation", "image size", "pooling")
"""Families of layers whose outputs have the range of their inputs."""


def find_advice(experiment: Experiment) -> list[Issue]:
    """Return the issues of settings that are valid but probably not intended, with key paths of the config."""
    layers = experiment.model.stack
    issues = [
        *_find_missing_flatten(experiment),
        *_find_unsuitable_value_ranges(experiment),
        *_find_narrow_layers(layers),
        *_find_consecutive_linear_layers(layers),
        *(_describe_activation_change(issue) for issue in find_output_activation_advice(experiment)),
        *_find_unsuitable_selu_settings(layers),
        *_find_vanishing_gradients(layers),
        *_find_repeated_target_scaling(experiment),
        *_find_changed_mask_values(experiment),
    ]
    return map_to_config_paths(
        experiment, [*issues, *_find_repeated_seeds(experiment), *_find_schedule_advice(experiment)]
    )


def _find_schedule_advice(experiment: Experiment) -> Iterator[Issue]:
    """Yield the issue of a learning rate schedule that ends too early, or that is too long for the training."""
    batches = -(-experiment.data.training_examples // experiment.batch_size)
    schedule_issue = learning_rates.find_schedule_issue(experiment, batches)
    if schedule_issue is not None:
        yield Issue(
            ("optimizer", "learning_rate"), schedule_issue.message, f"for example {' '.join(schedule_issue.overrides)}"
        )


def _find_repeated_seeds(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue for each seed of a layer in a repeated block.

    With a seed, every repetition of the layer draws the same random numbers.
    """
    for position, path, layer in experiment.model.nested_layers:
        parts = {name: getattr(layer, name) for name in type(layer).model_fields}
        seeded = [(name, "seed") for name, part in parts.items() if getattr(part, "seed", None) is not None]
        for keys in [*([("seed",)] if parts.get("seed") is not None else []), *seeded] if "layers" in path[2:] else []:
            message = "is the same in every repetition: all repetitions draw the same random numbers"
            yield Issue(("model", "layers", *position, *keys), message, "remove the seed")


def _find_missing_flatten(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue of a fully connected layer whose input has several axes, if a Flatten layer before it would help.

    Flatten helps if it reduces the output of the network to a single axis.
    """
    index = find_flatten_position(experiment)
    if index is not None:
        stage = compute_stages(experiment.model.stack, experiment.data.input_shape)[index]
        *rows, size = stage.input_shape
        message = (
            f"the input shape is {format_shape(stage.input_shape)}: "
            f"{stage.layer.type} computes each of {math.prod(rows):,} rows of {size:,} numbers separately"
        )
        yield Issue(("model", "layers", index), message, "put Flatten before this layer")


def _find_unsuitable_value_ranges(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue for each `value_range` other than from 0 to 1 of a layer that receives pixels from 0 to 1.

    Data with a divisor up to 255 has such pixels: 8-bit images, and smaller whole numbers. Of other data, the range is
    unknown. Layers that can change the range of the pixels end the search.
    """
    data = experiment.data
    if data.standardize or not 1 < data.info.pixel_max <= _MAX_PIXEL:
        return
    for index, layer in enumerate(experiment.model.stack):
        if layer.family not in _RANGE_KEEPING_FAMILIES and not layer.only_reshapes:
            return
        value_range = getattr(layer, "value_range", None)
        if value_range not in (None, (0, 1)):
            low, high = value_range
            message = f"the range is {low:g} to {high:g}, but the layer receives pixels from 0 to 1"
            yield Issue(("model", "layers", index, "value_range"), message, "write value_range: [0, 1]")


def _find_narrow_layers(layers: tuple[BaseLayer, ...]) -> Iterator[Issue]:
    """Yield an issue for each hidden fully connected layer with fewer units than the last such layer.

    Such a narrow layer loses information.
    """
    sizes = [
        (index, layer, layer.last_axis_size)
        for index, layer in enumerate(layers)
        if layer.is_fully_connected and layer.last_axis_size
    ]
    if not sizes:
        return
    *_, (_, _, output) = sizes
    for index, layer, units in sizes[:-1]:
        if units < output:
            size = f"{units} {'unit' if units == 1 else 'units'}"
            yield Issue(
                ("model", "layers", index, layer.size_key or ""),
                f"a hidden layer of {size} is narrower than the output of {output} and loses information",
            )


def _find_consecutive_linear_layers(layers: tuple[BaseLayer, ...]) -> Iterator[Issue]:
    """Yield an issue for each layer with a kernel if no activation follows before the next layer with a kernel.

    Without an activation between them, the two layers act as a single linear layer.
    """
    # Index of the last layer with a kernel. `None` after a layer that is not linear.
    last_kernel: int | None = None
    for index, layer in enumerate(layers):
        if layer.has_kernel:
            if last_kernel is not None:
                yield Issue(
                    ("model", "layers", last_kernel),
                    f"has no activation: together with layers.{index} it acts as a single layer",
                    "add activation: relu",
                )
            last_kernel = index if layer.is_linear and layer.applied_activation in (None, "linear") else None
        elif not layer.is_linear or layer.applied_activation not in (None, "linear"):
            last_kernel = None


def _describe_activation_change(issue: Issue) -> Issue:
    """Return an issue of the output activation whose suggestion is a complete phrase.

    A layer such as ReLU has no argument for its activation: another layer takes its place.
    """
    if issue.path[-1] == "activation":
        return issue._replace(suggestion=f"use {issue.suggestion}")
    if issue.suggestion == "linear":
        return issue._replace(suggestion="remove this layer")
    return issue._replace(suggestion=f"replace this layer with {{type: Activation, activation: {issue.suggestion}}}")


def _find_unsuitable_selu_settings(layers: tuple[BaseLayer, ...]) -> Iterator[Issue]:
    """Yield issues of selu with other initial weights than LeCun's, and of AlphaDropout after other activations.

    Source: Klambauer et al. 2017. With LeCun's initial weights, selu keeps mean 0 and variance 1 from layer to layer.
    """
    activation = None
    for index, layer in enumerate(layers):
        if layer.suitable_activation not in (None, activation) and activation is not None:
            message = f"{layer.type} keeps the mean and variance of {layer.suitable_activation}, not of {activation}"
            yield Issue(("model", "layers", index), message, "use Dropout")
        if layer.applied_activation not in (None, "linear"):
            activation = layer.applied_activation
        initializer = layer.kernel_initializer_type
        has_argument = "kernel_initializer" in type(layer).model_fields
        if has_argument and layer.applied_activation == "selu" and initializer not in _SELU_INITIALIZERS:
            message = f"selu keeps mean 0 and variance 1 with lecun_normal, not with {initializer}"
            yield Issue(("model", "layers", index, "kernel_initializer"), message, "use lecun_normal")


def find_output_activation_advice(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue if the output activation does not suit the loss.

    The suggestion of the issue is the name of an activation that suits the loss, without further words.
    """
    ends = [(i, layer.applied_activation) for i, layer in enumerate(experiment.model.stack) if layer.applied_activation]
    if not ends:
        return
    index, activation = ends[-1]
    key = experiment.model.stack[index].activation_key
    loss, path = experiment.loss, ("model", "layers", index, *(key.split(".") if key else ()))
    needed = get_suitable_activation(experiment)
    if activation == needed:
        return
    prefix = f"the output activation is {activation}, but {loss.type}"
    if activation == "softmax" and experiment.output_shape == (1,):
        yield Issue(path, "softmax of one unit is 1 for every input", needed)
    elif loss.takes_margins:
        # The sign of tanh is that of its input.
        if activation != "tanh":
            yield Issue(path, f"{prefix} needs outputs below and above 0 without limits", "linear")
    elif loss.needs_positive_outputs:
        if activation != "softplus":
            yield Issue(path, f"{prefix} needs positive outputs of any size", needed)
    elif loss.takes_logits:
        yield Issue(path, f"{loss.type} with from_logits needs outputs without an activation", "linear")
    elif experiment.target_encoding == "real":
        if activation in BOUNDED_RANGES:
            yield Issue(path, f"{prefix} compares outputs with numbers of any size", "linear")
        elif experiment.data.standardize_target and activation in NEVER_NEGATIVE_ACTIVATIONS:
            effect = "is never negative, but half of the standardized targets are"
            yield Issue(path, f"the output activation {activation} {effect}", "linear")
    elif activation == "sigmoid" and needed == "softmax":
        effect = f"computes a separate probability for each of {experiment.output_shape[0]} classes"
        yield Issue(path, f"sigmoid {effect}, but {loss.type} needs probabilities with the sum 1", needed)
    elif loss.needs_probabilities:
        yield Issue(path, f"{prefix} needs probabilities", needed)
    else:
        yield Issue(path, f"{prefix} compares outputs with one-hot targets", needed)


def _find_repeated_target_scaling(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue if the last layer scales outputs that `data.standardize_target` scales too."""
    last = experiment.model.stack[-1]
    if experiment.data.standardize_target and last.input_scaling == "fixed":
        message = f"both data.standardize_target and the last layer, {last.type}, scale the outputs"
        yield Issue(("model", "layers", len(experiment.model.stack) - 1), message, "remove this layer")


def _find_changed_mask_values(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue if standardization changes the values that a Masking layer searches for in the inputs."""
    first_layers = itertools.takewhile(lambda layer: layer.only_reshapes, experiment.model.stack)
    masking = next((layer for layer in first_layers if getattr(layer, "mask_value", None) is not None), None)
    if masking is not None and experiment.data.standardize:
        message = f"changes the mask_value of {masking.type}, so that no time step is masked"
        yield Issue(("data", "standardize"), message, "write false")


def _find_vanishing_gradients(layers: tuple[BaseLayer, ...]) -> Iterator[Issue]:
    """Yield an issue of the first saturating activation if three or more hidden layers have such an activation."""
    hidden = layers[: find_output_layer(layers) or 0]
    saturating = [(i, x.applied_activation) for i, x in enumerate(hidden) if x.applied_activation in SATURATION_RANGES]
    if len(saturating) >= _MIN_SATURATING_LAYERS:
        index, activation = saturating[0]
        keys = (hidden[index].activation_key or "activation").split(".")
        yield Issue(
            ("model", "layers", index, *keys),
            f"{len(saturating)} hidden layers with saturating activations such as {activation}: "
            "the gradient shrinks in each of them",
            "use relu",
        )
