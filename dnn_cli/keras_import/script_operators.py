"""Operators of Python on known values, and what is known of a value: its truth, and whether it can be compared."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from dnn_cli.keras_import.keras_program import KerasObject, UnknownValue
from dnn_cli.keras_import.script_values import (
    DatasetValue,
    ListMethod,
    ModelMethod,
    Reference,
    ScriptModel,
    Tensor,
)

OPERATORS: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
    ast.Is: lambda first, second: first is second,
    ast.IsNot: lambda first, second: first is not second,
}
"""Functions of the operators that are computed, by their class in a syntax tree."""


def is_scalar(value: Any) -> bool:
    """Return whether a value is a number, a text, a truth value or None."""
    return isinstance(value, str | int | float | None)


def are_scalars(values: Any) -> bool:
    """Return whether a value is a list of scalars.

    Lists within lists can be shared, so that their comparison or text could take time without an end.
    """
    return isinstance(values, list | tuple) and all(map(is_scalar, values))


def can_compare(left: Any, operation: ast.cmpop, right: Any) -> bool:
    """Return whether a comparison of two values is known."""
    if isinstance(operation, ast.Is | ast.IsNot) and (left is None or right is None):
        return get_truth(left) is not None and get_truth(right) is not None
    is_member = isinstance(operation, ast.In | ast.NotIn) and (are_scalars(right) or isinstance(right, dict))
    return is_scalar(left) and (is_scalar(right) or is_member)


def get_truth(value: Any) -> bool | None:
    """Return whether a condition on a value holds; `None` for an unknown value."""
    if isinstance(value, UnknownValue | DatasetValue | Reference | ListMethod | ModelMethod):
        return None
    return True if isinstance(value, KerasObject | ScriptModel | Tensor) else bool(value)
