"""Values of the expressions of a program, where literals and earlier lines determine them. No code is run."""

import ast
import builtins
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dnn_cli.errors import SourceLocation, UserDataError
from dnn_cli.keras_import.data_pipelines import DataPipeline, PipelineMethod
from dnn_cli.keras_import.example_counts import compute_counts
from dnn_cli.keras_import.keras_program import UnknownValue, replace_forbidden_characters
from dnn_cli.keras_import.script_code import CodeBlock
from dnn_cli.keras_import.script_operators import OPERATORS, can_compare, get_truth
from dnn_cli.keras_import.script_values import (
    KNOWN_NAMES,
    BalancedWeights,
    DatasetValue,
    ListMethod,
    LoadedDataset,
    ModelMethod,
    Reference,
    ScriptModel,
    make_unknown,
)

MAX_ITEMS = 10_000
"""Maximum number of items of a list or characters of a text that a program computes."""

_MAX_STEPS = 100_000
"""Maximum number of expressions that are evaluated; a loop can evaluate an expression many times."""

_MAX_NUMBER = 10**15
_MAX_EXPONENT = 64
_SIMPLE_FORMAT = re.compile(r"0?\d?(\.\d)?[dfeg]?")
_LIST_METHODS = ("append", "extend", "insert", "pop")
MODEL_METHODS = ("add", "pop", "compile", "fit")
_COUNT_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
"""Operators of numbers that depend on the number of examples."""


class ExpressionReader:
    """Reader of expressions. A value that only a run would compute is an `UnknownValue`."""

    def __init__(self) -> None:
        self.block = CodeBlock("", ())
        self.scopes: list[dict[str, Any]] = [{}]
        self.star_modules: list[str] = []
        """Modules whose names the program imports with a star."""

        self.datasets: list[LoadedDataset] = []
        self.step_count = 0

    def locate(self, node: ast.AST) -> SourceLocation:
        """Return the location of a part of the syntax tree."""
        return self.block.get_location(node)

    def make_unknown(self, node: ast.AST) -> UnknownValue:
        """Return the value of an expression that only a run of the program would compute."""
        return make_unknown(node, self.locate(node))

    def count_step(self) -> None:
        """Count an evaluated expression or statement.

        Raises:
            UserDataError: the program needs too many steps.
        """
        self.step_count += 1
        if self.step_count > _MAX_STEPS:
            message = f"{self.block.source} repeats too many lines to be read without a run"
            raise UserDataError(message, "leave out the loops that do not build the network, and import again")

    def evaluate(self, node: ast.expr) -> Any:
        """Return the value of an expression."""
        self.count_step()
        method: Callable[[Any], Any] | None = getattr(self, f"evaluate_{type(node).__name__.lower()}", None)
        return self.make_unknown(node) if method is None else method(node)

    def evaluate_constant(self, node: ast.Constant) -> Any:
        """Return a number, a text, a truth value or None."""
        if isinstance(node.value, str):
            return replace_forbidden_characters(node.value)
        return node.value if isinstance(node.value, int | float | None) else self.make_unknown(node)

    def evaluate_name(self, node: ast.Name) -> Any:
        """Return the value of a variable, or the reference that an import or an earlier listing gives to a name."""
        for scope in reversed(self.scopes):
            if node.id in scope:
                return scope[node.id]
        if node.id == "__name__":
            return "__main__"
        if hasattr(builtins, node.id):
            return Reference(f"builtins.{node.id}", self.locate(node))
        path = KNOWN_NAMES.get(node.id)
        if path is None and self.star_modules:
            path = f"{self.star_modules[-1]}.{node.id}"
        return self.make_unknown(node) if path is None else Reference(path, self.locate(node))

    def evaluate_attribute(self, node: ast.Attribute) -> Any:
        """Return a name in a module, a method of a model, list or pipeline, or an unknown value."""
        owner = self.evaluate(node.value)
        if isinstance(owner, Reference):
            return Reference(f"{owner.path}.{node.attr}", self.locate(node))
        if isinstance(owner, ScriptModel):
            if node.attr in MODEL_METHODS:
                return ModelMethod(owner, node.attr)
            return list(owner.layers) if node.attr == "layers" else self.make_unknown(node)
        if isinstance(owner, list) and node.attr in _LIST_METHODS:
            return ListMethod(owner, node.attr)
        if isinstance(owner, DataPipeline):
            return PipelineMethod(owner, node.attr)
        if isinstance(owner, BalancedWeights) and node.attr == "tolist":
            return owner
        return self._combine_data(node, owner)

    def evaluate_list(self, node: ast.List) -> Any:
        """Return a list."""
        return list(self._iter_items(node.elts))

    def evaluate_tuple(self, node: ast.Tuple) -> Any:
        """Return a tuple."""
        return tuple(self._iter_items(node.elts))

    def _iter_items(self, nodes: Sequence[ast.expr]) -> Iterator[Any]:
        """Yield the items of a list; `*items` contributes each of its items."""
        for node in nodes:
            value = self.evaluate(node.value if isinstance(node, ast.Starred) else node)
            if isinstance(node, ast.Starred) and isinstance(value, list | tuple):
                yield from value
            else:
                yield self.make_unknown(node) if isinstance(node, ast.Starred) else value

    def evaluate_dict(self, node: ast.Dict) -> Any:
        """Return a mapping whose keys are known."""
        values: dict[Any, Any] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.evaluate(value_node)
            key = None if key_node is None else self.evaluate(key_node)
            if key_node is None and isinstance(value, dict):
                values |= value
            elif isinstance(key, str | int | float):
                values[key] = value
            else:
                return self.make_unknown(node)
        return values

    def evaluate_unaryop(self, node: ast.UnaryOp) -> Any:
        """Return a number with a sign, or a negated truth value."""
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            truth = get_truth(value)
            return self.make_unknown(node) if truth is None else not truth
        if isinstance(value, int | float) and isinstance(node.op, ast.USub | ast.UAdd):
            return -value if isinstance(node.op, ast.USub) else value
        result = compute_counts(operator.neg, [value], node) if isinstance(node.op, ast.USub) else None
        return result or self._combine_data(node, value)

    def evaluate_binop(self, node: ast.BinOp) -> Any:
        """Return the result of arithmetic, or of a sum of texts or lists."""
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        result = self.compute_operation(node.op, left, right)
        if result is None and isinstance(node.op, _COUNT_OPERATORS):
            result = compute_counts(OPERATORS[type(node.op)], [left, right], node)
        return self._combine_data(node, left, right) if result is None else result

    def compute_operation(self, operation: ast.operator, left: Any, right: Any) -> Any:
        """Return the result of an operation on two values; `None` if it is unknown or too large."""
        if isinstance(operation, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
            return left | right
        function = OPERATORS.get(type(operation))
        are_numbers = isinstance(left, int | float) and isinstance(right, int | float)
        are_sequences = type(left) is type(right) and isinstance(left, str | list | tuple)
        if function is None or not (are_numbers or (are_sequences and isinstance(operation, ast.Add))):
            is_repeated = isinstance(left, list | tuple) and isinstance(right, int) and isinstance(operation, ast.Mult)
            if not is_repeated or len(left) * max(right, 0) > MAX_ITEMS:
                return None
        if isinstance(operation, ast.Pow) and (abs(right) > _MAX_EXPONENT or abs(left) > _MAX_NUMBER):
            return None
        try:
            result = left * right if function is None else function(left, right)
        except (ArithmeticError, ValueError, TypeError):
            return None
        if isinstance(result, str | list | tuple):
            return result if len(result) <= MAX_ITEMS else None
        return result if isinstance(result, int | float) and abs(result) <= _MAX_NUMBER else None

    def _combine_data(self, node: ast.expr, *values: Any) -> Any:
        """Return a value that is computed from arrays of a dataset as such arrays, and another value as unknown.

        Arrays of equal length have a result of this length.
        """
        arrays = [value for value in values if isinstance(value, DatasetValue)]
        if not arrays:
            return self.make_unknown(node)
        sizes = {array.size for array in arrays}
        return DatasetValue(self.locate(node), ast.unparse(node), sizes.pop() if len(sizes) == 1 else None)

    def evaluate_boolop(self, node: ast.BoolOp) -> Any:
        """Return the value that decides a chain of `and` or `or`."""
        value: Any = None
        for operand in node.values:
            value = self.evaluate(operand)
            truth = get_truth(value)
            if truth is None:
                return self.make_unknown(node)
            if truth == isinstance(node.op, ast.Or):
                return value
        return value

    def evaluate_compare(self, node: ast.Compare) -> Any:
        """Return whether known values have a relation to each other."""
        left = self.evaluate(node.left)
        for operation, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(right_node)
            if not can_compare(left, operation, right):
                return self.make_unknown(node)
            try:
                if not OPERATORS[type(operation)](left, right):
                    return False
            except TypeError:
                return self.make_unknown(node)
            left = right
        return True

    def evaluate_ifexp(self, node: ast.IfExp) -> Any:
        """Return the value of the branch whose condition is known."""
        truth = get_truth(self.evaluate(node.test))
        return self.make_unknown(node) if truth is None else self.evaluate(node.body if truth else node.orelse)

    def evaluate_joinedstr(self, node: ast.JoinedStr) -> Any:
        """Return an f-string whose values are known."""
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
                continue
            value = self.evaluate(part.value) if isinstance(part, ast.FormattedValue) else None
            spec = self.evaluate(part.format_spec) if isinstance(part, ast.FormattedValue) and part.format_spec else ""
            if (
                not isinstance(value, str | int | float)
                or not isinstance(spec, str)
                or not _SIMPLE_FORMAT.fullmatch(spec)
            ):
                return self.make_unknown(node)
            try:
                parts.append(format(value, spec))
            except ValueError:
                return self.make_unknown(node)
        text = "".join(parts)
        return text if len(text) <= MAX_ITEMS else self.make_unknown(node)
