"""Reading of scripts and notebooks: the network and its training, from the statements in their order.

Statements are never run. Loops over known lists, functions of the program and known conditions are followed.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from dnn_cli.errors import UserDataError
from dnn_cli.keras_import.data_pipelines import list_batch_sizes
from dnn_cli.keras_import.keras_program import KerasObject, UnknownValue
from dnn_cli.keras_import.script_calls import CallReader
from dnn_cli.keras_import.script_code import CodeBlock
from dnn_cli.keras_import.script_expressions import MODEL_METHODS
from dnn_cli.keras_import.script_operators import get_truth
from dnn_cli.keras_import.script_values import (
    DatasetValue,
    LoopSignal,
    Reference,
    ReturnSignal,
    ScriptClass,
    ScriptFunction,
    ScriptModel,
    shorten_code,
)
from dnn_cli.keras_import.written_code import find_warmup_arguments

_MAX_CALL_DEPTH = 20
"""Largest depth of calls of functions of the program."""


class ScriptReader(CallReader):
    """Reader of statements."""

    def __init__(self) -> None:
        super().__init__()
        self.batch_sizes: set[int] = set()
        """Sizes of the batches into which `tf.data` divides examples: 64 for `.batch(64)`."""

    def read_blocks(self, blocks: Iterable[CodeBlock]) -> None:
        """Read the statements of a script, or of all cells of a notebook.

        Raises:
            UserDataError: the program is nested too deeply, or repeats too many lines.
        """
        for block in blocks:
            self.block = block
            try:
                self.read_statements(block.statements)
                sizes = map(self.evaluate, list_batch_sizes(block.statements))
                self.batch_sizes |= {size for size in sizes if isinstance(size, int)}
            except RecursionError:
                raise UserDataError(f"{block.source} is nested too deeply", "import a shorter program") from None
            except (ReturnSignal, LoopSignal):
                continue

    def read_statements(self, statements: Sequence[ast.stmt]) -> None:
        """Read statements in their order. Statements of other kinds, such as `assert`, change nothing."""
        for statement in statements:
            self.count_step()
            method = getattr(self, f"read_{type(statement).__name__.lower()}", None)
            if method is not None:
                method(statement)

    def read_import(self, node: ast.Import) -> None:
        """Store the names of imported modules."""
        for alias in node.names:
            path = alias.name if alias.asname else alias.name.partition(".")[0]
            self.scopes[-1][alias.asname or path] = Reference(path, self.locate(node))

    def read_importfrom(self, node: ast.ImportFrom) -> None:
        """Store the names that a module provides."""
        for alias in node.names:
            if alias.name == "*":
                self.star_modules.append(node.module or "")
            else:
                path = f"{node.module}.{alias.name}" if node.module else alias.name
                self.scopes[-1][alias.asname or alias.name] = Reference(path, self.locate(node))

    def read_expr(self, node: ast.Expr) -> None:
        """Evaluate an expression, such as a call of a method."""
        self.evaluate(node.value)

    def read_assign(self, node: ast.Assign) -> None:
        """Store a value in variables."""
        value = self.evaluate(node.value)
        for target in node.targets:
            self._store(target, value)

    def read_annassign(self, node: ast.AnnAssign) -> None:
        """Store a value in a variable with a type."""
        if node.value is not None:
            self._store(node.target, self.evaluate(node.value))

    def evaluate_namedexpr(self, node: ast.NamedExpr) -> Any:
        """Store a value within an expression, and return the value."""
        value = self.evaluate(node.value)
        self._store(node.target, value)
        return value

    def read_augassign(self, node: ast.AugAssign) -> None:
        """Store the result of an operation on a variable, such as `n += 1`."""
        if not isinstance(node.target, ast.Name):
            return
        left, right = self.evaluate(node.target), self.evaluate(node.value)
        if isinstance(left, list) and isinstance(right, list | tuple) and isinstance(node.op, ast.Add):
            left.extend(right)
            return
        result = self.compute_operation(node.op, left, right)
        self._store(node.target, self._combine_data(node.value, left) if result is None else result)

    def _store(self, target: ast.expr, value: Any) -> None:
        """Store a value in a variable, or its items in several variables."""
        if isinstance(target, ast.Name):
            self.scopes[-1][target.id] = value
            if isinstance(value, ScriptModel):
                value.variable = target.id
        elif isinstance(target, ast.Tuple | ast.List):
            is_known = isinstance(value, list | tuple) and len(value) == len(target.elts)
            items = value if is_known else [self._get_item(value, inner) for inner in target.elts]
            for inner, item in zip(target.elts, items, strict=True):
                self._store(inner.value if isinstance(inner, ast.Starred) else inner, item)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self._store_part(target)

    def _get_item(self, value: Any, node: ast.expr) -> Any:
        """Return an item of a value whose items are unknown: an array of a dataset has such arrays as items."""
        return value if isinstance(value, DatasetValue) else self.make_unknown(node)

    def _store_part(self, target: ast.Attribute | ast.Subscript) -> None:
        """Add an issue for a changed attribute of a model or of a layer."""
        owner: ast.expr = target
        while isinstance(owner, ast.Attribute | ast.Subscript):
            owner = owner.value
        value = self.evaluate(owner)
        if isinstance(value, ScriptModel | KerasObject):
            message = f"{ast.unparse(target)} is changed after the layer or model was built"
            self.add_issue(value, self.locate(target), message, "write the value as an argument, and import again")

    def read_functiondef(self, node: ast.FunctionDef) -> None:
        """Store a function of the program."""
        self.scopes[-1][node.name] = self._build_function(node)

    def evaluate_lambda(self, node: ast.Lambda) -> Any:
        """Return a function without a name."""
        return self._build_function(node)

    def _build_function(self, node: ast.FunctionDef | ast.Lambda) -> ScriptFunction:
        """Return a function with the values of its default arguments."""
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        defaults = dict(
            zip(names[len(names) - len(node.args.defaults) :], map(self.evaluate, node.args.defaults), strict=True)
        )
        for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if default is not None:
                defaults[argument.arg] = self.evaluate(default)
        return ScriptFunction(node, defaults, self.locate(node))

    def run_function(self, function: ScriptFunction, positional: list[Any], arguments: dict[str, Any]) -> Any:
        """Return the result of a function of the program, whose statements are read with its arguments."""
        node = function.node
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        unknown = {name: UnknownValue(name, self.locate(node)) for name in names}
        scope = {**unknown, **function.defaults, **dict(zip(names, positional, strict=False))}
        scope |= {name: value for name, value in arguments.items() if name in names}
        if node.args.vararg:
            scope[node.args.vararg.arg] = tuple(positional[len(names) - len(node.args.kwonlyargs) :])
        if node.args.kwarg:
            scope[node.args.kwarg.arg] = {name: value for name, value in arguments.items() if name not in names}
        if len(self.scopes) > _MAX_CALL_DEPTH:
            return self.make_unknown(node.body if isinstance(node, ast.Lambda) else node.body[0])
        self.scopes.append(scope)
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body)
            self.read_statements(node.body)
        except ReturnSignal as signal:
            return signal.value
        finally:
            self.scopes.pop()
        return None

    def read_return(self, node: ast.Return) -> None:
        """End a function of the program with a value."""
        raise ReturnSignal(None if node.value is None else self.evaluate(node.value))

    def read_break(self, node: ast.Break) -> None:
        """End a loop."""
        raise LoopSignal(ends_loop=True)

    def read_continue(self, node: ast.Continue) -> None:
        """Continue a loop with its next item."""
        raise LoopSignal(ends_loop=False)

    def read_classdef(self, node: ast.ClassDef) -> None:
        """Store a class of the program, whose statements are not read."""
        scope = self.scopes[-1]
        scope[node.name] = ScriptClass(node.name, self.locate(node), find_warmup_arguments(node, scope))

    def read_with(self, node: ast.With) -> None:
        """Read the statements of a block."""
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self._store(item.optional_vars, value)
        self.read_statements(node.body)

    def read_try(self, node: ast.Try) -> None:
        """Read the statements of a block without its handlers of errors."""
        self.read_statements([*node.body, *node.orelse, *node.finalbody])

    def read_if(self, node: ast.If) -> None:
        """Read the branch whose condition is known. A branch of an unknown condition may not change a model."""
        truth = get_truth(self.evaluate(node.test))
        if truth is None:
            self._skip_statements([*node.body, *node.orelse], node.test)
        else:
            self.read_statements(node.body if truth else node.orelse)

    def read_while(self, node: ast.While) -> None:
        """Skip a loop whose number of repetitions is unknown."""
        self._skip_statements(node.body, node.test)

    def read_for(self, node: ast.For) -> None:
        """Read the statements of a loop for each item of a known list."""
        items = self.evaluate(node.iter)
        items = list(items) if isinstance(items, dict | str) else items
        if not isinstance(items, list | tuple):
            self._skip_statements([*node.body, *node.orelse], node.iter)
            return
        for item in list(items):
            self._store(node.target, item)
            try:
                self.read_statements(node.body)
            except LoopSignal as signal:
                if signal.ends_loop:
                    return
        self.read_statements(node.orelse)

    def evaluate_listcomp(self, node: ast.ListComp) -> Any:
        """Return the list of a comprehension over known lists."""
        items: list[Any] = []
        self.scopes.append({})
        try:
            is_known = self._add_items(node.generators, node.elt, items)
        finally:
            self.scopes.pop()
        return items if is_known else self.make_unknown(node)

    def evaluate_generatorexp(self, node: ast.GeneratorExp) -> Any:
        """Return the values of a generator over known lists."""
        return self.evaluate_listcomp(ast.copy_location(ast.ListComp(node.elt, node.generators), node))

    def _add_items(self, generators: Sequence[ast.comprehension], element: ast.expr, items: list[Any]) -> bool:
        """Add the values of a comprehension to a list, and return whether all of its lists are known."""
        if not generators:
            items.append(self.evaluate(element))
            return True
        values = self.evaluate(generators[0].iter)
        if not isinstance(values, list | tuple):
            return False
        for value in values:
            self._store(generators[0].target, value)
            conditions = [get_truth(self.evaluate(test)) for test in generators[0].ifs]
            if None in conditions:
                return False
            if all(conditions) and not self._add_items(generators[1:], element, items):
                return False
        return True

    def _skip_statements(self, statements: Sequence[ast.stmt], reason: ast.expr) -> None:
        """Skip statements that depend on an unknown value, and make the variables that they change unknown.

        Statements that change a model are an issue.
        """
        for statement in statements:
            for node in ast.walk(statement):
                self.count_step()
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    self.scopes[-1][node.id] = self.make_unknown(node)
                elif (model := self._find_changed_model(node)) is not None:
                    message = f"{shorten_code(node)} depends on {shorten_code(reason)}, which only a run computes"
                    hint = "write the lines without the condition or loop, and import again"
                    self.add_issue(model, self.locate(node), message, hint)

    def _find_changed_model(self, node: ast.AST) -> ScriptModel | None:
        """Return the known model that a call of a method changes; `None` for any other part of the program."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        owner = node.func.value
        if not isinstance(owner, ast.Name) or node.func.attr not in MODEL_METHODS:
            return None
        values = (scope[owner.id] for scope in reversed(self.scopes) if owner.id in scope)
        return next((value for value in values if isinstance(value, ScriptModel)), None)
