"""Summary of a network: layers, parameters, memory and multiply-adds, computed without building a model."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from dnn_cli.config.base import Shape
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import WeightSpec
from dnn_cli.config.layer_stack import (
    Stage,
    compute_stages,
    format_shape,
    iter_nested_stages,
    list_trainable_weights,
)
from dnn_cli.formats.table_columns import TableColumn


@dataclass(frozen=True)
class LayerRow:
    """Row of a network summary for one layer. `formula` explains the number of parameters: `784 × 100 + 100`.

    The output shape has no batch axis. The numbers are `None` for a custom layer, whose code determines them.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int | None
    trainable_parameters: int | None
    formula: str
    inner: tuple["LayerRow", ...] = ()
    """Rows of the layers that the layer contains. Their parameters are part of `parameters`."""


@dataclass(frozen=True)
class NetworkSummary:
    """Summary of a network: its layers, its numbers of parameters, and its multiply-adds for one example.

    Only multiplications of inputs with kernels count as multiply-adds. Each parameter, a float32, has 4 bytes.
    The numbers are `None` for a network with custom layers, whose code determines them.
    """

    name: str
    input_shape: Shape
    layers: tuple[LayerRow, ...]
    total: int | None
    trainable: int | None
    optimizer: str
    optimizer_bytes: int | None
    multiply_adds: int | None
    depth: int | None
    """Number of layers with a kernel. As in textbooks, layers such as Flatten do not count."""

    columns: tuple[TableColumn, ...] = ()
    """Typed columns of the table whose cells are encoded into the inputs; empty for other data."""

    @property
    def non_trainable(self) -> int | None:
        return None if self.total is None or self.trainable is None else self.total - self.trainable

    @property
    def bytes(self) -> int | None:
        return None if self.total is None else 4 * self.total

    def __str__(self) -> str:
        cells = [
            (name, row.type, format_shape(row.output_shape), format_number(row.parameters))
            for name, row in iter_indented_rows(self.layers)
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells]
        totals = f"{format_number(self.total)} parameters, {format_number(self.trainable)} of them trainable"
        return "\n".join([*map(str.rstrip, lines), totals])


def format_number(number: int | None) -> str:
    """Return a number with separators: `1,040`; or a dash for a number that only the code of a layer determines."""
    return "–" if number is None else f"{number:,}"


def summarize_network(experiment: Experiment) -> NetworkSummary:
    """Return the summary of a valid experiment's network."""
    stages = compute_stages(experiment.model.stack, experiment.data.input_shape)
    is_known = not any(stage.has_unknown_weights for stage in stages)
    size = _measure_stages(experiment, stages)
    return NetworkSummary(
        name=experiment.model.name,
        input_shape=experiment.data.input_shape,
        layers=tuple(build_layer_row(stage) for stage in stages),
        total=size.parameters if is_known else None,
        trainable=sum(weight.size for stage in stages for weight in stage.trainable) if is_known else None,
        optimizer=experiment.optimizer.type,
        optimizer_bytes=size.optimizer_bytes if is_known else None,
        multiply_adds=size.multiply_adds if is_known else None,
        depth=sum(stage.layer.has_kernel for stage in iter_nested_stages(stages)) if is_known else None,
        columns=experiment.data.info.columns,
    )


class NetworkSize(NamedTuple):
    """Size of a network, for estimates of time and memory: parameters, bytes of the optimizer, multiply-adds."""

    parameters: int
    optimizer_bytes: int
    multiply_adds: int


def estimate_network_size(experiment: Experiment) -> NetworkSize:
    """Return the size of a network. A custom layer counts without weights, and with estimated multiply-adds."""
    return _measure_stages(experiment, compute_stages(experiment.model.stack, experiment.data.input_shape))


def _measure_stages(experiment: Experiment, stages: list[Stage]) -> NetworkSize:
    """Return the size of a network with these stages."""
    return NetworkSize(
        sum(stage.parameters for stage in stages),
        experiment.optimizer.compute_memory(list_trainable_weights(experiment.model.name, stages)),
        sum(stage.layer.count_multiply_adds(stage.input_shape) for stage in stages),
    )


def build_layer_row(stage: Stage) -> LayerRow:
    """Return the row of a network summary for one layer."""
    if stage.has_unknown_weights:
        inner_rows = tuple(build_layer_row(inner) for inner in stage.inner)
        return LayerRow(stage.name, stage.layer.type, stage.output_shape, None, None, "", inner_rows)
    return LayerRow(
        stage.name,
        stage.layer.type,
        stage.output_shape,
        stage.parameters,
        sum(weight.size for weight in stage.trainable),
        _format_parameter_formula(stage.weights),
        tuple(build_layer_row(inner) for inner in stage.inner),
    )


def iter_indented_rows(rows: Iterable[LayerRow], indent: str = "") -> Iterator[tuple[str, LayerRow]]:
    """Yield each row with its name, followed by the rows of the layers within it, whose names are indented."""
    for row in rows:
        yield f"{indent}{row.name}", row
        yield from iter_indented_rows(row.inner, f"{indent}  ")


def _format_parameter_formula(weights: tuple[WeightSpec, ...]) -> str:
    """Return the formula of a layer's number of parameters: `784 × 100 + 100`, `4 × 64`; empty without parameters."""
    terms = []
    for shape, group in groupby(weights, key=lambda weight: weight.shape):
        count = len(list(group))
        terms.append(" × ".join(map(str, shape if count == 1 else (count, *shape))))
    half = len(terms) // 2
    if half > 1 and terms[:half] == terms[half:]:
        # Both directions of Bidirectional have the same weights.
        return f"2 × ({' + '.join(terms[:half])})"
    return " + ".join(terms)


def format_layer_flow(experiment: Experiment) -> str:
    """Return the layers of a network on a single line: `Flatten → Dense 100 relu → Dense 10 softmax`."""
    return " → ".join(
        _format_layer(stage) for stage in compute_stages(experiment.model.stack, experiment.data.input_shape)
    )


def _format_layer(stage: Stage) -> str:
    """Return the type of a layer with its size and its activation: `Dense 100 relu`."""
    layer = stage.layer
    inner = f"({' → '.join(map(_format_layer, stage.inner))})" if stage.inner else ""
    words = (layer.type, inner, layer.format_size(stage.output_shape), getattr(layer, "activation", None))
    return " ".join(word for word in words if word)


def format_bytes(size: int) -> str:
    """Return a number of bytes as Keras prints it, in steps of 1,024: `310.59 KB`."""
    if size < 1024:
        return f"{size} B"
    power = min(int(math.log(size, 1024)), 4)
    return f"{size / 1024**power:.2f} {'KMGT'[power - 1]}B"
