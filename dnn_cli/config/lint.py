"""Advice: issues of valid experiments whose settings are probably not intended."""

import math
from collections.abc import Callable, Iterator

from dnn_cli.config import learning_rates
from dnn_cli.config.activations import BOUNDED_RANGES, NEVER_NEGATIVE_ACTIVATIONS, SATURATION_RANGES
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import compute_stages, find_output_layer, format_shape
from dnn_cli.config.mask_advice import find_mask_advice
from dnn_cli.config.output_layer import find_flatten_position, get_suitable_activation
from dnn_cli.config.validation import map_to_config_paths
from dnn_cli.errors import Issue, KeyPath

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
        *_find_unused_averages(experiment),
        *_find_unused_test_limit(experiment),
        *_find_unsuitable_value_ranges(experiment),
        *_find_narrow_layers(layers),
        *_find_in_each_list(_find_consecutive_linear_layers, experiment),
        *(_describe_activation_change(issue) for issue in find_output_activation_advice(experiment)),
        *_find_in_each_list(_find_unsuitable_selu_settings, experiment),
        *_find_unscaled_inputs_of_selu(experiment),
        *_find_vanishing_gradients(layers),
        *_find_repeated_target_scaling(experiment),
        *find_mask_advice(experiment),
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


def _find_unused_averages(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue if `swap_ema_weights` has no effect, because averages are neither validated nor saved."""
    swap, has_saving_callback = experiment.swap_ema_weights, experiment.model_checkpoint or experiment.early_stopping
    is_used = experiment.data.validation_examples or (swap and swap.swap_on_epoch and has_saving_callback)
    if swap is not None and not is_used:
        yield Issue((swap.key,), "has no effect without validation examples", "remove it")


def _find_unused_test_limit(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue if `data.test_reads` has no effect, because the data has no test set."""
    data = experiment.data
    if data.test_reads is not None and not data.test_examples:
        yield Issue(("data", "test_reads"), "has no effect without a test set", "set data.test_size=0.2, or remove it")


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


def _find_in_each_list(
    find_issues: Callable[[tuple[BaseLayer, ...], KeyPath], Iterator[Issue]], experiment: Experiment
) -> Iterator[Issue]:
    """Yield the issues of the network and of each list of layers within a layer.

    Args:
        find_issues: Function that takes a list of layers and the position of the list.
        experiment: The experiment.
    """
    yield from find_issues(experiment.model.stack, ("model", "layers"))
    for position, _, layer in experiment.model.nested_layers:
        if layer.inner_key:
            yield from find_issues(layer.inner_layers, ("model", "layers", *position, layer.inner_key))


def _find_consecutive_linear_layers(layers: tuple[BaseLayer, ...], position: KeyPath) -> Iterator[Issue]:
    """Yield an issue for each layer with a kernel if no activation follows before the next layer with a kernel.

    Without an activation between them, the two layers act as a single linear layer. A recurrent layer has no window of
    several time steps, so it is not such a layer after a convolution.
    """
    # Index of the last layer with a kernel. `None` after a layer that is not linear.
    last_kernel: int | None = None
    for index, layer in enumerate(layers):
        if layer.has_kernel:
            is_recurrent = any(part.is_recurrent for part in layer.iter_layers())
            if last_kernel is not None and (layers[last_kernel].is_fully_connected or not is_recurrent):
                yield Issue(
                    (*position, last_kernel),
                    f"has no activation: together with the next {layer.type} layer it acts as a single layer",
                    f"add {layers[last_kernel].activation_key or 'activation'}: relu",
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


def _find_unsuitable_selu_settings(layers: tuple[BaseLayer, ...], position: KeyPath) -> Iterator[Issue]:
    """Yield issues of selu with other initial weights than LeCun's or with Dropout, and of AlphaDropout without selu.

    Source: Klambauer et al. 2017. With LeCun's initial weights, selu keeps mean 0 and variance 1 from layer to layer.
    """
    activation = None
    for index, layer in enumerate(layers):
        if layer.suitable_activation not in (None, activation) and activation is not None:
            message = f"{layer.type} keeps the mean and variance of {layer.suitable_activation}, not of {activation}"
            yield Issue((*position, index), message, "use Dropout")
        if activation == "selu" and "noise_shape" in type(layer).model_fields and layer.suitable_activation is None:
            yield Issue((*position, index), f"{layer.type} changes the mean and variance of selu", "use AlphaDropout")
        if layer.applied_activation not in (None, "linear"):
            activation = layer.applied_activation
        initializer = layer.kernel_initializer_type
        has_argument = "kernel_initializer" in type(layer).model_fields
        if has_argument and layer.applied_activation == "selu" and initializer not in _SELU_INITIALIZERS:
            message = f"selu keeps mean 0 and variance 1 with lecun_normal, not with {initializer}"
            yield Issue((*position, index, "kernel_initializer"), message, "use lecun_normal")


def _find_unscaled_inputs_of_selu(experiment: Experiment) -> Iterator[Issue]:
    """Yield an issue if the first activation is selu, and its inputs are pixels from 0 to 1."""
    layers = [layer for layer in experiment.model.stack if layer.applied_activation not in (None, "linear")]
    scales = any(layer.input_scaling is not None for layer in experiment.model.stack)
    is_selu = bool(layers) and layers[0].applied_activation == "selu"
    if is_selu and not scales and not experiment.data.standardize and experiment.data.info.pixel_max > 1:
        message = "selu keeps mean 0 and variance 1 of standardized inputs, but the inputs are pixels from 0 to 1"
        yield Issue(("data", "standardize"), message, "write standardize: true")


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
