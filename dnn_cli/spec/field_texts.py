"""The text under the fields of a class, which Python itself forgets: read from the source, once it is asked for."""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from dnn_cli.spec.base import Part


def field_texts(cls: type[Part]) -> dict[str, str]:
    """What the class, and those it inherits from, say of their fields."""
    found: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        if issubclass(ancestor, Part):
            found |= texts_in_module(ancestor.__module__).get(ancestor.__name__, {})
    return found


@cache
def texts_in_module(name: str) -> dict[str, dict[str, str]]:
    """The texts of every class in a module."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: dict(texts(node.body)) for node in tree.body if isinstance(node, ast.ClassDef)}


def texts(body: list[ast.stmt]) -> list[tuple[str, str]]:
    """Every field that a text follows, with that text in one line."""
    found = []
    for statements in pairwise(body):
        match statements:
            case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                found.append((field, " ".join(text.split())))
    return found
