"""Layers of a network in groups: those of a repeated block, and those between two such blocks."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import get_automatic_name
from dnn_cli.config.layer_blocks import Repeat, iter_unrolled_layers
from dnn_cli.config.layer_stack import list_layer_names, to_keras_names
from dnn_cli.script.keras_calls import build_keras_call
from dnn_cli.script.python_code import Call, Literal

REPETITION = "block"
"""Variable of the loop over the repetitions of a block, from 1."""


@dataclass(frozen=True)
class LayerGroup:
    """Calls that create consecutive layers."""

    layers: tuple[Call, ...]
    repeat: int = 1
    """Number of times that the layers follow one another."""


def list_layer_groups(experiment: Experiment, precision: str) -> list[LayerGroup]:
    """Return the calls of all layers. A block that is repeated is a group of its own.

    Args:
        experiment: The experiment.
        precision: Keras's dtype policy for all layers except the last.
    """
    calls = _list_layer_calls(experiment, precision)
    groups = [LayerGroup(())]
    index = 0
    for item in experiment.model.layers:
        count = len(list(iter_unrolled_layers((item,))))
        item_calls = calls[index : index + count]
        block = _build_block(item, item_calls)
        if block is not None:
            groups += [block, LayerGroup(())]
        else:
            groups[-1] = replace(groups[-1], layers=(*groups[-1].layers, *item_calls))
        index += count
    return [group for number, group in enumerate(groups) if group.layers or number == 0]


def _build_block(item: Any, calls: tuple[Call, ...]) -> LayerGroup | None:
    """Build the group of a block whose repetitions differ only in the numbers of the names; else return `None`.

    Args:
        item: The item of the network.
        calls: The calls of all its layers, with every repetition.
    """
    if not isinstance(item, Repeat) or item.repeat == 1 or any(isinstance(inner, Repeat) for inner in item.layers):
        return None
    size = len(item.layers)
    repetitions = [calls[start : start + size] for start in range(0, len(calls), size)]
    numbered = [_number_names(repetition, number) for number, repetition in enumerate(repetitions, 1)]
    return LayerGroup(numbered[0], item.repeat) if all(each == numbered[0] for each in numbered) else None


def _number_names(calls: tuple[Call, ...], number: int) -> tuple[Call, ...]:
    """Return the calls of one repetition, with the variable of the loop instead of its number at the end of names."""
    return tuple(
        replace(
            call,
            keywords=tuple(
                (key, _replace_number(value, number) if key == "name" else value) for key, value in call.keywords
            ),
        )
        for call in calls
    )


def _replace_number(name: Any, number: int) -> Any:
    """Return the expression of a name that ends with a number, with the variable of the loop instead."""
    end = f'_{number}"'
    return Literal(f'f{name.text.removesuffix(end)}_{{{REPETITION}}}"') if name.text.endswith(end) else name


def _list_layer_calls(experiment: Experiment, precision: str) -> tuple[Call, ...]:
    """Return the call of each layer. A layer has a name only if Keras would give it another name."""
    stack = experiment.model.stack
    counts = Counter[str]()
    calls = []
    for index, (name, layer) in enumerate(zip(to_keras_names(list_layer_names(stack)), stack, strict=True)):
        automatic_name = get_automatic_name(layer.type)
        number = counts[automatic_name]
        if layer.name is None:
            counts[automatic_name] += 1
        extra: dict[str, Any] = {}
        if layer.name is not None or name != (f"{automatic_name}_{number}" if number else automatic_name):
            extra["name"] = name
        if precision != "float32" and index < len(stack) - 1:
            extra["dtype"] = precision
        calls.append(build_keras_call(layer, extra))
    return tuple(calls)
