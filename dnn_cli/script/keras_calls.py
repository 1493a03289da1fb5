"""Calls of Keras classes, such as `keras.layers.Dense(10)`, from the parts of a config that describe their objects."""

from collections.abc import Mapping
from typing import Any

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.schedules import Warmup
from dnn_cli.config.weight_configs import RandomInitializer, WeightConfig
from dnn_cli.script.python_code import Call, Expression, Literal, build_expression, format_value

_WARMUP_SCHEDULE = Literal("Warmup()")
"""Object of the class `Warmup`, which a script with a warm-up defines."""


def build_keras_call(config: KerasConfig, extra_arguments: Mapping[str, Any] | None = None) -> Call:
    """Build the call that creates the Keras object of a part of a config.

    The leading argument of a layer, such as the number of units, is written by position, and all others by name.
    Arguments at Keras's defaults are left out.

    Args:
        config: The part of the config.
        extra_arguments: Further arguments, which replace those of the config. Layers within a layer get the argument
            `dtype`, too.
    """
    extra = dict(extra_arguments or {})
    arguments = {**config.list_keras_arguments(), **extra}
    positional: list[Expression] = []
    if isinstance(config, BaseLayer) and (leading := _find_leading_argument(config)) in arguments:
        positional = [_build_argument(config, arguments.pop(leading), extra)]
    if "name" in arguments:
        # Layers have their names at the end of the line.
        arguments["name"] = arguments.pop("name")
    keywords = tuple((name, _build_argument(config, value, extra)) for name, value in arguments.items())
    return Call(f"keras.{config.keras_name}", tuple(positional), keywords)


def _find_leading_argument(layer: BaseLayer) -> str:
    """Return the argument of a layer that is written by position; empty without such an argument.

    The leading argument is the number of filters of a convolution, or the only required argument.
    """
    required = [name for name, field in type(layer).model_fields.items() if field.is_required()]
    if "filters" in required:
        return "filters"
    return required[0] if len(required) == 1 else ""


def build_keras_argument(config: KerasConfig) -> Expression:
    """Build the value of an argument: the name of a class with default arguments, or the call of the class."""
    has_name = config.is_known_by_type and not config.list_keras_arguments()
    return Literal(format_value(getattr(config, "type", ""))) if has_name else build_keras_call(config)


def _build_argument(owner: KerasConfig, value: Any, extra_arguments: Mapping[str, Any]) -> Expression:
    """Build the value of an argument of a Keras class.

    Args:
        owner: The part of the config with the argument.
        value: The value of the argument.
        extra_arguments: The further arguments of the owner.
    """
    if isinstance(value, Warmup):
        return _WARMUP_SCHEDULE
    if isinstance(value, BaseLayer):
        return build_keras_call(value, {key: item for key, item in extra_arguments.items() if key == "dtype"})
    if isinstance(value, WeightConfig) and not _has_fixed_order(owner):
        return build_keras_argument(value)
    return build_keras_call(value) if isinstance(value, KerasConfig) else build_expression(value)


def _has_fixed_order(layer: KerasConfig) -> bool:
    """Return whether several parts of a layer draw a seed, so that the order of their creation determines the weights.

    An object draws its seed before the layer is created. An initializer with a name draws it while the layer is
    created.
    """
    values = [getattr(layer, name) for name in type(layer).model_fields]
    drawing = [value for value in values if isinstance(value, RandomInitializer)]
    return len(drawing) + ("seed" in type(layer).model_fields) > 1
