"""Translation of Python code to YAML: `Adam(0.01)` becomes `{type: adam, learning_rate: 0.01}`, `(3, 3)` a list."""

import ast
import re
import warnings
from typing import Any

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.keras_names import RENAMED_KEYS
from dnn_cli.config.optimizers import BaseOptimizer
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, get_kind_at

_MAX_CHARACTERS = 200
"""Maximum number of characters of code that is translated."""

_OPEN_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
_PYTHON_CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)", re.DOTALL)


def translate_call(text: str, kind: str) -> Any:
    """Return a call of a Keras class as a value of a config: a name, or a mapping with a type.

    `max_norm(1.)` becomes `{type: max_norm, max_value: 1.0}`. The result is `None` for any other text.
    """
    if not _PYTHON_CALL.fullmatch(text):
        return None
    try:
        code = _parse_expression(text)
        return _translate_call_node(code, kind) if isinstance(code, ast.Call) else None
    # An argument may be an expression, or the name of an unknown class.
    except (ValueError, TypeError):
        return None


def find_cut_calls(items: list[Any]) -> dict[int, str]:
    """Return the calls of Python that YAML has cut at their commas, by the index of their first item.

    `[Dense(9, activation='relu')]` has the items `Dense(9` and `activation='relu')`. Later items of a call have an
    empty text.
    """
    calls: dict[int, str] = {}
    for start, item in enumerate(items):
        if start in calls or not isinstance(item, str) or not _OPEN_CALL.match(item):
            continue
        text, end = item, start + 1
        while text.count("(") > text.count(")") and end < len(items) and len(text) <= _MAX_CHARACTERS:
            text, end = f"{text}, {items[end]}", end + 1
        if end > start + 1 and text.endswith(")"):
            calls |= {start: text, **dict.fromkeys(range(start + 1, end), "")}
    return calls


def parse_python_value(text: str) -> Any:
    """Return the value of a Python literal, with tuples as lists; `None` for any other text."""
    try:
        return _translate_argument(_parse_expression(text), "")
    except (ValueError, TypeError):
        return None


def _parse_expression(text: str) -> ast.expr:
    """Return the syntax tree of a Python expression.

    Raises:
        ValueError: the text is not an expression, or is too long.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ValueError
    try:
        with warnings.catch_warnings():
            # Python warns about invalid escapes in a text.
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError from None


def _translate_call_node(call: ast.Call, kind: str) -> Any:
    """Return a call as a name, or as a mapping with a type and arguments.

    Raises:
        ValueError: the kind has no such class, or an argument is not a literal or a call.
    """
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    name = SPELLINGS.get(kind, {}).get(name, name)
    cls = CLASSES_BY_KIND.get(kind, {}).get(name)
    positional = list_positional_arguments(cls) if cls else ()
    if cls is None or len(call.args) > len(positional):
        raise ValueError
    nodes = [*zip(positional, call.args, strict=False), *((str(word.arg), word.value) for word in call.keywords)]
    arguments = {key: _translate_argument(node, get_kind_at((key,))) for key, node in nodes}
    return {"type": name, **rename_old_arguments(arguments, cls)} if arguments else name


def _translate_argument(node: ast.expr, kind: str) -> Any:
    """Return the value of a literal or of a call of a class of a kind.

    Raises:
        ValueError: the code is neither a literal nor such a call, or YAML has no such value.
    """
    if isinstance(node, ast.Call):
        return _translate_call_node(node, kind)
    if isinstance(node, ast.Tuple | ast.List):
        return [_translate_argument(item, kind) for item in node.elts]
    value = ast.literal_eval(node)
    if not isinstance(value, str | int | float | None):
        raise ValueError
    return value


def rename_old_arguments(arguments: dict[str, Any], cls: type[KerasConfig]) -> dict[str, Any]:
    """Return the arguments for a class, with names from older versions of Keras replaced by current names.

    In older versions, `decay` divided the learning rate by 1 + decay × step. `decay` becomes
    the schedule `InverseTimeDecay`.
    """
    names = {key: RENAMED_KEYS.get(key, key) if key not in cls.model_fields else key for key in arguments}
    renamed_arguments = {name if name in cls.model_fields else key: arguments[key] for key, name in names.items()}
    decay, default = renamed_arguments.get("decay"), cls.model_fields.get("learning_rate")
    rate = renamed_arguments.get("learning_rate", default and default.default)
    if not issubclass(cls, BaseOptimizer) or not isinstance(decay, float) or not isinstance(rate, float):
        return renamed_arguments
    del renamed_arguments["decay"]
    schedule = {"type": "InverseTimeDecay", "initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
    return renamed_arguments | {"learning_rate": schedule if decay else rate}


def list_positional_arguments(cls: type[KerasConfig]) -> tuple[str, ...]:
    """Return the names of the arguments that calls of a Keras class usually pass by position, in Keras's order."""
    if issubclass(cls, BaseOptimizer):
        return ("learning_rate",)
    if cls in CLASSES_BY_KIND["metric"].values():
        return ()
    needed = [name for name in cls.get_field_order() if cls.model_fields[name].is_required()]
    own_fields = [name for name in cls.__annotations__ if name in cls.model_fields and name != "type"]
    return tuple(needed or own_fields[:2])
