"""Layers from the input to the output of a network: their names, shapes, weights and errors."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from dnn_cli.config.base import Shape
from dnn_cli.config.layer_base import (
    BaseLayer,
    LayerShapeError,
    WeightSpec,
    find_short_type,
    get_automatic_name,
)

_SCOPE_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.-]*")
"""Pattern of the names that TensorFlow accepts for scopes and variables."""


@dataclass(frozen=True)
class Stage:
    """Layer of a network, with its name, its weights and the shapes of its input and output without the batch axis."""

    name: str
    layer: BaseLayer
    input_shape: Shape
    output_shape: Shape
    weights: tuple[WeightSpec, ...]
    inner: tuple["Stage", ...] = ()
    """Stages of the layers that the layer contains."""

    @property
    def parameters(self) -> int:
        return sum(weight.size for weight in self.weights)

    @property
    def has_unknown_weights(self) -> bool:
        """Whether the layer, or a layer that it contains, has more weights than `weights`."""
        return any(layer.has_unknown_weights for layer in self.layer.iter_layers())

    @property
    def trainable(self) -> tuple[WeightSpec, ...]:
        """Weights that training changes."""
        return tuple(weight for weight in self.weights if weight.trainable and self.layer.trainable)


class ShapeError(LayerShapeError):
    """Error of a layer that does not fit into its stack.

    `index` is the position of the layer. `key` is the argument that causes the error, or empty. `inner_position` leads
    from this layer to the layer within it that causes the error: `("residual", 1)`.
    """

    def __init__(self, index: int, message: str, key: str = "", inner_position: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.index = index
        self.key = key
        self.inner_position = inner_position

    @property
    def position(self) -> tuple[str | int, ...]:
        """Position of the layer and the key: `(3, "activation")`."""
        return (self.index, *self.inner_position, *((self.key,) if self.key else ()))


def assign_layer_names(layers: Iterable[tuple[str | None, str]]) -> list[str]:
    """Return the name of every layer. Unnamed layers get Keras's automatic names: `dense`, `dense_1` and so on.

    Args:
        layers: A pair for every layer: its name or `None`, and the name of its class.
    """
    seen: dict[str, int] = {}
    names = []
    for name, cls in layers:
        if name is None:
            automatic = get_automatic_name(cls)
            count = seen.get(automatic, 0)
            seen[automatic] = count + 1
            name = f"{automatic}_{count}" if count else automatic
        names.append(name)
    return names


def find_output_layer(layers: Sequence[BaseLayer]) -> int | None:
    """Return the index of the last layer with a kernel, which computes the output; `None` if no layer has a kernel."""
    return max((index for index, layer in enumerate(layers) if layer.has_kernel), default=None)


def list_layer_names(layers: Sequence[BaseLayer]) -> list[str]:
    """Return the name of every layer of a stack. Unnamed layers get Keras's automatic names: `dense`, `dense_1`."""
    return assign_layer_names((layer.name, layer.type) for layer in layers)


def list_config_layer_names(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the name of every layer in a list of a config, valid or invalid. Unnamed layers get automatic names."""
    return assign_layer_names((layer.get("name"), get_config_class_name(layer)) for layer in layers)


def get_config_class_name(item: Mapping[str, Any]) -> str:
    """Return the name of the class of a mapping in a list of layers: `Block` for a block that is repeated."""
    return "Block" if "repeat" in item else str(item.get("type") or find_short_type(item))


def iter_nested_stages(stages: Iterable[Stage]) -> Iterator[Stage]:
    """Yield each stage, followed by the stages of the layers that it contains."""
    for stage in stages:
        yield stage
        yield from iter_nested_stages(stage.inner)


def to_keras_names(names: Sequence[str]) -> list[str]:
    """Return names in which the characters that TensorFlow refuses are replaced: `my layer` becomes `my_layer`.

    Keras accepts any script, but opens a TensorFlow name scope of the same name when it traces a graph. Names of
    scopes are ASCII without spaces. Every name stays unique.
    """
    used_names = {name for name in names if _SCOPE_NAME.fullmatch(name)}
    suffixes: dict[str, int] = {}
    built = []
    for name in names:
        if name not in used_names:
            name = stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "layer"
            while name in used_names:
                suffixes[stem] = suffixes.get(stem, 0) + 1
                name = f"{stem}_{suffixes[stem]}"
            used_names.add(name)
        built.append(name)
    return built


def find_free_name(name: str, used_names: Collection[str]) -> str:
    """Return a name that is not in `used_names`: `name`, with underscores at its end if `name` is used."""
    while name in used_names:
        name += "_"
    return name


def compute_stages(layers: Sequence[BaseLayer], input_shape: Shape) -> list[Stage]:
    """Return the stages of a stack, one for each layer.

    Raises:
        ShapeError: a layer does not fit into the stack, or two layers have the same name.
    """
    stages, errors = examine_stack(layers, input_shape)
    if errors:
        raise errors[0]
    return stages


def examine_stack(layers: Sequence[BaseLayer], input_shape: Shape) -> tuple[list[Stage], list[ShapeError]]:
    """Return the stages before the first layer without a computable output shape, and the errors up to this layer."""
    stages: list[Stage] = []
    errors: list[ShapeError] = []
    first_with: dict[str, int] = {}
    shape = input_shape
    for index, (name, layer) in enumerate(zip(list_layer_names(layers), layers, strict=True)):
        if first_with.setdefault(name, index) != index:
            message = f"duplicate name {name}, first used by layer {first_with[name]}; every layer needs another name"
            errors.append(ShapeError(index, message))
        if getattr(layer, "activation", None) == "glu" and index < len(layers) - 1:
            reason = (
                "halves the last axis, but Keras builds the next layer for the whole axis: use glu in the last layer"
            )
            errors.append(ShapeError(index, f"glu {reason}", "activation"))
        inner, inner_errors = examine_stack(layer.inner_layers, shape)
        for error in inner_errors:
            inner_position = (str(layer.inner_key), error.index, *error.inner_position)
            errors.append(ShapeError(index, str(error), error.key, inner_position))
        if len(inner) < len(layer.inner_layers):
            break
        try:
            output = layer.compute_output_shape(shape)
            weights = layer.list_weights(shape)
        except LayerShapeError as error:
            errors.append(ShapeError(index, _describe_shape_error(name, layer, error, stages)))
            break
        errors += _find_weight_errors(index, layer, weights)
        stages.append(Stage(name, layer, shape, output, weights, tuple(inner)))
        shape = output
    return stages, errors


def _describe_shape_error(name: str, layer: BaseLayer, error: LayerShapeError, stages: Sequence[Stage]) -> str:
    """Return the message of a layer that does not accept the output of the stages before it.

    If a recurrent layer that returns only its last output precedes, the suggestion is to return all outputs. Layers
    without weights that keep the shape, such as Dropout, may be between. If the layer accepts the input of a Flatten
    before it, the suggestion is to remove Flatten.
    """
    flattening = [stage for stage in stages[-1:] if stage.layer.only_reshapes and len(stage.output_shape) == 1]
    if flattening and layer.accepts_shape(flattening[0].input_shape):
        return f"layer {name}: {error.reason}: remove layer {flattening[0].name}"
    last = next((stage for stage in reversed(stages) if stage.weights or stage.input_shape != stage.output_shape), None)
    if last is not None and len(last.output_shape) == 1 and getattr(last.layer, "return_sequences", None) is False:
        key = get_return_sequences_key(last.layer)
        return f"layer {name}: {error.reason}: write {key}: true in layer {last.name}"
    return f"layer {name}: {error}"


def get_return_sequences_key(layer: BaseLayer) -> str:
    """Return the key of a recurrent layer, or of a wrapper around it, that decides whether all outputs are returned."""
    return "layer.return_sequences" if layer.wrapped_layers else "return_sequences"


def _find_weight_errors(index: int, layer: BaseLayer, weights: Iterable[WeightSpec]) -> Iterator[ShapeError]:
    """Yield the errors of initializers, regularizers and constraints that do not fit the shape of their weight."""
    owners = {"": layer, **layer.wrapped_layers}
    for weight in weights:
        for owner, role in product(owners, ("initializer", "regularizer", "constraint")):
            key = f"{weight.argument_prefix or weight.name.rpartition('/')[2]}_{role}"
            weight_config = getattr(owners[owner], key, None)
            if weight_config is not None and (reason := weight_config.describe_shape_error(weight.shape)):
                yield ShapeError(index, f"{weight_config.type} {reason}", owner or key)


def list_trainable_weights(model: str, stages: Sequence[Stage]) -> list[tuple[str, Shape]]:
    """Return Keras's path, such as `sequential/hidden/kernel`, and the shape of each trainable weight.

    `model` is the name of the model.
    """
    (model_name,) = to_keras_names([model])
    names = to_keras_names([stage.name for stage in stages])
    return [
        (f"{model_name}/{name}/{weight.name}", weight.shape)
        for name, stage in zip(names, stages, strict=True)
        for weight in stage.trainable
    ]


def format_shape(shape: Shape) -> str:
    """Return a shape as Keras prints it, with `None` for the batch: `(None, 28, 28)`."""
    return f"({', '.join(['None', *map(str, shape)])})"


def format_sizes(shape: Shape) -> str:
    """Return a shape as plain text: `28 × 28`, `30 features`, `1 feature`."""
    noun = "" if len(shape) > 1 else " feature" if shape == (1,) else " features"
    return " × ".join(map(str, shape)) + noun
