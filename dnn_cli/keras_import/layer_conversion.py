"""Conversion of the layers of a program into the layers of a config, and the input shape that they declare."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dnn_cli.config.base import LAYER_LIST_KEYS, Shape
from dnn_cli.config.layer_base import CODE_MARK, get_automatic_name
from dnn_cli.config.layer_stack import list_config_layer_names
from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.keras_program import INPUT_CLASSES, KerasObject, KerasProgram
from dnn_cli.keras_import.part_conversion import INPUT_SHAPE_KEYS, PartConverter, describe_argument

_MAX_AXES = 8
_SCALED_OUTPUT_NAME = "target_scaling"
"""Name of the layer that `dnn` adds for `data.standardize_target`."""

_PIXEL_MAX = 255
_MAX_SCALE_ERROR = 1e-6
"""Relative difference from 1/255 that a float32 can have."""

_REPLACEMENT: Mapping[str, str] = {"type": "Identity"}
"""Layer in the place of a layer with issues, so that the other layers can be checked."""


@dataclass(frozen=True)
class ConvertedLayers:
    """Layers of a config, with the part of the program and the location of each, for messages."""

    layers: list[dict[str, Any]]
    owners: list[str]
    locations: list[SourceLocation]
    input_shape: Shape | None
    """Input shape that the program declares, without the batch axis; `None` if the program has none."""

    data_keys: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `data` that do the work of a first or last layer."""

    remarks: tuple[str, ...] = ()
    """Layers that are left out, with the reasons."""


def convert_layers(program: KerasProgram, converter: PartConverter) -> ConvertedLayers:
    """Return the layers of a program as layers of a config. Issues are added to the converter."""
    layers: list[dict[str, Any]] = []
    owners: list[str] = []
    locations: list[SourceLocation] = []
    input_shape = program.input_shape
    data_keys: dict[str, Any] = {}
    remarks: list[str] = []
    values, number = list(program.layers), 0
    if values and _is_target_layer(values[-1]):
        values.pop()
        data_keys["standardize_target"] = True
        remarks.append("the last layer target_scaling is the key data.standardize_target, which fits its numbers again")
    for value in values:
        number += not (isinstance(value, KerasObject) and value.class_name in INPUT_CLASSES)
        owner = _describe_layer(number, value)
        if isinstance(value, KerasObject):
            is_input = value.class_name in INPUT_CLASSES
            if not layers and (shape := _find_input_shape(value, is_input=is_input)):
                input_shape = shape
            if is_input:
                continue
            if not layers and (replaced := _replace_first_layer(value, input_shape)):
                data_keys |= replaced.keys_of_data
                remarks.append(f"{owner} is left out: {replaced.reason}")
                continue
        issue_count = len(converter.issues)
        layer = converter.convert_value(value, "layer", owner)
        if not _is_layer(layer) and len(converter.issues) == issue_count:
            message = f"{describe_argument(value)} is not a layer"
            converter.add_issue(SourceLocation(program.source), owner, message, "leave it out, and import again")
        elif _is_layer(layer) and CODE_MARK in layer["type"]:
            remarks.append(f"{owner} is {layer['type']}, a class of your own, which needs --allow-code")
        has_issues = len(converter.issues) > issue_count
        layers.append(dict(_REPLACEMENT) if has_issues else layer)
        owners.append(owner)
        locations.append(getattr(value, "location", SourceLocation(program.source)))
    return ConvertedLayers(_drop_automatic_names(layers), owners, locations, input_shape, data_keys, tuple(remarks))


class _ReplacedLayer(NamedTuple):
    """Keys of `data` that do the work of a first layer, and the reason why the config lacks the layer."""

    keys_of_data: dict[str, Any]
    reason: str


def _replace_first_layer(layer: KerasObject, input_shape: Shape | None) -> _ReplacedLayer | None:
    """Return what replaces a first layer that scales the inputs as `dnn` does; `None` for any other layer."""
    arguments = dict(layer.arguments)
    if layer.positional:
        arguments["scale" if layer.class_name == "Rescaling" else "axis"] = layer.positional[0]
    scale, is_plain = arguments.get("scale"), arguments.get("offset", 0.0) == 0 and len(layer.positional) < 2
    is_pixel_scale = isinstance(scale, float) and abs(scale * _PIXEL_MAX - 1) < _MAX_SCALE_ERROR
    if layer.class_name == "Rescaling" and is_pixel_scale and is_plain:
        return _ReplacedLayer({}, "dnn divides pixels by 255 itself")
    fixed = [arguments.get(key) for key in ("mean", "variance") if arguments.get(key) is not None]
    is_vector = input_shape is None or len(input_shape) == 1
    if layer.class_name == "Normalization" and is_vector and not fixed and not arguments.get("invert"):
        reason = "data.standardize scales the inputs with the mean and deviation of the training examples"
        return _ReplacedLayer({"standardize": True}, reason)
    return None


def _describe_layer(number: int, value: Any) -> str:
    """Return the text that names a layer in messages: its number, its name and its class."""
    if not isinstance(value, KerasObject):
        return f"layer {number}"
    name = value.arguments.get("name")
    automatic = get_automatic_name(value.class_name)
    is_named = isinstance(name, str) and name != automatic
    return f"layer {number}, {name} ({value.class_name})" if is_named else f"layer {number} ({value.class_name})"


def _is_target_layer(value: Any) -> bool:
    """Return whether a layer is the one that `dnn` adds for standardized targets."""
    name = value.arguments.get("name") if isinstance(value, KerasObject) and value.class_name == "Rescaling" else None
    return isinstance(name, str) and name.rstrip("_") == _SCALED_OUTPUT_NAME


def _find_input_shape(layer: KerasObject, *, is_input: bool) -> Shape | None:
    """Return the input shape that a layer declares, without the batch axis; `None` without a shape of known sizes."""
    arguments = layer.arguments
    for key in ("shape", *INPUT_SHAPE_KEYS) if is_input else INPUT_SHAPE_KEYS:
        shape = arguments.get(key)
        if key == "shape" and shape is None and layer.positional:
            shape = layer.positional[0]
        if key == "input_dim" and (layer.class_name == "Embedding" or not isinstance(shape, int)):
            continue
        sizes = (shape,) if isinstance(shape, int) else shape
        if isinstance(sizes, list | tuple):
            sizes = sizes[1:] if key.startswith("batch") else sizes
            if 0 < len(sizes) <= _MAX_AXES and all(isinstance(size, int) and size > 0 for size in sizes):
                return tuple(sizes)
    return None


def _drop_automatic_names(layers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return layers without the names that Keras gives to unnamed layers, such as `dense_1`.

    The names remain if unnamed layers would get a name that another layer has. A slash becomes an underscore, because
    Keras 3 refuses slashes.
    """
    named = [{**layer, "name": layer["name"].replace("/", "_")} if isinstance(layer.get("name"), str) else dict(layer)
             for layer in map(_clean_inner_layers, layers)]  # fmt: skip
    unnamed = [_drop_automatic_name(layer) for layer in named]
    # A name in a damaged file can be a list.
    names = list(map(str, list_config_layer_names(unnamed)))
    return named if len(set(names)) < len(names) else unnamed


def _clean_inner_layers(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer whose inner layers have no automatic names."""
    cleaned = dict(layer)
    for key, value in layer.items():
        if key in LAYER_LIST_KEYS and isinstance(value, list) and all(map(_is_layer, value)):
            cleaned[key] = _drop_automatic_names(value)
        elif key in ("layer", "backward_layer") and _is_layer(value):
            cleaned[key] = _drop_wrapped_name(_clean_inner_layers(value))
    if "backward_layer" in cleaned and cleaned["backward_layer"] == _reverse_layer(cleaned.get("layer")):
        # Keras saves the second layer of Bidirectional, which it has built from the first.
        del cleaned["backward_layer"]
    return cleaned


def _is_layer(value: Any) -> bool:
    """Return whether a value is a mapping with a type."""
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _reverse_layer(layer: Any) -> Any:
    """Return a recurrent layer that reads in the other direction, as Bidirectional builds it, without its name."""
    if not isinstance(layer, dict):
        return layer
    others = {key: value for key, value in layer.items() if key not in ("go_backwards", "name")}
    return {**others, "go_backwards": not layer.get("go_backwards", False)}


def _drop_automatic_name(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer without its name, if Keras could have given this name to the unnamed layer."""
    pattern = rf"{re.escape(get_automatic_name(str(layer['type'])))}(_\d+)?"
    is_automatic = isinstance(layer.get("name"), str) and re.fullmatch(pattern, layer["name"])
    return {key: value for key, value in layer.items() if key != "name" or not is_automatic}


def _drop_wrapped_name(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layer of a wrapper without an automatic name. Bidirectional adds a prefix to this name."""
    name = layer.get("name")
    stem = re.sub(r"^(forward_|backward_)+", "", name) if isinstance(name, str) else name
    bare = _drop_automatic_name({**layer, "name": stem}) if isinstance(stem, str) else dict(layer)
    return bare if "name" not in bare else dict(layer)
