"""The config language as a JSON Schema, for editors that complete and check configs while they are written.

It is made from the classes that validate, so that a new class, field or union is in it by itself. It judges each key
alone; what fits together is left to `dnn check`. Where the two differ:

- 10.0 is a whole number to JSON Schema, and none to `dnn`.
- Formatting characters beyond the first 65,536 are refused in names by `dnn` alone, as not all editors' patterns
  reach them; and which characters count as letters, in Muon's patterns, is up to the editor.
- What an `extends` makes of a part without a `type` depends on the other file: any class that takes the keys will do.
"""

from collections.abc import Callable
from typing import Any, cast

from pydantic.json_schema import CoreRef, GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dnn_cli.spec.base import KerasPart, Part
from dnn_cli.spec.catalog import KINDS
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.field_texts import field_texts
from dnn_cli.spec.names import printable, without_slash
from dnn_cli.spec.optimizers import DEFAULT
from dnn_cli.spec.partial import Partial
from dnn_cli.spec.spelling import spellings_of

EXTENDS = {
    "description": "Another config to start from, relative to this file: mappings merge, everything else replaces.",
    "type": "string",
    "minLength": 1,
}
CONTROL = (
    r"[\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
"""Control and formatting characters, in escapes that every reader of patterns knows."""

RULES: dict[Any, list[JsonSchemaValue]] = {
    printable: [{"pattern": r"\S"}, {"not": {"pattern": CONTROL}}],
    without_slash: [{"pattern": "^[^/]*$"}],
}
"""What the functions that judge a text refuse."""

Reader = Callable[[Any], Any]
"""What reads the short way to write a value as the long one."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a config."""
    found = Experiment.model_json_schema(schema_generator=Generator)
    definitions = found.pop("$defs")
    found["required"].remove("name")  # the name of the file, where none is given
    child = Partial(definitions).of(found)
    for config in (found, child):
        config["properties"] = {"extends": EXTENDS, **config["properties"]}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "description": "A config of dnn: one experiment.",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/PartialExperiment"},
        "else": {"$ref": "#/$defs/Experiment"},
        "$defs": {"Experiment": found, "PartialExperiment": child, **definitions},
    }


class Generator(GenerateJsonSchema):
    """Pydantic's own schema of the classes, and with it what is read before they see it."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value  # the order of the classes

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # it would only repeat the key

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name.removeprefix("dnn_cli.spec."))  # of classes that share a name

    def definitions_schema(self, schema: core_schema.DefinitionsSchema) -> JsonSchemaValue:
        self.defined = {definition["ref"]: definition for definition in cast(Any, schema)["definitions"]}
        return super().definitions_schema(schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        cls, found = schema["cls"], super().model_schema(schema)
        description = first_line(cls)
        told = {"type": description, **field_texts(cls)}
        for name, field in found["properties"].items():
            if name in told:
                field["description"] = told[name]
        if "type" in found["properties"] and len(names := names_of(cls)) > 1:
            described = {key: value for key, value in found["properties"]["type"].items() if key != "const"}
            found["properties"]["type"] = {**described, "enum": names}
        if "type" in found["properties"] and cls.model_fields["type"].default != DEFAULT:
            found["required"] = ["type", *found.get("required", ())]  # as it tells the class
        return {"description": description} | {key: found[key] for key in found if key not in ("title", "description")}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default", ...) in (None, found.get("const")):
            del found["default"]  # it says what absence says, or the only choice there is
        return found

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, tuple):
            return [self.encode_default(item) for item in dft]
        short = isinstance(dft, Part) and not dft.model_fields_set
        return getattr(dft, "type", {}) if short else super().encode_default(dft)

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        return self.union(schema, lambda value: value)

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner: Any = schema["schema"]
        read: Any = schema["function"]["function"]
        if inner["type"] == "tagged-union":
            return self.union(inner, read)
        found = super().function_before_schema(schema)
        if inner["type"] == "tuple" and isinstance(read(1), list):
            return {"anyOf": [found["prefixItems"][0], found]}
        if inner["type"] == "tuple" and isinstance(read("x"), list):
            return {"anyOf": [{"type": "string", **found["items"]}, found]}
        return found

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        found = super().function_after_schema(schema)
        rules = RULES.get(schema["function"]["function"], [])
        return {**found, "allOf": [*found.get("allOf", []), *rules]} if rules else found

    def union(self, schema: core_schema.TaggedUnionSchema, read: Reader) -> JsonSchemaValue:
        """The classes of a union, and the bare names that are read as a class that needs no arguments."""
        choices = [self.generate_inner(choice) for choice in schema["choices"].values()]
        if schema["discriminator"] != "type":
            return {"anyOf": choices}
        classes = {str(tag): self.class_of(choice) for tag, choice in schema["choices"].items()}
        bare = [
            {"const": name, "description": first_line(cls)}
            for tag, cls in classes.items()
            if type_of(read(tag)) == tag and not any(field.is_required() for field in cls.model_fields.values())
            for name in names_of(cls)
        ]
        return self.shared(tuple(classes), {"anyOf": [*bare, *choices]})

    def class_of(self, schema: Any) -> type[Part]:
        """The class of a choice, which may be defined elsewhere."""
        while "cls" not in schema:
            schema = self.defined[schema["schema_ref"]] if "schema_ref" in schema else schema["schema"]
        return cast(type[Part], schema["cls"])

    def shared(self, tags: tuple[str, ...], union: JsonSchemaValue) -> JsonSchemaValue:
        """A reference to a union that has a name of its own; else the union itself."""
        kind = next((kind for kind, classes in KINDS.items() if tuple(classes) == tags), None)
        if kind is None:
            return union
        name, reference = self.get_cache_defs_ref_schema(CoreRef(kind.title()))
        self.definitions[name] = union
        return reference


def type_of(value: Any) -> Any:
    """The `type` of what a reader made of a value."""
    return value.get("type") if isinstance(value, dict) else None


def names_of(cls: type[Part]) -> list[str]:
    """Every name of a class: its `type`, then Keras's other spellings."""
    return [cls.model_fields["type"].default, *(spellings_of(cls) if issubclass(cls, KerasPart) else ())]


def first_line(cls: type) -> str:
    """What a class says of itself."""
    return (cls.__doc__ or "").partition("\n")[0]
