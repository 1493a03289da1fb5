"""What a config that extends another may leave out, as JSON Schema."""

from typing import Any

from pydantic.json_schema import JsonSchemaValue

LEFT_TO_THE_PARENT = ("required", "minProperties", "default")


class Partial:
    """Makes schemas of mappings that are laid over others, as `spec.load.merge` does it.

    The definitions they need are added to those given.
    """

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.definitions = definitions

    def of(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        """A schema whose mappings may leave out any key; lists replace, and stay as they are."""
        found = {key: value for key, value in schema.items() if key not in LEFT_TO_THE_PARENT}
        if "$ref" in found:
            found["$ref"] = self.reference(found["$ref"])
        if "anyOf" in found:
            found["anyOf"] = [way for choice in found["anyOf"] for way in self.ways(choice)]
        if "properties" in found:
            found["properties"] = {key: self.of(value) for key, value in found["properties"].items() if key != "type"}
        return found

    def ways(self, choice: JsonSchemaValue) -> list[JsonSchemaValue]:
        """A mapping that names its type starts afresh and is whole; one that does not changes its parent's."""
        definition = self.definitions.get(name_of(choice.get("$ref", "")), {})
        whole = [choice] if "type" in definition.get("properties", {}) else []
        return [*whole, self.of(choice)]

    def reference(self, reference: str) -> str:
        """The reference to the partial twin of what another refers to."""
        name = name_of(reference)
        twin = f"Partial{name}"
        if twin not in self.definitions:
            self.definitions[twin] = {}  # so that a class within itself comes to an end
            self.definitions[twin] = self.of(self.definitions[name])
        return f"#/$defs/{twin}"


def name_of(reference: str) -> str:
    """The name of the definition that is referred to."""
    return reference.rpartition("/")[2]
