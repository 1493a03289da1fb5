"""Descriptions of the fields of config classes, read from the docstrings below the fields."""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from dnn_cli.config.base import ConfigModel


def read_field_descriptions(cls: type[ConfigModel]) -> dict[str, str]:
    """Read the docstrings of the fields of a class and of its base classes, by field."""
    descriptions: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        if issubclass(ancestor, ConfigModel):
            descriptions |= _parse_module_descriptions(ancestor.__module__).get(ancestor.__name__, {})
    return descriptions


@cache
def _parse_module_descriptions(name: str) -> dict[str, dict[str, str]]:
    """Parse a module and return the docstrings of the fields, by class and field."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {
        node.name: dict(_parse_class_descriptions(node.body)) for node in tree.body if isinstance(node, ast.ClassDef)
    }


def _parse_class_descriptions(body: list[ast.stmt]) -> list[tuple[str, str]]:
    """Return the fields that have a docstring, each with its docstring in one line.

    `body` contains the statements of a class.
    """
    descriptions = []
    for statements in pairwise(body):
        match statements:
            case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                descriptions.append((field, " ".join(text.split())))
    return descriptions
