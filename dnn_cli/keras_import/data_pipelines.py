"""Pipelines of `tf.data` in a program: the batch size, and steps that a config cannot contain."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.example_counts import compute_counts, count_examples
from dnn_cli.keras_import.script_values import DatasetValue, make_unknown

PIPELINE_FUNCTIONS = ("tensorflow.data.Dataset.from_tensor_slices", "tensorflow.data.Dataset.range")
"""Functions of TensorFlow that build a pipeline."""

_UNCHANGING_METHODS = ("prefetch", "cache", "with_options", "rebatch")
"""Methods that change neither the examples nor their order."""

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "batch": ("batch_size", "drop_remainder"),
    "repeat": ("count",),
    "flat_map": ("map_func",),
}


@dataclass(frozen=True)
class PipelineStep:
    """Step of a pipeline that selects or changes examples."""

    method: str
    location: SourceLocation


@dataclass(frozen=True)
class DataPipeline(DatasetValue):
    """Pipeline of `tf.data`."""

    batch_size: Any = None
    """Batch size; `None` before the examples are collected in batches."""

    repetitions: Any = 1
    """Number of passes over the examples; `None` for passes without an end."""

    is_shuffled: bool = False
    drops_last_batch: bool = False
    changing_steps: tuple[PipelineStep, ...] = ()


@dataclass(frozen=True)
class PipelineMethod:
    """Method of a pipeline that is called next."""

    pipeline: DataPipeline
    name: str


def build_pipeline(
    positional: list[Any], arguments: Mapping[str, Any], code: str, location: SourceLocation
) -> DataPipeline:
    """Return the pipeline of the examples of arrays."""
    source = next(iter([*positional, *arguments.values()]), None)
    arrays = source if isinstance(source, list | tuple) else [source]
    sizes = [array.size for array in arrays if isinstance(array, DatasetValue)]
    return DataPipeline(location, code, size=sizes[0] if sizes else None)


def apply_method(
    method: PipelineMethod, positional: list[Any], arguments: dict[str, Any], location: SourceLocation
) -> DataPipeline:
    """Return the pipeline that a method returns."""
    pipeline, name = method.pipeline, method.name
    named = {**dict(zip(_PARAMETERS.get(name, ()), positional, strict=False)), **arguments}
    if name == "shuffle":
        return replace(pipeline, is_shuffled=True)
    if name == "batch":
        drops_last_batch = named.get("drop_remainder") is True
        return replace(pipeline, batch_size=named.get("batch_size"), drops_last_batch=drops_last_batch)
    if name == "repeat":
        count = named.get("count")
        return replace(pipeline, repetitions=None if count == -1 else count)
    if name in _UNCHANGING_METHODS:
        return pipeline
    return replace(pipeline, changing_steps=(*pipeline.changing_steps, PipelineStep(name, location)))


def list_batch_sizes(statements: Iterable[ast.stmt]) -> list[ast.expr]:
    """Return the argument of each call of `batch`, also in functions that only TensorFlow calls."""
    sizes = []
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "batch":
            named = [keyword.value for keyword in node.keywords if keyword.arg == "batch_size"]
            sizes += [*node.args, *named][:1]
    return sizes


def count_batches(pipeline: DataPipeline, node: ast.AST) -> Any:
    """Return the length of a pipeline, which is its number of batches; an unknown value after steps such as `map`."""
    batch_size = 1 if pipeline.batch_size is None else pipeline.batch_size
    if pipeline.changing_steps or pipeline.repetitions != 1 or not isinstance(batch_size, int):
        return make_unknown(node, pipeline.location)
    sign = 1 if pipeline.drops_last_batch else -1
    examples = count_examples(pipeline, node)
    return compute_counts(lambda count: sign * (sign * count // batch_size), [examples], node) or examples


def join_pipelines(outer: DataPipeline, inner: Any, location: SourceLocation) -> DataPipeline:
    """Return the pipeline of `flat_map`, whose function returns the pipeline of one epoch."""
    if not isinstance(inner, DataPipeline) or outer.changing_steps:
        return replace(outer, changing_steps=(*outer.changing_steps, PipelineStep("flat_map", location)))
    # The function computes the order of each epoch.
    return replace(inner, location=outer.location, repetitions=None, is_shuffled=True)
