"""The two judges of a config, key by key: the JSON Schema and the classes."""

from jsonschema import Draft202012Validator
from jsonschema import ValidationError as JsonError
from jsonschema.validators import extend
from pydantic import ValidationError

from dnn_cli.errors import Place
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.load import merge
from dnn_cli.spec.schema import json_schema
from dnn_cli.spec.spelling import canonical
from dnn_cli.spec.yaml_file import Document

SCHEMA = json_schema()

# JSON Schema counts 10.0 as a whole number, and dnn does not: the one difference that is known and left aside here.
WHOLE = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)


def any_of(validator, choices, value, schema):
    """The library's own collects every fault of every choice; this stops at the choice that takes a value."""
    if not any(validator.evolve(schema=choice).is_valid(value) for choice in choices):
        yield JsonError(f"{value!r} is none of the choices")


VALIDATOR = extend(Draft202012Validator, {"anyOf": any_of}, type_checker=WHOLE)(SCHEMA)


def accepts(document):
    """Whether the schema takes a document."""
    return VALIDATOR.is_valid(document)


def reads(document):
    """Whether the classes take it; its name is that of the file, unless it gives one."""
    try:
        Experiment.model_validate({"name": "file", **canonical(document)} if isinstance(document, dict) else document)
    except ValidationError:
        return False
    return True


def laid_over(parent, child):
    """What the loader makes of a config that extends another."""
    return merge(*(Document(value, {(): Place("a.yaml")}) for value in (parent, child))).value
