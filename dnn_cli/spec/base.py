"""The ground of every part of an experiment: strict frozen values that can build their Keras object."""

from typing import Annotated, Any, ClassVar

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
"""Sizes of one example, without the batch axis."""

Count = Annotated[int, Field(gt=0, le=10_000_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Finite = Annotated[float, Field(ge=-1e9, le=1e9)]
NotNegative = Annotated[float, Field(ge=0, le=1e9)]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def bare_name(value: Any) -> Any:
    """Read a bare name as a mapping of only its `type`: `sgd` is `{type: sgd}`."""
    return {"type": value} if isinstance(value, str) else value


def pair(value: Any) -> Any:
    """Read one whole number as the same number for height and width: `3` is `[3, 3]`."""
    return [value, value] if isinstance(value, int) else value


def one_in_list(value: Any) -> Any:
    """Read a bare name as a list of only this name: `accuracy` is `[accuracy]`."""
    return [value] if isinstance(value, str) else value


BareName = BeforeValidator(bare_name)
ByType = Field(discriminator="type")
Extent = Annotated[int, Field(gt=0, le=1000)]
Pair = Annotated[tuple[Extent, Extent], Strict(False), BeforeValidator(pair)]


class Part(BaseModel):
    """A part of an experiment: frozen, strict, and without unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @model_serializer(mode="wrap")
    def plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Plain values, every default spelled out, less the `None` that says what absence says."""
        fields = type(self).model_fields
        plain = handler(self)
        return {
            name: plain[name]
            for name in self.field_order()
            if name in plain and (plain[name] is not None or fields[name].get_default() is not None)
        }

    @classmethod
    def field_order(cls) -> list[str]:
        """The fields in the order they are written in a file."""
        return list(cls.model_fields)


class KerasPart(Part):
    """A part that stands for one object of Keras, under Keras's own argument names and defaults."""

    keras_name: ClassVar[str]
    """Where Keras keeps the class, as `layers.Dense`."""

    @classmethod
    def field_order(cls) -> list[str]:
        required = [name for name, field in cls.model_fields.items() if field.is_required()]
        kind = ["type"] if "type" in cls.model_fields else []
        return list(dict.fromkeys([*kind, *required, *cls.model_fields]))

    def arguments(self) -> dict[str, Any]:
        """Keras's arguments: the fields that differ from Keras's defaults, nested parts built."""
        fields = type(self).model_fields
        given = {name: getattr(self, name) for name, field in fields.items() if name != "type" and not field.exclude}
        return {
            name: value.build() if isinstance(value, KerasPart) else value
            for name, value in given.items()
            if fields[name].is_required() or value != fields[name].get_default()
        }

    def build(self, **more: Any) -> Any:
        """The Keras object; imports TensorFlow."""
        import keras

        found: Any = keras
        for step in self.keras_name.split("."):
            found = getattr(found, step)
        return found(**{**self.arguments(), **more})
