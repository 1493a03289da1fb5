"""Parts of arrays and lists in a program, and the weights of classes that it computes from arrays."""

import ast
from typing import Any

from dnn_cli.keras_import.example_counts import ExampleCount, count_examples
from dnn_cli.keras_import.script_expressions import ExpressionReader
from dnn_cli.keras_import.script_values import BalancedWeights, DatasetValue


class ArrayReader(ExpressionReader):
    """Reader of expressions with indices."""

    def evaluate_subscript(self, node: ast.Subscript) -> Any:
        """Return an item or a part of a known list, and record where the program divides arrays."""
        owner = self.evaluate(node.value)
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper)
            bounds = [None if part is None else _get_known_count(self.evaluate(part)) for part in parts]
            if isinstance(owner, DatasetValue):
                return self._slice_array(node, owner, bounds)
            is_known = isinstance(owner, list | tuple | str) and node.slice.step is None
            if is_known and all(isinstance(bound, int | None) for bound in bounds):
                return owner[bounds[0] : bounds[1]]
            return self.make_unknown(node)
        index = self.evaluate(node.slice)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape" and index == 0:
            return count_examples(owner, node)
        if isinstance(owner, list | tuple | str | dict) and isinstance(index, int | str):
            try:
                return owner[index]  # type: ignore[index]
            except (LookupError, TypeError):
                return self.make_unknown(node)
        if not isinstance(owner, DatasetValue):
            return self.make_unknown(node)
        if isinstance(index, str) and self.datasets:
            self.datasets[-1].array_names.append(index)
        columns = [part.value for part in _list_parts(node.slice)[1:] if isinstance(part, ast.Constant)]
        if self.datasets:
            self.datasets[-1].column_numbers += [column for column in columns if isinstance(column, int)]
        keeps_size = isinstance(index, str) or _selects_all(node.slice)
        size = owner.size if keeps_size else index.size if isinstance(index, DatasetValue) else None
        return DatasetValue(self.locate(node), ast.unparse(node), size)

    def _slice_array(self, node: ast.Subscript, array: DatasetValue, bounds: list[Any]) -> DatasetValue:
        """Return a part of an array, and record where the program divides the array."""
        if self.datasets and not (isinstance(node.value, ast.Attribute) and node.value.attr == "shape"):
            self.datasets[-1].slices.append((bounds[0], bounds[1]))
        is_known = array.size is not None and all(isinstance(bound, int | None) for bound in bounds)
        has_step = isinstance(node.slice, ast.Slice) and node.slice.step is not None
        size = len(range(array.size or 0)[bounds[0] : bounds[1]]) if is_known and not has_step else None
        return DatasetValue(self.locate(node), ast.unparse(node), size)

    def evaluate_dictcomp(self, node: ast.DictComp) -> Any:
        """Return the balanced weights of classes that a comprehension collects, or an unknown value."""
        values = [self.evaluate(generator.iter) for generator in node.generators]
        return values[0] if isinstance(values[0], BalancedWeights) else self._combine_data(node, *values)


def _list_parts(index: ast.expr) -> list[ast.expr]:
    """Return the parts of an index of several axes; an empty list for an index of one axis."""
    return list(index.elts) if isinstance(index, ast.Tuple) else []


def _selects_all(index: ast.expr) -> bool:
    """Return whether an index of several axes selects all examples, as in `X[..., None]` and `X[:, 0]`."""
    first = next(iter(_list_parts(index)), None)
    is_full_slice = isinstance(first, ast.Slice) and first.lower is None and first.upper is None and first.step is None
    return is_full_slice or (isinstance(first, ast.Constant) and first.value is Ellipsis)


def _get_known_count(value: Any) -> Any:
    """Return a number that depends on the number of examples as a plain number, if it is known."""
    return value.known_value if isinstance(value, ExampleCount) and value.known_value is not None else value
