"""Base classes of all parts of a config: immutable pydantic models that refuse values of a wrong type.

Subclasses of `KerasConfig` build a Keras object from their fields.
"""

from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    model_serializer,
)

Shape = tuple[int, ...]
"""Shape of one example, without the batch axis."""

Count = Annotated[int, Field(gt=0, le=10_000_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Finite = Annotated[float, Field(ge=-1e9, le=1e9)]
NotNegative = Annotated[float, Field(ge=0, le=1e9)]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def to_typed_mapping(value: Any) -> Any:
    """Return a bare name as a mapping with its `type`, and any other value unchanged: `sgd` becomes `{type: sgd}`."""
    return {"type": value} if isinstance(value, str) else value


def _to_pair(value: Any) -> Any:
    """Return one whole number as a pair of height and width, and any other value unchanged: `3` becomes `[3, 3]`."""
    return [value, value] if isinstance(value, int) else value


def _to_triple(value: Any) -> Any:
    """Return one whole number as depth, height and width, and any other value unchanged: `3` becomes `[3, 3, 3]`."""
    return [value, value, value] if isinstance(value, int) else value


def _to_single(value: Any) -> Any:
    """Return the item of a list with one item, and any other value unchanged: `[3]` becomes `3`."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def to_single_item_list(value: Any) -> Any:
    """Return a bare name as a list of one name, and any other value unchanged: `accuracy` becomes `[accuracy]`."""
    return [value] if isinstance(value, str) else value


BareName = BeforeValidator(to_typed_mapping)
ByType = Field(discriminator="type")
Extent = Annotated[int, Field(gt=0, le=1000)]
Single = Annotated[Extent, BeforeValidator(_to_single)]
Pair = Annotated[tuple[Extent, Extent], Strict(False), BeforeValidator(_to_pair)]
Triple = Annotated[tuple[Extent, Extent, Extent], Strict(False), BeforeValidator(_to_triple)]
AxisSizes = int | tuple[int, ...]
"""Sizes along the axes of space or time: a number for one axis, a tuple for several axes."""

_MarginSize = Annotated[int, Field(ge=0, le=1000)]
Margin = Annotated[tuple[_MarginSize, _MarginSize], Strict(False), BeforeValidator(_to_pair)]
MarginPair = Annotated[tuple[Margin, Margin], Strict(False), BeforeValidator(_to_pair)]
MarginTriple = Annotated[tuple[Margin, Margin, Margin], Strict(False), BeforeValidator(_to_triple)]
OutputPadding = Annotated[_MarginSize, BeforeValidator(_to_single)]
OutputPaddingTriple = Annotated[
    tuple[_MarginSize, _MarginSize, _MarginSize], Strict(False), BeforeValidator(_to_triple)
]
_ImageSide = Annotated[int, Field(gt=0, le=65_535)]
# A JPEG has at most 65,535 rows and columns.
ImageExtent = Annotated[tuple[_ImageSide, _ImageSide], Strict(False), BeforeValidator(_to_pair)]


LAYER_LIST_KEYS = ("layers", "residual")
"""Keys whose values are lists of layers."""


class ConfigModel(BaseModel):
    """Part of a config: an immutable pydantic model that refuses unknown keys and values of a wrong type."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @model_serializer(mode="wrap")
    def serialize_values(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the fields as plain values, including defaults.

        A field with the value `None` is left out if its default is `None`.
        """
        fields = type(self).model_fields
        values = handler(self)
        return {
            name: values[name]
            for name in self.get_field_order()
            if name in values and (values[name] is not None or fields[name].get_default() is not None)
        }

    @classmethod
    def get_field_order(cls) -> list[str]:
        """Return the names of the fields in the order in which they are written to a config file."""
        return list(cls.model_fields)


class KerasConfig(ConfigModel):
    """Part of a config that describes one Keras object, with Keras's argument names and defaults."""

    keras_name: ClassVar[str]
    """Path of the class in the package `keras`, such as `layers.Dense`, or the registered name of a class of `dnn`,
    such as `dnn>Residual`."""

    is_known_by_type: ClassVar[bool] = True
    """Whether Keras accepts the `type` as a name of the class with default arguments, as in `optimizer="adam"`."""

    @classmethod
    def get_field_order(cls) -> list[str]:
        required = [name for name, field in cls.model_fields.items() if field.is_required()]
        type_field = ["type"] if "type" in cls.model_fields else []
        return list(dict.fromkeys([*type_field, *required, *cls.model_fields]))

    @property
    def registered_name(self) -> str:
        """Name of the class in Keras's registry; empty for a class of the package `keras`."""
        return self.keras_name if ">" in self.keras_name else ""

    def list_keras_arguments(self) -> dict[str, Any]:
        """Return the arguments for the Keras class by name. Nested parts stay parts of the config.

        Optional arguments that equal Keras's defaults are left out.
        """
        fields = type(self).model_fields
        values = {name: getattr(self, name) for name, field in fields.items() if name != "type" and not field.exclude}
        return {
            name: value
            for name, value in values.items()
            if fields[name].is_required() or value != fields[name].get_default()
        }

    def build_keras_argument(self, name: str, value: Any) -> Any:
        """Return the value of an argument for the Keras class. A nested part becomes a Keras object."""
        return value.build_keras_object() if isinstance(value, KerasConfig) else value

    def build_keras_object(self, **extra_arguments: Any) -> Any:
        """Return the Keras object. This method imports Keras and TensorFlow.

        Args:
            extra_arguments: Further arguments for the Keras class. They replace fields of the same name.
        """
        import keras

        keras_object: Any = keras
        if self.registered_name:
            # `training` defines or imports the class and registers it. This package cannot import `training`.
            keras_object = keras.saving.get_registered_object(self.registered_name)
        else:
            for step in self.keras_name.split("."):
                keras_object = getattr(keras_object, step)
        arguments = {
            name: self.build_keras_argument(name, value)
            for name, value in self.list_keras_arguments().items()
            if name not in extra_arguments
        }
        return keras_object(**{**arguments, **extra_arguments})


def list_classes_by_type(union: Any) -> dict[str, Any]:
    """Return the classes of a union, such as `Loss` or `Metric`, by their `type`."""
    return {cls.model_fields["type"].default: cls for cls in get_args(get_args(union)[0])}
