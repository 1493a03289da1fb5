"""Numbers that a program computes from the number of its examples, such as the steps of an epoch.

The number of examples is known for the arrays of built-in datasets. For other arrays, each number is computed for
several possible numbers of examples, which suffices to recognize the steps of one pass over the data.
"""

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dnn_cli.keras_import.script_values import DatasetValue

_POSSIBLE_COUNTS = (50, 997, 1000, 1024, 54_321, 60_000)
"""Numbers of examples for which a number is computed: with and without a remainder for usual batch sizes."""

_MAX_NUMBER = 10**15

_ROUNDING_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "builtins.int": int,
    "builtins.round": round,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "numpy.ceil": math.ceil,
    "numpy.floor": math.floor,
}


@dataclass(frozen=True)
class ExampleCount(DatasetValue):
    """Number that depends on the number of examples of an array."""

    values: tuple[float, ...] = _POSSIBLE_COUNTS
    """Number for each possible number of examples."""

    known_value: float | None = None
    """Number for the examples of the array; `None` if the length of the array is unknown."""

    @property
    def share(self) -> float | None:
        """Share of the examples, rounded to hundredths; `None` for a number that is not a share."""
        shares = {round(value / count, 2) for value, count in zip(self.values, _POSSIBLE_COUNTS, strict=True)}
        return shares.pop() if len(shares) == 1 else None


def count_examples(array: Any, node: ast.AST) -> ExampleCount:
    """Return the number of examples of an array, which `node` computes."""
    size = array.size if isinstance(array, DatasetValue) else None
    return ExampleCount(array.location, ast.unparse(node), size=size, known_value=size)


def compute_counts(function: Callable[..., Any], operands: Iterable[Any], node: ast.AST) -> ExampleCount | None:
    """Return the result of a function of numbers of which some depend on the number of examples.

    The result is `None` if an operand is another value, or the function has no result for an operand.
    """
    values = list(operands)
    counts = [value for value in values if isinstance(value, ExampleCount)]
    if not counts or not all(isinstance(value, int | float | ExampleCount) for value in values):
        return None
    rows = [
        [value.values[index] if isinstance(value, ExampleCount) else value for value in values]
        for index in range(len(_POSSIBLE_COUNTS))
    ]
    known_values = [value.known_value if isinstance(value, ExampleCount) else value for value in values]
    try:
        results = tuple(function(*row) for row in rows)
        known_value = None if None in known_values else function(*known_values)
    except (ArithmeticError, ValueError, TypeError):
        return None
    numbers = results if known_value is None else (*results, known_value)
    if not all(isinstance(number, int | float) and abs(number) <= _MAX_NUMBER for number in numbers):
        return None
    return replace(counts[0], code=ast.unparse(node), values=results, known_value=known_value)


def round_count(path: str, positional: list[Any], node: ast.AST) -> ExampleCount | None:
    """Return the result of a function that rounds a number of examples; `None` for another function or value."""
    function = _ROUNDING_FUNCTIONS.get(path)
    return None if function is None or len(positional) != 1 else compute_counts(function, positional, node)


def is_one_pass(steps: Any, batch_size: int, examples: int | None, *, has_last_batch: bool) -> bool:
    """Return whether steps of an epoch are one pass over the examples.

    Args:
        steps: The number of steps.
        batch_size: The batch size.
        examples: The number of training examples; `None` if it is unknown.
        has_last_batch: Whether the last, smaller batch is part of the pass.
    """
    known_steps = steps.known_value if isinstance(steps, ExampleCount) else steps
    if isinstance(known_steps, int | float) and abs(known_steps) <= _MAX_NUMBER and examples is not None:
        pairs: Iterable[tuple[float, int]] = [(known_steps, examples)]
    elif isinstance(steps, ExampleCount):
        pairs = zip(steps.values, _POSSIBLE_COUNTS, strict=True)
    else:
        return False
    sign = -1 if has_last_batch else 1
    # A division such as len(X) / 64 can have a remainder.
    return all(math.floor(value) == sign * (sign * count // batch_size) for value, count in pairs)
