"""Custom layers, whose classes are in modules of the user: `type: mylayers:Scale`.

A config describes a custom layer without its code. `training/custom_layers.py` imports the code.
"""

import math
from typing import Annotated, Any, ClassVar

from annotated_types import Len
from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dnn_cli.config.base import Count, Shape
from dnn_cli.config.layer_base import CODE_MARK, BaseLayer, Family, XlaSupport
from dnn_cli.errors import UsageError

_MAX_TYPE_LENGTH = 200
"""Maximum number of characters of a custom layer's type."""

_SUFFIX = ".py"
"""End of the names of source files, which a module name lacks."""

SOURCE_DIGEST_KEY = "source_digest"


def is_custom_type(text: str) -> bool:
    """Return whether a text is a module and a class, such as `mylayers:Scale`, and the module is not a file `….py`."""
    module, _, cls = text.partition(CODE_MARK)
    is_named = all(map(str.isidentifier, [*module.split("."), cls]))
    return is_named and len(text) <= _MAX_TYPE_LENGTH and not module.endswith(_SUFFIX)


def check_custom_type(text: str) -> str:
    """Check that a type is a module and a class, such as `mylayers:Scale`, and return the type.

    Raises:
        PydanticCustomError: the type has other characters, for example those of a path.
    """
    module, _, cls = text.partition(CODE_MARK)
    if is_custom_type(text):
        return text
    stem = module.removesuffix(_SUFFIX).replace("/", ".")
    if is_custom_type(f"{stem}:{cls}"):
        raise PydanticCustomError(
            "custom_layer_type", "names a file instead of a module: write {type}", {"type": f"{stem}:{cls}"}
        )
    raise PydanticCustomError(
        "custom_layer_type",
        "is not module:Class: write the module as in an import, without a path, for example mylayers:Scale",
    )


def _check_argument(value: Any) -> Any:
    """Check that JSON can hold the value of an argument, and return the value.

    Raises:
        PydanticCustomError: the value is, for example, a date or an infinite number.
    """
    if not _is_plain(value):
        raise PydanticCustomError(
            "custom_layer_argument", "has a value that JSON cannot hold: use numbers, texts, lists or mappings"
        )
    return value


class CustomLayer(BaseLayer):
    """Layer of a class in a module of the user. All other keys are arguments of its constructor.

    The weights and the output shape depend on code that a config does not contain.
    """

    family: ClassVar[Family] = "core"
    runs_user_code: ClassVar[bool] = True
    has_unknown_weights: ClassVar[bool] = True
    xla_support: ClassVar[XlaSupport] = "unverified"

    type: Annotated[str, AfterValidator(check_custom_type)]
    output_shape: Annotated[tuple[Count | str, ...], Strict(False), Len(1, 8)] | None = None
    """Shape of one example after the layer, by default the input shape. An axis can be the name of an argument:
    `[units]`. A training checks the shape."""

    source_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the module's source file. A training records the digest, and refuses another source."""

    arguments: dict[str, Annotated[Any, AfterValidator(_check_argument)]] = {}
    """Arguments of the constructor, except `name` and `trainable`. In a config, they are keys of the layer."""

    @model_validator(mode="before")
    @classmethod
    def collect_arguments(cls, value: Any) -> Any:
        """Return a mapping of a config in which the arguments of the constructor are under the key `arguments`."""
        if not isinstance(value, dict):
            return value
        own = {key: value[key] for key in value if key in cls.model_fields and key != "arguments"}
        return {**own, "arguments": {key: inner for key, inner in value.items() if key not in own}}

    @model_validator(mode="after")
    def check_shape_names(self) -> "CustomLayer":
        """Raise an error if an axis of `output_shape` has no size."""
        for axis in self.output_shape or ():
            if isinstance(axis, str) and not _is_size(self.arguments.get(axis)):
                raise PydanticCustomError(
                    "custom_layer_shape",
                    "has the axis {axis} in output_shape: use a whole number, or the name of an argument with one",
                    {"axis": axis},
                )
        return self

    @model_serializer(mode="wrap")
    def serialize_values(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = super().serialize_values(handler)
        return {**{key: value for key, value in values.items() if key != "arguments"}, **self.arguments}

    @property
    def module(self) -> str:
        """Name of the module with the class: `mylayers`."""
        return self.type.partition(CODE_MARK)[0]

    @property
    def class_name(self) -> str:
        """Name of the class in the module: `Scale`."""
        return self.type.partition(CODE_MARK)[2]

    def compute_output_shape(self, shape: Shape) -> Shape:
        if self.output_shape is None:
            return shape
        sizes = [self.arguments[axis] if isinstance(axis, str) else axis for axis in self.output_shape]
        return tuple(sizes)

    def count_multiply_adds(self, shape: Shape) -> int:
        """Return an estimate for the length of a call: the multiply-adds of a Dense layer along the last axis."""
        return math.prod(shape) * self.compute_output_shape(shape)[-1]

    def list_keras_arguments(self) -> dict[str, Any]:
        own = {} if self.name is None else {"name": self.name}
        return {**own, **({} if self.trainable else {"trainable": False}), **self.arguments}

    @property
    def registered_name(self) -> str:
        return self.type

    def build_keras_object(self, **extra_arguments: Any) -> Any:
        """Return the Keras object of the imported class.

        Raises:
            UsageError: the constructor of the class raises an exception.
        """
        try:
            return super().build_keras_object(**extra_arguments)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            suggestion = ""
            if isinstance(error, TypeError) and "unexpected keyword argument" in reason:
                suggestion = "check the keys of the layer; __init__ also needs **kwargs, for super().__init__(**kwargs)"
            raise UsageError(f"{self.type} cannot be built: {reason}", suggestion) from error


def _is_size(value: Any) -> bool:
    """Return whether a value is the size of an axis."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10_000_000


def _is_plain(value: Any) -> bool:
    """Return whether JSON can hold a value: texts, finite numbers, true, false, null, lists and mappings."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
