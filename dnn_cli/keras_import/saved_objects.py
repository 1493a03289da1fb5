"""Objects of Keras in the JSON values of a saved model, in the spellings of Keras 2 and Keras 3."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dnn_cli.config.layer_blocks import MAX_LAYERS
from dnn_cli.errors import LocatedIssue, SourceLocation, UserDataError
from dnn_cli.keras_import.keras_program import (
    INPUT_CLASSES,
    KERAS_PACKAGES,
    MODEL_CLASSES,
    KerasObject,
    KerasProgram,
    replace_forbidden_characters,
)
from dnn_cli.keras_import.saved_model_file import SavedArchitecture

_MAX_DECIMAL_DIGITS = 5
"""Largest number of significant digits of a decimal number that a user has written."""

_OWN_PACKAGE = "dnn>"
"""Start of the registered names of the classes of `dnn`."""

_MIN_FLOAT64_DIGITS = 13
"""Number of significant digits of a float32 that is not a short decimal, written as a float64."""

_MAX_FLOAT32 = 3e38

_CHAINED_LAYER_HINT = "import models in which each layer has one input and one output"


def build_program(path: str, architecture: SavedArchitecture) -> KerasProgram:
    """Return the program of a saved model: its layers, and the arguments of `compile`.

    Args:
        path: The path of the file.
        architecture: The architecture in the file.

    Raises:
        UserDataError: the file has a model of a class without a list of layers.
    """
    location = SourceLocation(path)
    model = architecture.model
    class_name, config = model["class_name"], model.get("config")
    # Keras 1 and early versions of Keras 2 saved a Sequential as the list of its layers.
    config = {"layers": config} if isinstance(config, list) else config
    layers = config.get("layers") if isinstance(config, dict) else None
    if class_name not in MODEL_CLASSES or not isinstance(config, dict) or not isinstance(layers, list):
        raise UserDataError(
            f"{path} has a model of the class {class_name}, whose layers are code",
            "import a Sequential, or a model of keras.Model(inputs, outputs) without branches",
        )
    if len(layers) > MAX_LAYERS:
        message = f"{path} has {len(layers):,} layers; the maximum is {MAX_LAYERS:,}"
        raise UserDataError(message, "import a smaller model")
    issues = [] if class_name == "Sequential" else list(_find_chain_issues(path, layers))
    name = config.get("name")
    return KerasProgram(
        source=path,
        layers=tuple(_iter_layers(layers, location)),
        name=name if isinstance(name, str) else None,
        input_shape=_get_built_shape(config),
        compile_arguments=_build_compile_arguments(architecture.compile_config, location),
        issues=tuple(issues),
    )


def _iter_layers(layers: Sequence[Any], location: SourceLocation) -> Iterator[Any]:
    """Yield the layers of a list as objects. The layers of a Sequential within the list take its place."""
    for layer in layers:
        inner = layer.get("config") if isinstance(layer, dict) and layer.get("class_name") == "Sequential" else None
        inner = {"layers": inner} if isinstance(inner, list) else inner
        if isinstance(inner, dict) and isinstance(inner.get("layers"), list):
            yield from _iter_layers(inner["layers"], location)
        else:
            yield convert_json_value(layer, location)


def _find_chain_issues(path: str, layers: list[Any]) -> Iterator[LocatedIssue]:
    """Yield the issues of layers of a functional model that do not follow one another."""
    previous, number = None, 0
    for layer in layers:
        name, class_name = _get_layer_name(layer), layer.get("class_name") if isinstance(layer, dict) else None
        number += class_name not in INPUT_CLASSES
        sources = _find_input_names(layer.get("inbound_nodes") if isinstance(layer, dict) else None)
        if sources != ([] if previous is None else [previous]):
            text = f"takes its input from {', '.join(sources)}" if sources else "is another input of the model"
            message = f"{text}, and a config is a stack of layers"
            key = f"layer {max(number, 1)}, {name} ({class_name})"
            yield LocatedIssue(SourceLocation(path), key, message, _CHAINED_LAYER_HINT)
        previous = name


def _get_layer_name(layer: Any) -> str:
    """Return the name of a layer of a functional model."""
    if not isinstance(layer, dict):
        return ""
    config = layer.get("config")
    return str(layer.get("name") or (config.get("name") if isinstance(config, dict) else ""))


def _find_input_names(nodes: Any) -> list[str]:
    """Return the names of the layers whose outputs a layer takes, from `inbound_nodes` of Keras 2 or Keras 3."""
    if isinstance(nodes, dict):
        history = nodes.get("keras_history") if nodes.get("class_name") == "__keras_tensor__" else None
        history = nodes["config"].get("keras_history") if isinstance(nodes.get("config"), dict) else history
        if isinstance(history, list) and history:
            return [str(history[0])]
        return [name for inner in nodes.values() for name in _find_input_names(inner)]
    if isinstance(nodes, list):
        # Keras 2 writes a connection as [name, node, tensor, arguments].
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            return [nodes[0]]
        return [name for inner in nodes for name in _find_input_names(inner)]
    return []


def _get_built_shape(config: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the input shape with which a Sequential was built, without the batch axis; `None` if it is missing."""
    shape = config.get("build_input_shape")
    if not isinstance(shape, list) or not all(isinstance(size, int) for size in shape[1:]):
        return None
    return tuple(shape[1:])


def _build_compile_arguments(
    compile_config: Mapping[str, Any] | None, location: SourceLocation
) -> dict[str, Any] | None:
    """Return the arguments of `compile`; `None` for a model that is not compiled."""
    if not compile_config:
        return None
    arguments = dict(compile_config)
    if "optimizer_config" in arguments:
        arguments["optimizer"] = arguments.pop("optimizer_config")
    return {key: convert_json_value(value, location) for key, value in arguments.items()}


def convert_json_value(value: Any, location: SourceLocation) -> Any:
    """Return a plain value in which each mapping with a class and its arguments is an object of Keras."""
    if isinstance(value, float):
        return shorten_float32(value)
    if isinstance(value, str):
        return replace_forbidden_characters(value)
    if isinstance(value, list):
        return [convert_json_value(inner, location) for inner in value]
    if not isinstance(value, dict):
        return value
    class_name, config = value.get("class_name"), value.get("config")
    if isinstance(class_name, str):
        class_name = replace_forbidden_characters(class_name)
    if isinstance(class_name, str) and isinstance(config, str):
        # A function is saved with its name in place of arguments.
        return replace_forbidden_characters(config)
    if isinstance(class_name, str) and (isinstance(config, dict) or config is None):
        arguments = {
            replace_forbidden_characters(key): convert_json_value(inner, location)
            for key, inner in (config or {}).items()
        }
        # Names of registered classes begin with a package: `dnn>Residual`, and `Custom>Adam` in Keras 2.
        module = _get_module(class_name, value.get("module"), value.get("registered_name"))
        return KerasObject(class_name.rpartition(">")[2], arguments, location, module=module)
    return {replace_forbidden_characters(key): convert_json_value(inner, location) for key, inner in value.items()}


def _get_module(class_name: str, module: Any, registered_name: Any) -> str:
    """Return the module of a saved class: `keras` for classes of Keras and of `dnn`, and an empty text if unknown.

    Args:
        class_name: The name of the class. Keras 2 writes a package before the name of a registered class.
        module: The module in the file, or `None`.
        registered_name: The name in the registry of Keras 3, or `None`.
    """
    if str(registered_name or class_name).startswith(_OWN_PACKAGE):
        return "keras"
    if not isinstance(module, str):
        return "" if ">" in class_name else "keras"
    is_keras = any(module == package or module.startswith(f"{package}.") for package in KERAS_PACKAGES)
    return "keras" if is_keras else module


def shorten_float32(number: float) -> float:
    """Return the decimal number that a float32 represents: 0.01 for 0.009999999776482582.

    Keras saves the learning rate, a float32 variable, with the digits of a float64. Other numbers, such as 1/3 or
    0.666015625, are returned unchanged.
    """
    digits = repr(number).partition("e")[0].replace(".", "").strip("-0")
    is_short = len(digits) < _MIN_FLOAT64_DIGITS
    if is_short or not abs(number) < _MAX_FLOAT32 or _round_to_float32(number) != number:
        return number
    decimals = (float(f"{number:.{count}g}") for count in range(1, _MAX_DECIMAL_DIGITS + 1))
    return next((decimal for decimal in decimals if _round_to_float32(decimal) == number), number)


def _round_to_float32(number: float) -> float:
    """Return the float32 that is nearest to a number."""
    return float(struct.unpack("f", struct.pack("f", number))[0])
