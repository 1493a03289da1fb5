"""JSON Schema of the config language, for editors that complete and check configs.

The schema is built from the classes that validate configs, and its descriptions from their docstrings. A partial
schema describes configs that are merged over another config by `extends`. The schema checks each key alone; `dnn check`
also checks how keys fit together. The schema and `dnn` differ in these points:

- JSON Schema accepts 10.0 as a whole number, and `dnn` refuses it.
- Only `dnn` refuses formatting characters above U+FFFF in names, because patterns in some editors cannot contain these
  characters.
- The editor decides which characters count as letters in the patterns of Muon's `exclude_layers`.
- In a config with `extends`, the class of a part without a `type` depends on the other file. The schema accepts the
  part if any class has its keys.
"""

from collections.abc import Callable
from typing import Annotated, Any, Union, cast

from pydantic import TypeAdapter
from pydantic.json_schema import CoreRef, GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dnn_cli.config.base import BareName, ByType, ConfigModel, KerasConfig
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.field_descriptions import read_field_descriptions
from dnn_cli.config.identifiers import check_name, check_no_slash
from dnn_cli.config.layer_base import validate_layer
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.layers.custom import CustomLayer, check_custom_type
from dnn_cli.config.layers.image_augmentation import check_odd
from dnn_cli.config.optimizers import DEFAULT_OPTIMIZER
from dnn_cli.config.registry import CLASSES_BY_KIND, list_spellings

_EXTENDS_SCHEMA = {
    "description": "Config that this config extends, relative to this file. Mappings merge; other values replace it.",
    "type": "string",
    "minLength": 1,
}
_CONTROL_CHARACTER_PATTERN = (
    r"[\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
"""Pattern of control and formatting characters, in escapes that every engine for regular expressions knows."""

_IDENTIFIER = r"[^\W\d]\w*"
_CUSTOM_TYPE_RULES: list[JsonSchemaValue] = [
    {"pattern": rf"^{_IDENTIFIER}(\.{_IDENTIFIER})*:{_IDENTIFIER}$"},
    {"not": {"pattern": r"\.py:"}},
]
"""Rules for the `type` of a custom layer, `module:Class`."""

_VALIDATOR_SCHEMAS: dict[Any, list[JsonSchemaValue]] = {
    check_name: [{"pattern": r"\S"}, {"not": {"pattern": _CONTROL_CHARACTER_PATTERN}}],
    check_no_slash: [{"pattern": "^[^/]*$"}],
    check_odd: [{"not": {"multipleOf": 2}}],
    check_custom_type: _CUSTOM_TYPE_RULES,
}
"""JSON Schemas that express the rules of validator functions, by function."""

_ValueReader = Callable[[Any], Any]
"""Function that converts the short form of a value into its long form: `sgd` into `{type: sgd}`."""


def build_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a config."""
    experiment_schema = Experiment.model_json_schema(schema_generator=ConfigSchemaGenerator)
    definitions = experiment_schema.pop("$defs")
    # An experiment without a name is named after its file.
    experiment_schema["required"].remove("name")
    partial_schema = PartialSchemaBuilder(definitions).build_partial_schema(experiment_schema)
    for config in (experiment_schema, partial_schema):
        config["properties"] = {"extends": _EXTENDS_SCHEMA, **config["properties"]}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "description": "A config of dnn: one experiment.",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/PartialExperiment"},
        "else": {"$ref": "#/$defs/Experiment"},
        "$defs": {"Experiment": experiment_schema, "PartialExperiment": partial_schema, **definitions},
    }


class ConfigSchemaGenerator(GenerateJsonSchema):
    """Generator of the JSON Schema of the config classes.

    The schema includes the short forms of values, such as bare names, which validators convert.
    """

    core_definitions: dict[str, Any]
    """Pydantic's schemas of classes, by reference."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.core_definitions = {}

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        # The keys keep the order of the classes.
        return value

    def field_title_should_be_set(self, schema: Any) -> bool:
        # A title would only repeat the key.
        return False

    def normalize_name(self, name: str) -> str:
        # The names of classes that share a name begin with their module.
        return super().normalize_name(name.removeprefix("dnn_cli.config."))

    def definitions_schema(self, schema: core_schema.DefinitionsSchema) -> JsonSchemaValue:
        self.core_definitions |= {definition["ref"]: definition for definition in cast(Any, schema)["definitions"]}
        return super().definitions_schema(schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        cls, json_schema = schema["cls"], super().model_schema(schema)
        description = _get_docstring_summary(cls)
        descriptions = {"type": description, **read_field_descriptions(cls)}
        for name, field in json_schema["properties"].items():
            if name in descriptions:
                field["description"] = descriptions[name]
        if "type" in json_schema["properties"] and len(names := _list_type_names(cls)) > 1:
            described = {key: value for key, value in json_schema["properties"]["type"].items() if key != "const"}
            json_schema["properties"]["type"] = {**described, "enum": names}
        if cls is CustomLayer:
            # The arguments of the constructor are keys of the layer.
            del json_schema["properties"]["arguments"]
            json_schema["additionalProperties"] = True
        if "type" in json_schema["properties"] and not _has_short_form(cls):
            # The type selects the class.
            json_schema["required"] = list(dict.fromkeys(["type", *json_schema.get("required", ())]))
        return {"description": description} | {
            key: json_schema[key] for key in json_schema if key not in ("title", "description")
        }

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        json_schema = super().default_schema(schema)
        # The default `None` equals an absent key, and a default that equals `const` is the only choice.
        if json_schema.get("default", ...) in (None, json_schema.get("const")):
            del json_schema["default"]
        return json_schema

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, tuple):
            return [self.encode_default(item) for item in dft]
        short = isinstance(dft, ConfigModel) and not dft.model_fields_set
        return getattr(dft, "type", {}) if short else super().encode_default(dft)

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        return self.build_union_schema(schema, lambda value: value)

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        if schema["function"]["function"] is not validate_layer:
            return super().function_plain_schema(schema)
        name, reference = self.get_cache_defs_ref_schema(CoreRef("Layer"))
        if name not in self.definitions:
            # A layer that contains layers refers to this definition, which the following call replaces.
            self.definitions[name] = {}
            union: Any = Annotated[Union[tuple(LAYERS_BY_TYPE.values())], ByType, BareName]  # noqa: UP007
            self.generate_inner(TypeAdapter(union).core_schema)
            bare = {"type": "string", "allOf": _CUSTOM_TYPE_RULES, "description": _get_docstring_summary(CustomLayer)}
            custom = self.generate_inner(TypeAdapter(CustomLayer).core_schema)
            self.definitions[name]["anyOf"] += [bare, custom]
        return reference

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner: Any = schema["schema"]
        reader: Any = schema["function"]["function"]
        if inner["type"] == "tagged-union":
            return self.build_union_schema(inner, reader)
        json_schema = super().function_before_schema(schema)
        if inner["type"] == "tuple" and isinstance(reader(1), list):
            # The items of a tuple of pairs have a short form, too: the same whole number.
            item = json_schema["prefixItems"][0]
            return {"anyOf": [item["anyOf"][0] if "anyOf" in item else item, json_schema]}
        if inner["type"] == "int" and reader([1]) == 1:
            listed = {"type": "array", "prefixItems": [json_schema], "minItems": 1, "maxItems": 1}
            return {"anyOf": [json_schema, listed]}
        if inner["type"] == "tuple" and isinstance(reader("x"), list):
            return {"anyOf": [{"type": "string", **json_schema["items"]}, json_schema]}
        return json_schema

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        json_schema = super().function_after_schema(schema)
        rules = _VALIDATOR_SCHEMAS.get(schema["function"]["function"], [])
        return {**json_schema, "allOf": [*json_schema.get("allOf", []), *rules]} if rules else json_schema

    def build_union_schema(self, schema: core_schema.TaggedUnionSchema, reader: _ValueReader) -> JsonSchemaValue:
        """Return the schema of a union of classes.

        If bare names are allowed, the schema also accepts the names of classes without required arguments: `sgd`.

        Args:
            schema: The union as described by pydantic.
            reader: The function that converts a bare name into a mapping. If bare names are not allowed, it returns
                its argument.
        """
        choices = [self.generate_inner(choice) for choice in schema["choices"].values()]
        if schema["discriminator"] != "type":
            return {"anyOf": choices}
        classes = {str(tag): self.find_choice_class(choice) for tag, choice in schema["choices"].items()}
        bare = [
            {"const": name, "description": _get_docstring_summary(cls)}
            for tag, cls in classes.items()
            if _get_type_name(reader(tag)) == tag
            and not any(field.is_required() for field in cls.model_fields.values())
            for name in _list_type_names(cls)
        ]
        return self.share_union_schema(tuple(classes), {"anyOf": [*bare, *choices]})

    def find_choice_class(self, schema: Any) -> type[ConfigModel]:
        """Return the class that pydantic's schema of one choice of a union describes.

        The schema may be a reference to a definition.
        """
        while "cls" not in schema:
            schema = self.core_definitions[schema["schema_ref"]] if "schema_ref" in schema else schema["schema"]
        return cast(type[ConfigModel], schema["cls"])

    def share_union_schema(self, tags: tuple[str, ...], union: JsonSchemaValue) -> JsonSchemaValue:
        """Store the schema of a union as a definition, and return a reference to the definition.

        Only the unions of all layers, all losses and so on are stored. Any other union is returned unchanged.

        Args:
            tags: The types of the classes in the union.
            union: The schema of the union.
        """
        kind = next((kind for kind, classes in CLASSES_BY_KIND.items() if tuple(classes) == tags), None)
        if kind is None:
            return union
        name, reference = self.get_cache_defs_ref_schema(CoreRef(kind.title()))
        self.definitions[name] = union
        return reference


def _has_short_form(cls: type[ConfigModel]) -> bool:
    """Return whether a mapping without `type` can describe an object of a class."""
    return cls.model_fields["type"].default == DEFAULT_OPTIMIZER or getattr(cls, "inner_key", None) is not None


def _get_type_name(value: Any) -> Any:
    """Return the `type` of a mapping; `None` for any other value."""
    return value.get("type") if isinstance(value, dict) else None


def _list_type_names(cls: type[ConfigModel]) -> list[str]:
    """Return every name of a class: its `type`, then Keras's other spellings."""
    return [cls.model_fields["type"].default, *(list_spellings(cls) if issubclass(cls, KerasConfig) else ())]


def _get_docstring_summary(cls: type) -> str:
    """Return the first line of the docstring of a class."""
    return (cls.__doc__ or "").partition("\n")[0]


_INHERITED_KEYWORDS = ("required", "minProperties", "default")


class PartialSchemaBuilder:
    """Builder of partial schemas, for configs that are merged over another config by `extends`.

    The builder adds the partial version of a definition, such as `PartialAdam`, to `definitions` on its first use.
    """

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions

    def build_partial_schema(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        """Return a schema whose mappings may leave out any key.

        Lists must be complete, because they replace other lists.
        """
        partial = {key: value for key, value in schema.items() if key not in _INHERITED_KEYWORDS}
        if "$ref" in partial:
            partial["$ref"] = self.get_partial_reference(partial["$ref"])
        if "anyOf" in partial:
            partial["anyOf"] = [way for choice in partial["anyOf"] for way in self.list_alternatives(choice)]
        if "properties" in partial:
            partial["properties"] = {
                key: self.build_partial_schema(value) for key, value in partial["properties"].items() if key != "type"
            }
        if isinstance(partial.get("additionalProperties"), dict):
            partial["additionalProperties"] = self.build_partial_schema(partial["additionalProperties"])
        return partial

    def list_alternatives(self, choice: JsonSchemaValue) -> list[JsonSchemaValue]:
        """Return the schemas that replace one choice of a union, such as the schema of `Adam`, in a partial schema.

        A mapping with a type replaces the mapping of the other config, so that its schema is unchanged. A mapping
        without a type changes the mapping of the other config, so that its schema is partial.
        """
        definition = self.definitions.get(_get_definition_name(choice.get("$ref", "")), {})
        complete = [choice] if "type" in definition.get("properties", {}) else []
        return [*complete, self.build_partial_schema(choice)]

    def get_partial_reference(self, reference: str) -> str:
        """Return the reference to the partial version of a definition. The first call builds this version."""
        name = _get_definition_name(reference)
        twin = f"Partial{name}"
        if twin not in self.definitions:
            # The placeholder ends the recursion for a class that contains itself.
            self.definitions[twin] = {}
            self.definitions[twin] = self.build_partial_schema(self.definitions[name])
        return f"#/$defs/{twin}"


def _get_definition_name(reference: str) -> str:
    """Return the name of the definition to which a JSON Schema `$ref` points."""
    return reference.rpartition("/")[2]
