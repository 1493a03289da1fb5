"""Conversion of objects of Keras into values of a config: names, and mappings with a type and arguments."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layers.custom import is_custom_type
from dnn_cli.config.optimizers import BaseOptimizer
from dnn_cli.config.python_calls import list_positional_arguments, rename_old_arguments
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, get_kind_at, to_plural
from dnn_cli.config.unknown_names import describe_unknown_name
from dnn_cli.config.yaml_reader import MAX_ISSUES
from dnn_cli.errors import ConfigError, LocatedIssue, SourceLocation
from dnn_cli.keras_import.keras_program import PROGRAM_MODULE, KerasName, KerasObject, UnknownValue

INPUT_SHAPE_KEYS = ("batch_shape", "batch_input_shape", "input_shape", "input_dim", "input_length")
"""Arguments of the first layer that declare the input shape. The data of a config determines the shape."""

_FIXED_ARGUMENTS: Mapping[str, tuple[Any, ...]] = {
    "data_format": ("channels_last",),
    "axis": (-1,),
    "reduction": ("sum_over_batch_size", "auto"),
    "class_aggregation": ("uniform_average",),
    "num_regressors": (0,),
    "renorm_momentum": (0.99,),
    "implementation": (0, 1, 2),
    "fused": (True,),
    "decay": (0.0,),
}
"""Arguments of Keras that a config lacks, with the values that `dnn` uses. None and False are also such values."""

_WINDOW_LAYERS = ("Conv1D", "Conv2D", "Conv3D", "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose",
                  "Conv2DTranspose", "Conv3DTranspose")  # fmt: skip

_UNNAMED_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "Dense": ("units", "activation", "use_bias"),
    "SimpleRNN": ("units", "activation", "use_bias"),
    **dict.fromkeys(("LSTM", "GRU"), ("units", "activation", "recurrent_activation", "use_bias")),
    **dict.fromkeys(_WINDOW_LAYERS, ("filters", "kernel_size", "strides", "padding")),
    "Rescaling": ("scale", "offset"),
    "sgd": ("learning_rate", "momentum", "nesterov"),
    "rmsprop": ("learning_rate", "rho", "momentum", "epsilon"),
    "adam": ("learning_rate", "beta_1", "beta_2", "epsilon"),
    "adamw": ("learning_rate", "weight_decay", "beta_1", "beta_2"),
    "PolynomialDecay": ("initial_learning_rate", "decay_steps", "end_learning_rate", "power"),
    "CosineDecay": ("initial_learning_rate", "decay_steps", "alpha"),
    "early_stopping": ("monitor", "min_delta", "patience"),
    "reduce_lr_on_plateau": ("monitor", "factor", "patience"),
    "model_checkpoint": ("filepath", "monitor"),
    "swap_ema_weights": ("swap_on_epoch",),
}
"""Arguments that programs pass without names, in Keras's order, by type. See `list_positional_arguments` for others."""

WINDOW_KEYS = ("kernel_size", "pool_size", "strides", "dilation_rate")
"""Arguments that have one size for each axis, or one number for all axes."""

_USUAL_FORMAT = ("data_format", "channels_last")
_MIXED_PRECISIONS = ("mixed_float16", "mixed_bfloat16")


class PartConverter:
    """Converter of objects into values of a config. Its issues are the parts that a config cannot contain."""

    def __init__(self) -> None:
        self.issues: list[LocatedIssue] = []
        self.has_mixed_precision = False

    def add_issue(self, location: SourceLocation, owner: str, message: str, suggestion: str) -> None:
        """Add an issue; `owner` names the part of the program, such as `layer 3 (Dense)`.

        Raises:
            ConfigError: the number of issues has reached its maximum.
        """
        self.issues.append(LocatedIssue(location, owner, message, suggestion))
        if len(self.issues) >= MAX_ISSUES:
            # The search for similar names takes milliseconds for each issue.
            raise ConfigError(self.issues)

    def convert_value(self, value: Any, kind: str, owner: str) -> Any:
        """Return the value of a config for an argument of Keras, and add issues for values that it cannot contain.

        Args:
            value: The argument: a plain value, an object, a name or an unknown value.
            kind: The kind of the value, such as `initializer`.
            owner: The part of the program with the argument, for messages.
        """
        if isinstance(value, UnknownValue):
            message = f"depends on {value.code}, which only a run of the program computes"
            literal = f"{_add_article(kind)} of Keras" if kind in CLASSES_BY_KIND else "a number or a text"
            literal = f"a number or {literal}" if kind == "schedule" else literal
            self.add_issue(value.location, owner, message, f"write {literal} in its place, and import again")
            return None
        if isinstance(value, KerasObject):
            return self.convert_object(value, kind, owner)
        if isinstance(value, KerasName):
            value = value.name
        if isinstance(value, str):
            return SPELLINGS.get(kind, {}).get(value, value)
        if isinstance(value, list | tuple):
            return [self.convert_value(inner, kind, owner) for inner in value]
        if isinstance(value, Mapping):
            return {str(key): self.convert_value(inner, kind, owner) for key, inner in value.items()}
        return value

    def convert_object(self, part: KerasObject, kind: str, owner: str) -> Any:
        """Return an object as a mapping with a type and the arguments that a config contains."""
        name = SPELLINGS.get(kind, {}).get(part.class_name, part.class_name)
        cls = CLASSES_BY_KIND.get(kind, {}).get(name)
        if part.module not in ("keras", "" if cls else "keras"):
            return self._convert_custom_object(part, kind, owner)
        if cls is None:
            self._add_unknown_class(part, kind, owner)
            return None
        return {"type": name, **self.convert_arguments(part, cls, name, owner)}

    def convert_arguments(self, part: KerasObject, cls: type[KerasConfig], name: str, owner: str) -> dict[str, Any]:
        """Return the arguments of an object that a config contains.

        Args:
            part: The object.
            cls: The class of the config that describes such objects.
            name: The type of the class in a config, or the key of a callback.
            owner: The part of the program, for messages.
        """
        arguments = self.name_arguments(part, name, cls, owner)
        self._read_precision(arguments.pop("dtype", None), part.location, owner)
        if not issubclass(cls, BaseLayer):
            arguments.pop("name", None)
        arguments = rename_old_arguments(arguments, cls)
        if issubclass(cls, BaseOptimizer) and arguments.get("use_ema") in (None, False):
            # Keras 2 saves a frequency of 100 although no averages are computed.
            arguments = {key: value for key, value in arguments.items() if not key.startswith("ema_")}
        converted = {}
        for key, value in arguments.items():
            if key == "name" and isinstance(value, UnknownValue):
                continue
            if key in cls.model_fields and not cls.model_fields[key].exclude:
                inner_kind = "layer" if key in ("layer", "backward_layer", "residual") else get_kind_at((key,))
                converted[key] = _simplify_value(key, self.convert_value(value, inner_kind, f"{owner}, {key}"), cls)
            elif not self._is_left_out(key, value, cls):
                message = f"{key}={describe_argument(value)} is not an argument of {name} in dnn"
                self.add_issue(part.location, owner, message, f"leave {key} out of the program, and import again")
        return {key: value for key, value in converted.items() if not _equals_missing(key, value, converted, cls)}

    def name_arguments(self, part: KerasObject, name: str, cls: type[KerasConfig], owner: str) -> dict[str, Any]:
        """Return all arguments of an object by name. The parameters are those of `convert_arguments`."""
        names = list_unnamed_arguments(name, cls)
        if len(part.positional) > len(names):
            example = f"{names[0]}=…" if names else "name=…"
            message = f"{part.class_name} has {len(part.positional)} arguments without names"
            self.add_issue(part.location, owner, message, f"write each argument with its name, such as {example}")
        return {**dict(zip(names, part.positional, strict=False)), **part.arguments}

    def _is_left_out(self, key: str, value: Any, cls: type[KerasConfig]) -> bool:
        """Return whether an argument that a config lacks has the value that `dnn` uses, or only declares a shape."""
        if issubclass(cls, BaseLayer) and key in INPUT_SHAPE_KEYS:
            return True
        return value is None or value is False or value in _FIXED_ARGUMENTS.get(key, ())

    def _read_precision(self, dtype: Any, location: SourceLocation, owner: str) -> None:
        """Record the precision of a layer. Other types than 32 bits and mixed precision are issues."""
        if isinstance(dtype, KerasObject):
            dtype = dtype.arguments.get("name", dtype.positional[0] if dtype.positional else None)
        if isinstance(dtype, KerasName):
            dtype = dtype.name
        if dtype in _MIXED_PRECISIONS:
            self.has_mixed_precision = True
        elif dtype not in (None, "float32"):
            message = f"computes with {describe_argument(dtype)}, and dnn trains with 32 bits or mixed precision"
            self.add_issue(location, owner, message, "leave dtype out of the program, and import again")

    def _convert_custom_object(self, part: KerasObject, kind: str, owner: str) -> Any:
        """Return a layer of a user's module as a custom layer, and add an issue for any other class of a module."""
        custom_type = f"{part.module}:{part.class_name}"
        if kind == "layer" and is_custom_type(custom_type) and part.module != PROGRAM_MODULE and not part.positional:
            arguments = {key: value for key, value in part.arguments.items() if key not in (*INPUT_SHAPE_KEYS, "dtype")}
            return {
                "type": custom_type,
                **{key: self.convert_value(value, "", owner) for key, value in arguments.items()},
            }
        message = f"{part.class_name} is a class of your own"
        if kind == "layer":
            hint = f"put the class into mylayers.py, leave the layer out, and add {{type: mylayers:{part.class_name}}}"
            self.add_issue(part.location, owner, message, f"{hint} to the config")
        elif kind in CLASSES_BY_KIND:
            hint = f"write {_add_article(kind)} of Keras in its place, and import again"
            self.add_issue(part.location, owner, message, f"{hint}; dnn list {to_plural(kind)} shows all")
        else:
            self.add_issue(part.location, owner, message, "write a number or a text in its place, and import again")
        return None

    def _add_unknown_class(self, part: KerasObject, kind: str, owner: str) -> None:
        """Add the issue of a class that a config does not have."""
        if kind == "activation":
            message = f"{part.class_name} is a layer, and an activation of dnn is a name"
            self.add_issue(part.location, owner, message, f"write the layer {part.class_name} after this layer")
            return
        if kind not in CLASSES_BY_KIND:
            message = f"{part.class_name} is an object, and dnn needs a plain value"
            self.add_issue(part.location, owner, message, "write a number or a text in its place, and import again")
            return
        message, suggestion = describe_unknown_name(part.class_name, kind, tuple(CLASSES_BY_KIND[kind]))
        self.add_issue(part.location, owner, message, suggestion)


def list_unnamed_arguments(name: str, cls: type[KerasConfig]) -> tuple[str, ...]:
    """Return the arguments of a class that a call can pass without names, in Keras's order.

    Args:
        name: The type of the class in a config, or the key of a callback.
        cls: The class.
    """
    return _UNNAMED_ARGUMENTS.get(name) or list_positional_arguments(cls)


def _simplify_value(key: str, value: Any, cls: type[KerasConfig]) -> Any:
    """Return equal sizes of a window as one number, and a range of an augmentation that only Keras writes as a number.

    Keras saves the number 0.5 as a range such as -0.5 to 0.5, which some of its layers do not accept as an argument.
    """
    if key in WINDOW_KEYS and isinstance(value, list) and len(set(map(str, value))) == 1:
        return value[0]
    if key == "axis" and isinstance(value, list) and len(value) == 1 and not _accepts(cls, key, value):
        # Keras 2 saves one axis as a list.
        return value[0]
    is_range = isinstance(value, list) and len(value) == 2 and key.endswith("factor")
    return value[1] if is_range and not _accepts(cls, key, value) and _accepts(cls, key, value[1]) else value


def _accepts(cls: type[KerasConfig], key: str, value: Any) -> bool:
    """Return whether a class of the config accepts a value of an argument, whatever the other arguments are."""
    try:
        cls.model_validate({key: value})
    except ValidationError as error:
        return all(detail["loc"][:1] != (key,) for detail in error.errors(include_url=False))
    return True


def _equals_missing(key: str, value: Any, arguments: Mapping[str, Any], cls: type[KerasConfig]) -> bool:
    """Return whether an argument has the effect of a missing argument, whose default is `None`.

    Saved models contain the values that Keras chooses: strides equal to the size of the window, for example.
    """
    if cls.model_fields[key].get_default() is not None:
        return False
    if key == "strides":
        return bool(value == arguments.get("pool_size"))
    return value in (None, []) or (key.endswith("activation") and value == "linear") or (key, value) == _USUAL_FORMAT


def _add_article(noun: str) -> str:
    """Return a noun with its indefinite article: `an optimizer`."""
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


def describe_argument(value: Any) -> str:
    """Return an argument as a short text for a message."""
    if isinstance(value, KerasObject | KerasName):
        return value.class_name if isinstance(value, KerasObject) else value.name
    if isinstance(value, UnknownValue):
        return value.code
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
