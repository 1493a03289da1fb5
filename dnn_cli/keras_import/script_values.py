"""Values that occur while a program is read: references to classes, models, tensors and functions of the program."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.registry import SPELLINGS
from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.keras_program import (
    INPUT_CLASSES,
    KERAS_PACKAGES,
    MODEL_CLASSES,
    KerasName,
    KerasObject,
    UnknownValue,
)

_MAX_CODE_LENGTH = 40
"""Maximum number of characters of an expression in a message."""


@dataclass(frozen=True)
class Reference:
    """Name of a module, class or function that a program imports: `tensorflow.keras.layers.Dense`."""

    path: str
    location: SourceLocation

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def keras_path(self) -> str | None:
        """Path below the package of Keras, such as `layers.Dense`; `None` for a path outside Keras."""
        for package in KERAS_PACKAGES:
            if self.path == package or self.path.startswith(f"{package}."):
                return self.path[len(package) + 1 :]
        return None

    @property
    def is_class(self) -> bool:
        """Whether the name is that of a class, which begins with a capital letter."""
        return self.name[:1].isupper()


@dataclass(frozen=True)
class PartialCall:
    """Result of `functools.partial`: a callable value, and arguments of later calls."""

    target: Any
    positional: tuple[Any, ...]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ScriptFunction:
    """Function that the program defines."""

    node: ast.FunctionDef | ast.Lambda
    defaults: Mapping[str, Any]
    location: SourceLocation


@dataclass(frozen=True)
class ScriptClass:
    """Class that the program defines."""

    name: str
    location: SourceLocation


@dataclass
class ScriptModel:
    """Model that a program builds. Calls of its methods add layers and arguments."""

    location: SourceLocation
    layers: list[Any] = field(default_factory=list)
    name: Any = None
    variable: str = ""
    """Name of the last variable with the model."""

    compile_arguments: Mapping[str, Any] | None = None
    fit_arguments: Mapping[str, Any] | None = None
    fit_locations: list[SourceLocation] = field(default_factory=list)


@dataclass(frozen=True)
class ModelMethod:
    """Method of a model that is called next."""

    model: ScriptModel
    name: str


@dataclass(frozen=True)
class ListMethod:
    """Method of a list that is called next."""

    items: list[Any]
    name: str


@dataclass(frozen=True)
class Tensor:
    """Output of layers in the functional interface: the input, and the layers that follow one another."""

    layers: tuple[Any, ...]


@dataclass(frozen=True)
class DatasetValue:
    """Arrays of a dataset, or arrays that are computed from these."""

    location: SourceLocation
    code: str


def to_program_value(value: Any, location: SourceLocation) -> Any:
    """Return a value of a program in the form of `KerasProgram`. Values that are not literals become unknown.

    Args:
        value: The value.
        location: The location of the call with the value, for values without a location.
    """
    location = getattr(value, "location", location)
    if isinstance(value, KerasObject):
        return replace(
            value,
            arguments={key: to_program_value(inner, location) for key, inner in value.arguments.items()},
            positional=tuple(to_program_value(inner, location) for inner in value.positional),
        )
    if isinstance(value, list | tuple):
        return [to_program_value(inner, location) for inner in value]
    if isinstance(value, dict):
        return {key: to_program_value(inner, location) for key, inner in value.items()}
    if isinstance(value, Reference) and (value.keras_path is not None or value.path.startswith("tensorflow.")):
        return KerasName(value.name, location)
    if isinstance(value, str | int | float | UnknownValue | None):
        return value
    return UnknownValue(_describe_script_value(value), location)


def _describe_script_value(value: Any) -> str:
    """Return a text for a value that is not a literal."""
    if isinstance(value, ScriptFunction):
        return f"the function {getattr(value.node, 'name', 'lambda')}"
    if isinstance(value, DatasetValue | Reference):
        return _shorten_text(value.code if isinstance(value, DatasetValue) else value.path)
    if isinstance(value, ScriptClass):
        return f"the class {value.name}"
    return "a model or layer" if isinstance(value, ScriptModel | Tensor) else "a value"


def shorten_code(node: ast.AST) -> str:
    """Return the code of a syntax tree in one line of at most 40 characters."""
    return _shorten_text(" ".join(ast.unparse(node).split()))


def _shorten_text(text: str) -> str:
    """Return a text of at most 40 characters."""
    return text if len(text) <= _MAX_CODE_LENGTH else f"{text[: _MAX_CODE_LENGTH - 1]}…"


def make_unknown(node: ast.AST, location: SourceLocation) -> UnknownValue:
    """Return the value of an expression that only a run of the program would compute."""
    return UnknownValue(shorten_code(node), location)


KNOWN_NAMES: Mapping[str, str] = {
    **{name: f"keras.layers.{name}" for name in SPELLINGS["layer"]},
    **{name: f"keras.optimizers.{name}" for name in SPELLINGS["optimizer"] if name[:1].isupper()},
    **{name: f"keras.optimizers.schedules.{name}" for name in SPELLINGS["schedule"]},
    **{cls.keras_name.rpartition(".")[2]: f"keras.{cls.keras_name}" for cls in CALLBACK_CLASSES.values()},
    **{name: f"keras.{name}" for name in (*MODEL_CLASSES, *INPUT_CLASSES)},
    **{name: f"keras.{name}" for name in ("layers", "models", "optimizers", "losses", "metrics", "callbacks",
                                          "regularizers", "initializers", "constraints", "activations", "datasets")},
    "keras": "keras",
    "tf": "tensorflow",
    "np": "numpy",
}  # fmt: skip
"""Paths of names of Keras that a listing can use without an import, because an earlier listing has imported them."""
