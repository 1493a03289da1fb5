"""The two validators of a config: the JSON Schema and the classes."""

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema import ValidationError as JsonError
from jsonschema.validators import extend
from pydantic import ValidationError

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.json_schema import build_json_schema
from dnn_cli.config.loading import merge_documents
from dnn_cli.config.registry import canonicalize_names
from dnn_cli.config.yaml_reader import Document
from dnn_cli.errors import SourceLocation

SCHEMA = build_json_schema()

# JSON Schema accepts 10.0 as an integer, and dnn does not: the only known difference, which is left out here.
STRICT_INTEGER_CHECKER = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)


def validate_any_of(validator, choices, value, schema):
    """Stop at the first choice that accepts a value; the library's own validator collects all errors of all choices."""
    if not any(validator.evolve(schema=choice).is_valid(value) for choice in choices):
        yield JsonError(f"{value!r} is none of the choices")


VALIDATOR = extend(Draft202012Validator, {"anyOf": validate_any_of}, type_checker=STRICT_INTEGER_CHECKER)(SCHEMA)

# This validator is a hundred times as fast, but its type checker cannot be changed.
FAST_VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def is_valid_for_schema(document):
    """Return whether the schema accepts a document."""
    return (VALIDATOR if has_whole_float(document) else FAST_VALIDATOR).is_valid(document)


def has_whole_float(value):
    """Return whether a document contains a number such as 10.0."""
    if isinstance(value, dict | list):
        return any(map(has_whole_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value.is_integer()


def is_valid_experiment(document):
    """Return whether the classes accept a document; a document without a name gets the name of a file."""
    try:
        Experiment.model_validate(
            {"name": "file", **canonicalize_names(document)} if isinstance(document, dict) else document
        )
    except ValidationError:
        return False
    return True


def merge_configs(parent, child):
    """Merge a config with the config that it extends."""
    return merge_documents(*(Document(value, {(): SourceLocation("a.yaml")}) for value in (parent, child))).value
