"""Whether a stack of layers ends in what the data and the loss need, and what would make it so."""

from collections.abc import Iterator

from dnn_cli.spec.datasets import OWNERS
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.layers import Dense, Flatten
from dnn_cli.spec.remark import Remark
from dnn_cli.spec.stack import Stage, examine, shape_text
from dnn_cli.spec.yaml_file import KeyPath

MOST_TRIED = 10
"""Places tried for a missing layer, as every try walks the whole stack."""


def last_units(stages: list[Stage]) -> int | None:
    """Return the Dense layer whose units are the size of the output; `None` where other layers decide."""
    for index, stage in reversed([*enumerate(stages)]):
        if isinstance(stage.layer, Dense) and stage.layer.activation != "glu":
            return index
        if stage.output_shape != stage.input_shape:
            return None
    return None


def place_of_flatten(experiment: Experiment) -> int | None:
    """Return the first Dense layer before which Flatten makes the stack end in one row; `None` where none does."""
    stack, shape = experiment.model.stack, experiment.data.input_shape
    stages, _ = examine(stack, shape)
    by_row = [i for i, stage in enumerate(stages) if isinstance(stage.layer, Dense) and len(stage.input_shape) > 1]
    for index in by_row[:MOST_TRIED]:
        flat, misfits = examine((*stack[:index], Flatten(), *stack[index:]), shape)
        if not misfits and len(flat[-1].output_shape) == 1:
            return index
    return None


def needed_activation(experiment: Experiment) -> str:
    """The activation of the output that suits the loss."""
    if experiment.loss.logits:
        return "linear"
    return {"index": "softmax", "one_hot": "softmax", "binary": "sigmoid", "real": "linear"}[experiment.labels]


def output_misfits(experiment: Experiment, stages: list[Stage]) -> Iterator[Remark]:
    """An output that is not one number for each that is needed."""
    last, needed, data = stages[-1], experiment.output_shape, experiment.data
    if last.output_shape == needed:
        return
    path: KeyPath = ("model", "layers", len(stages) - 1)
    why = {
        "binary": f"{experiment.loss.type} is for one output",
        "real": f"{data.title} has {'one number' if needed == (1,) else f'{needed[0]} numbers'} to predict",
    }.get(experiment.labels, f"{data.title} has {needed[0]} classes")
    message = (
        f"layer {last.name} ends the stack with {shape_text(last.output_shape)}, "
        f"but {why} and needs {shape_text(needed)}"
    )
    activation = needed_activation(experiment)
    if len(last.output_shape) > 1:
        at = place_of_flatten(experiment)
        first = at is not None and not any(isinstance(layer, Dense) for layer in experiment.model.stack[:at])
        before = "the first Dense layer" if first else f"layer {stages[at].name}" if at is not None else ""
        end = "" if activation == "linear" else f", activation: {activation}"
        suggestion = f"end with Flatten and {{type: Dense, units: {needed[0]}{end}}}"
        yield Remark(path, message, f"put Flatten before {before}" if before else suggestion)
    elif last.output_shape == (1,) and data.dataset in OWNERS["task"] and "real" in experiment.loss.labels:
        yield Remark(path, message, "data.task: regression, if the labels are quantities")
    elif (at := last_units(stages)) is not None:
        yield Remark(("model", "layers", at, "units"), message, f"units: {needed[0]}")
    else:
        end = "" if activation == "linear" else f", activation: {activation}"
        yield Remark(path, message, f"end with {{type: Dense, units: {needed[0]}{end}}}")
