"""Conversion of the values of a script into the form of `KerasProgram`."""

from dataclasses import replace
from typing import Any

from dnn_cli.errors import SourceLocation, UserDataError
from dnn_cli.keras_import.example_counts import ExampleCount
from dnn_cli.keras_import.keras_program import KerasName, KerasObject, UnknownValue
from dnn_cli.keras_import.script_values import (
    DatasetValue,
    Reference,
    ScriptClass,
    ScriptFunction,
    ScriptModel,
    Tensor,
    shorten_text,
)

_MAX_VALUES = 100_000
"""Maximum number of values of a program. Lists that contain the same list many times could have any number."""

_MAX_DEPTH = 60
"""Largest depth of nested lists and objects."""


class ProgramValueConverter:
    """Converter of the values of a script. Values that are not literals become unknown."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.value_count = 0

    def convert_value(self, value: Any, location: SourceLocation, depth: int = 0) -> Any:
        """Return a value in the form of `KerasProgram`.

        Args:
            value: The value.
            location: The location of the call with the value, for values without a location.
            depth: The number of lists and objects around the value.

        Raises:
            UserDataError: the value has too many values, or is nested too deeply.
        """
        self.value_count += 1
        if self.value_count > _MAX_VALUES or depth > _MAX_DEPTH:
            message = f"{location}  has more values than can be read, or is nested too deeply"
            raise UserDataError(message, "write the layers one after another, and import again")
        if isinstance(value, ExampleCount) and value.known_value is not None:
            return value.known_value
        location, depth = getattr(value, "location", location), depth + 1
        if isinstance(value, KerasObject):
            arguments = {key: self.convert_value(inner, location, depth) for key, inner in value.arguments.items()}
            positional = tuple(self.convert_value(inner, location, depth) for inner in value.positional)
            return replace(value, arguments=arguments, positional=positional)
        if isinstance(value, list | tuple):
            return [self.convert_value(inner, location, depth) for inner in value]
        if isinstance(value, dict):
            return {key: self.convert_value(inner, location, depth) for key, inner in value.items()}
        if isinstance(value, Reference) and (value.keras_path is not None or value.path.startswith("tensorflow.")):
            return KerasName(value.name, location)
        if isinstance(value, str | int | float | UnknownValue | None):
            return value
        return UnknownValue(_describe_value(value), location)


def _describe_value(value: Any) -> str:
    """Return a text for a value that is not a literal."""
    if isinstance(value, ScriptFunction):
        return f"the function {getattr(value.node, 'name', 'lambda')}"
    if isinstance(value, DatasetValue | Reference):
        return shorten_text(value.code if isinstance(value, DatasetValue) else value.path)
    if isinstance(value, ScriptClass):
        return f"the class {value.name}"
    return "a model or layer" if isinstance(value, ScriptModel | Tensor) else "a value"
