"""Functions of Python and methods of lists that a program calls with known values."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from dnn_cli.keras_import.data_pipelines import DataPipeline, count_batches
from dnn_cli.keras_import.example_counts import count_examples
from dnn_cli.keras_import.keras_program import UnknownValue
from dnn_cli.keras_import.script_arrays import ArrayReader
from dnn_cli.keras_import.script_expressions import MAX_ITEMS
from dnn_cli.keras_import.script_operators import are_scalars, get_truth, is_scalar
from dnn_cli.keras_import.script_values import BalancedWeights, DatasetValue, ListMethod

_SCALAR_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function for function in (int, float, str, sum, min, max, abs, round)
}
"""Functions of Python on numbers and texts, or on lists of these."""

_ITERATOR_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function for function in (range, list, tuple, enumerate, zip, reversed)
}
"""Functions of Python that return a list or an iterator."""


class BuiltinReader(ArrayReader):
    """Reader of calls of functions of Python and of methods of lists."""

    def call_builtin(self, name: str, positional: list[Any], arguments: dict[str, Any], node: ast.Call) -> Any:
        """Return the result of a function of Python on known values."""
        first = positional[0] if positional else None
        if name == "len" and isinstance(first, DataPipeline):
            return count_batches(first, node)
        if name == "len" and isinstance(first, DatasetValue | UnknownValue):
            return count_examples(first, node)
        weights = [value for value in positional if isinstance(value, BalancedWeights)]
        if weights and name in ("dict", "zip", "enumerate", "list"):
            return weights[0]
        if any(get_truth(value) is None for value in positional):
            return self._combine_data(node, *positional)
        if name == "len" and isinstance(first, str | list | tuple | dict):
            return len(first)
        if name == "dict" and (first is None or isinstance(first, dict)):
            return {**(first or {}), **arguments}
        are_known = all(is_scalar(value) or (name != "str" and are_scalars(value)) for value in positional)
        try:
            if name in _SCALAR_FUNCTIONS and are_known:
                result = _SCALAR_FUNCTIONS[name](*positional, **arguments)
                return result if is_scalar(result) else self.make_unknown(node)
            if name in _ITERATOR_FUNCTIONS:
                values = _ITERATOR_FUNCTIONS[name](*positional, **arguments)
                items = [item for _, item in zip(range(MAX_ITEMS + 1), values, strict=False)]
                if len(items) <= MAX_ITEMS:
                    return tuple(items) if name == "tuple" else items
        except (TypeError, ValueError, ArithmeticError):
            return self.make_unknown(node)
        return self.make_unknown(node)

    def call_list(self, method: ListMethod, positional: list[Any], node: ast.Call) -> Any:
        """Change a list as the method does."""
        items, (first, *others) = method.items, (positional or [None])
        if method.name == "append":
            items.append(first)
        elif method.name == "extend" and isinstance(first, list | tuple):
            items.extend(first)
        elif method.name == "insert" and isinstance(first, int) and others:
            items.insert(first, others[0])
        elif method.name == "pop" and items and (first is None or isinstance(first, int)):
            return items.pop(-1 if first is None else first) if -len(items) <= (first or 0) < len(items) else None
        else:
            items.append(self.make_unknown(node))
        del items[MAX_ITEMS:]
        return None
