"""Checks whether the output of a network fits the data and the loss, with suggestions."""

from collections.abc import Iterator
from typing import Any

from dnn_cli.config.datasets import DATASETS_BY_KEY
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import Stage, examine_stack, format_shape, get_return_sequences_key
from dnn_cli.config.layers.core import Flatten
from dnn_cli.config.layers.global_pooling import GlobalAveragePooling1D
from dnn_cli.config.mask_advice import find_mask_creators
from dnn_cli.errors import Issue, KeyPath

_MAX_FLATTEN_POSITIONS = 10
"""Maximum number of positions that are tried for a missing Flatten. Each try computes the shapes of all layers."""


def _find_sizing_layer(stages: list[Stage]) -> int | None:
    """Return the index of the layer whose size is the output size; `None` if no argument sets the output size."""
    for index, stage in reversed([*enumerate(stages)]):
        if stage.layer.size_key and stage.layer.applied_activation != "glu":
            return index
        if stage.output_shape != stage.input_shape:
            return None
    return None


def find_flatten_position(experiment: Experiment, inserted: BaseLayer = Flatten()) -> int | None:  # noqa: B008 - frozen
    """Return the index of the first layer before which Flatten reduces the network's output to a single axis.

    Only the first ten fully connected layers whose input has several axes are tried. Return `None` if Flatten does not
    have this effect before any of them.

    Args:
        experiment: The experiment.
        inserted: The layer that is tried, by default Flatten.
    """
    stack, shape = experiment.model.stack, experiment.data.input_shape
    stages, _ = examine_stack(stack, shape)
    by_row = [i for i, stage in enumerate(stages) if stage.layer.is_fully_connected and len(stage.input_shape) > 1]
    for index in by_row[:_MAX_FLATTEN_POSITIONS]:
        flattened, errors = examine_stack((*stack[:index], inserted, *stack[index:]), shape)
        if not errors and len(flattened[-1].output_shape) == 1:
            return index
    return None


def _suggest_single_output(experiment: Experiment, stages: list[Stage]) -> str:
    """Return the suggestion for an output with several axes; empty if no single change reduces the output to one axis.

    The changes are another value of `return_sequences`, a mean of the time steps of a masked sequence, and Flatten.
    """
    if suggestion := _suggest_last_step(experiment, stages):
        return suggestion
    inserted: BaseLayer = GlobalAveragePooling1D()
    position = find_flatten_position(experiment, inserted)
    if position is None or find_mask_creators(stages)[position] is None:
        inserted = Flatten()
        position = find_flatten_position(experiment, inserted)
    if position is None:
        return ""
    layer_type = stages[position].layer.type
    is_first = all(stage.layer.type != layer_type for stage in stages[:position])
    before = f"the first {layer_type} layer" if is_first else f"layer {stages[position].name}"
    return f"put {inserted.type} before {before}"


def _suggest_last_step(experiment: Experiment, stages: list[Stage]) -> str:
    """Return the suggestion that the last recurrent layer returns its last output only; empty if this does not help."""
    stack = experiment.model.stack
    for index, layer in reversed([*enumerate(stack)]):
        if not getattr(layer, "return_sequences", False):
            continue
        wrapped = layer.wrapped_layers.get("layer")
        change: dict[str, Any] = {"return_sequences": False}
        if wrapped is not None:
            change = {"layer": wrapped.model_copy(update=change)}
        changed = (*stack[:index], layer.model_copy(update=change), *stack[index + 1 :])
        changed_stages, errors = examine_stack(changed, experiment.data.input_shape)
        if errors or len(changed_stages[-1].output_shape) > 1:
            return ""
        return f"write {get_return_sequences_key(layer)}: false in layer {stages[index].name}"
    return ""


def get_suitable_activation(experiment: Experiment) -> str:
    """Return the activation of the last layer that suits the loss: `linear`, `exponential`, `sigmoid` or `softmax`."""
    if experiment.loss.needs_positive_outputs:
        return "exponential"
    if experiment.loss.takes_logits:
        return "linear"
    return {"index": "softmax", "one_hot": "softmax", "binary": "sigmoid", "real": "linear"}[experiment.target_encoding]


def find_output_issues(experiment: Experiment, stages: list[Stage]) -> Iterator[Issue]:
    """Yield an issue if the shape of the network's output is not the shape that the loss needs."""
    last, needed, data = stages[-1], experiment.output_shape, experiment.data
    if last.output_shape == needed:
        return
    path: KeyPath = ("model", "layers", len(stages) - 1)
    reason = {
        "binary": f"{experiment.loss.type} is for one output",
        "real": f"{data.title} has {'one target' if needed == (1,) else f'{needed[0]} targets'}",
    }.get(experiment.target_encoding, f"{data.title} has {needed[0]} classes")
    message = (
        f"the output shape of the last layer, {last.name}, is {format_shape(last.output_shape)}, "
        f"but {reason} and needs {format_shape(needed)}"
    )
    activation = get_suitable_activation(experiment)
    if len(last.output_shape) > 1:
        suggestion = _suggest_single_output(experiment, stages)
        end = "" if activation == "linear" else f", activation: {activation}"
        yield Issue(path, message, suggestion or f"end with Flatten and {{type: Dense, units: {needed[0]}{end}}}")
    elif (
        last.output_shape == (1,)
        and data.dataset in DATASETS_BY_KEY["task"]
        and "real" in experiment.loss.target_encodings
    ):
        yield Issue(path, message, "if the targets are quantities, write data.task: regression")
    elif (position := _find_sizing_layer(stages)) is not None:
        key = stages[position].layer.size_key or ""
        yield Issue(("model", "layers", position, key), message, f"write {key}: {needed[0]}")
    else:
        end = "" if activation == "linear" else f", activation: {activation}"
        yield Issue(path, message, f"end with {{type: Dense, units: {needed[0]}{end}}}")
