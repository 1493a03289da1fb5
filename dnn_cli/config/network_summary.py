"""Summary of a network: layers, parameters, memory and multiply-adds, computed without building a model."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

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

    The output shape has no batch axis.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    trainable_parameters: int
    formula: str
    inner: tuple["LayerRow", ...] = ()
    """Rows of the layers that the layer contains. Their parameters are part of `parameters`."""


@dataclass(frozen=True)
class NetworkSummary:
    """Summary of a network: its layers, its numbers of parameters, and its multiply-adds for one example.

    Only multiplications of inputs with kernels count as multiply-adds. Each parameter, a float32, has 4 bytes.
    """

    name: str
    input_shape: Shape
    layers: tuple[LayerRow, ...]
    total: int
    trainable: int
    optimizer: str
    optimizer_bytes: int
    multiply_adds: int
    depth: int
    """Number of layers with a kernel. As in textbooks, layers such as Flatten do not count."""

    columns: tuple[TableColumn, ...] = ()
    """Typed columns of the table whose cells are encoded into the inputs; empty for other data."""

    @property
    def non_trainable(self) -> int:
        return self.total - self.trainable

    @property
    def bytes(self) -> int:
        return 4 * self.total

    def __str__(self) -> str:
        cells = [
            (name, row.type, format_shape(row.output_shape), f"{row.parameters:,}")
            for name, row in iter_indented_rows(self.layers)
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([*map(str.rstrip, lines), f"{self.total:,} parameters, {self.trainable:,} of them trainable"])


def summarize_network(experiment: Experiment) -> NetworkSummary:
    """Return the summary of a valid experiment's network."""
    stages = compute_stages(experiment.model.stack, experiment.data.input_shape)
    rows = tuple(build_layer_row(stage) for stage in stages)
    return NetworkSummary(
        name=experiment.model.name,
        input_shape=experiment.data.input_shape,
        layers=rows,
        total=sum(row.parameters for row in rows),
        trainable=sum(row.trainable_parameters for row in rows),
        optimizer=experiment.optimizer.type,
        optimizer_bytes=experiment.optimizer.compute_memory(list_trainable_weights(experiment.model.name, stages)),
        multiply_adds=sum(stage.layer.count_multiply_adds(stage.input_shape) for stage in stages),
        depth=sum(stage.layer.has_kernel for stage in iter_nested_stages(stages)),
        columns=experiment.data.info.columns,
    )


def build_layer_row(stage: Stage) -> LayerRow:
    """Return the row of a network summary for one layer."""
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
