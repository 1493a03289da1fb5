"""The two judges of a config, key by key: the JSON Schema and the classes."""

from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from pydantic import ValidationError

from dnn_cli.errors import Place
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.load import merge
from dnn_cli.spec.schema import json_schema
from dnn_cli.spec.yaml_file import Document

SCHEMA = json_schema()

# JSON Schema counts 10.0 as a whole number, and dnn does not: the one difference that is known and left aside here.
WHOLE = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
VALIDATOR = extend(Draft202012Validator, type_checker=WHOLE)(SCHEMA)


def accepts(document):
    """Whether the schema takes a document."""
    return VALIDATOR.is_valid(document)


def reads(document):
    """Whether the classes take it; its name is that of the file, unless it gives one."""
    try:
        Experiment.model_validate({"name": "file", **document} if isinstance(document, dict) else document)
    except ValidationError:
        return False
    return True


def laid_over(parent, child):
    """What the loader makes of a config that extends another."""
    return merge(*(Document(value, {(): Place("a.yaml")}) for value in (parent, child))).value
