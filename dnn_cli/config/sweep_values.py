"""Values of a key in a sweep: a list, a range of whole numbers, or a range to draw from.

- `sgd,{type: sgd, momentum: 0.9}`: each of these
- `1..5`: 1, 2, 3, 4, 5
- `uniform(0, 0.5)`: any number between the ends, all equally likely
- `log(1e-4, 1e-1)`: any number between the ends, all orders of magnitude equally likely
- `1-log(0.001, 0.5)`: 1 − x for x from `log(0.001, 0.5)`, for numbers close to 1 such as momentum
- `int(16, 256)`: any whole number from one end to the other, both included

`suggest_values` suggests one of these notations for a text that was probably intended as several values.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import yaml

from dnn_cli.config.overrides import TEXT_KEYS

_MAX_LIST_VALUES = 10_000
"""Largest number of values in a list or in a range of whole numbers."""

_INTEGER_RANGE = re.compile(r"\s*(-?\d{1,15})\s*\.\.\s*(-?\d{1,15})\s*")
_RANDOM_RANGE = re.compile(r"\s*(uniform|log|int|1\s*-\s*log)\s*\((.*)\)\s*", re.DOTALL)
_RANGE_NUMBERS_MESSAGE = "needs two numbers, the smaller first, for example {kind}({example})"
_RANGE_EXAMPLES = {"uniform": "0, 0.5", "log": "1e-4, 1e-1", "int": "16, 256", "1-log": "0.001, 0.5"}


class ValuesError(Exception):
    """Error of a text or YAML value that is not a list or range of values."""


@dataclass(frozen=True)
class ValueChoice:
    """List of values. Each value is the text after `=` in an override."""

    texts: tuple[str, ...]

    def value_at(self, share: float) -> str:
        """Return the value at a relative position: `share` is 0 for the first value, and below 1 for the last."""
        return self.texts[int(share * len(self.texts))]

    @property
    def end_values(self) -> tuple[str, ...]:
        """All values of the list: a grid search tries them, and checks of the config use them."""
        return self.texts

    def __str__(self) -> str:
        return ",".join(self.texts)


@dataclass(frozen=True)
class ValueRange:
    """Range from which a search draws random numbers between `low` and `high`.

    The drawn number is the value, except with the kind `1-log`: there the value is 1 minus the drawn number.
    """

    kind: Literal["uniform", "log", "int", "1-log"]
    low: float
    high: float

    @property
    def is_logarithmic(self) -> bool:
        """Whether all orders of magnitude of the drawn number are equally likely."""
        return self.kind in ("log", "1-log")

    def value_at(self, share: float) -> str:
        """Return the value at a relative position, as text: `share` is 0 for the drawn number `low`, 1 for `high`.

        Drawn numbers that are not whole have four significant digits, which are enough for a learning rate.
        """
        if self.kind == "int":
            return str(min(int(self.low + share * (self.high - self.low + 1)), int(self.high)))
        if self.is_logarithmic:
            number = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            number = self.low + share * (self.high - self.low)
        return self.format_number(number)

    def format_number(self, number: float) -> str:
        """Return the value of a drawn number as text for an override. Numbers that are not whole are rounded."""
        if self.kind == "int":
            return _format_short_number(number)
        rounded = min(max(float(f"{number:.4g}"), self.low), self.high)
        # Decimal numbers keep the digits of 1 − x: a difference of binary fractions would add digits.
        return _format_short_number(float(1 - Decimal(repr(rounded))) if self.kind == "1-log" else rounded)

    def parse_number(self, text: str) -> float:
        """Return the drawn number of a value, a whole number with the kind `int`. The number may be out of the range.

        Raises:
            ValueError: the text is not a finite number.
        """
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ValueError(f"{text} is not a number") from None
        if not number.is_finite():
            raise ValueError(f"{text} is not a finite number")
        if self.kind == "int":
            return int(text)
        return float(1 - number if self.kind == "1-log" else number)

    def compute_share(self, text: str) -> float:
        """Return the relative position of a value: 0 for the drawn number `low`, and 1 for `high`.

        A whole number is in the middle of its part of the range. The position of a value out of the range is below 0 or
        above 1. It is infinite where a logarithm does not exist.

        Raises:
            ValueError: the text is not a finite number.
        """
        number = self.parse_number(text)
        if self.kind == "int":
            return (number - self.low + 0.5) / (self.high - self.low + 1)
        if not self.is_logarithmic:
            return (number - self.low) / (self.high - self.low)
        return math.log(number / self.low) / math.log(self.high / self.low) if number > 0 else -math.inf

    def describe(self, name: str) -> str:
        """Return a key with this range as text, such as `momentum 0.5 to 0.999 (log scale of 1 − momentum)`.

        Args:
            name: The short name of the key.
        """
        ends = sorted(self.end_values, key=float)
        scale = {"log": " (log scale)", "1-log": f" (log scale of 1 − {name})", "int": " (whole numbers)"}
        return f"{name} {ends[0]} to {ends[1]}{scale.get(self.kind, '')}"

    @property
    def end_values(self) -> tuple[str, ...]:
        """Values of the drawn numbers `low` and `high`, for checks of the config before a search."""
        return self.value_at(0.0), self.value_at(1.0)

    def __str__(self) -> str:
        low, high = (
            _format_short_number(end) if self.kind != "int" else str(int(end)) for end in (self.low, self.high)
        )
        return f"{self.kind}({low}, {high})"


SweepValues = ValueChoice | ValueRange


def parse_values(text: str) -> SweepValues:
    """Return the list or range that a text on the command line describes. A single value gives a list of one value.

    Raises:
        ValuesError: the text has an empty value, an invalid range, or too many values.
    """
    if drawn := _RANDOM_RANGE.fullmatch(text):
        return _parse_range("".join(drawn[1].split()), drawn[2])
    return ValueChoice(tuple(dict.fromkeys(parse_texts(text))))


def parse_texts(text: str) -> list[str]:
    """Return all values of a list on the command line as texts, equal values included.

    Raises:
        ValuesError: the text has an empty value, a range to draw from, or too many values.
    """
    # A comma alone is a value of keys such as `data.thousands`.
    if text.strip() == ",":
        return [","]
    texts: list[str] = []
    for piece in split_at_commas(text):
        if _RANDOM_RANGE.fullmatch(piece):
            raise ValuesError(f"{piece.strip()} cannot be part of a list")
        texts += _expand_integer_range(piece) or [piece.strip()]
    if not all(texts):
        raise ValuesError("has an empty value between its commas" if len(texts) > 1 else "has no value")
    if len(texts) > _MAX_LIST_VALUES:
        raise ValuesError(f"has {len(texts):,} values; the maximum is {_MAX_LIST_VALUES:,}")
    return texts


def from_yaml_value(value: Any) -> SweepValues:
    """Return the list or range of values that a YAML value describes.

    A list gives its items, and a text such as `1..5` its numbers. Any other value gives a list of one value.

    Raises:
        ValuesError: the list is empty, or a range is invalid or too long.
    """
    if isinstance(value, str) and _RANDOM_RANGE.fullmatch(value):
        return parse_values(value)
    return ValueChoice(tuple(dict.fromkeys(list_yaml_texts(value))))


def list_yaml_texts(value: Any) -> list[str]:
    """Return all values that a YAML value lists as texts, equal values included.

    Raises:
        ValuesError: the list is empty, or has a range to draw from or too many values.
    """
    if isinstance(value, list):
        items = [
            text
            for item in value
            for text in (_expand_integer_range(item) if isinstance(item, str) else None) or [format_as_yaml(item)]
        ]
        if not items:
            raise ValuesError("needs at least one value")
        return items
    if isinstance(value, str) and (_INTEGER_RANGE.fullmatch(value) or _RANDOM_RANGE.fullmatch(value)):
        return parse_texts(value)
    return [format_as_yaml(value)]


def format_as_yaml(value: Any) -> str:
    """Return a plain value as text for an override: YAML on a single line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _parse_range(kind: str, text: str) -> ValueRange:
    """Return a range of random numbers from its kind and the text of its two ends, such as `log` and `1e-4, 1e-1`.

    Raises:
        ValuesError: the ends are not two numbers in order, or do not suit the kind of the range.
    """
    error = ValuesError(_RANGE_NUMBERS_MESSAGE.format(kind=kind, example=_RANGE_EXAMPLES[kind]))
    try:
        low, high = (int(end) if kind == "int" else float(end) for end in text.split(","))
    except ValueError:
        raise error from None
    if not (math.isfinite(low) and math.isfinite(high) and abs(low) < 1e15 and abs(high) < 1e15 and low < high):
        raise error
    if kind == "log" and low <= 0:
        raise ValuesError("the smaller number of log(…) must be greater than 0, for example log(1e-4, 0.1)")
    if kind == "1-log" and (low <= 0 or high > 1):
        raise ValuesError("the numbers of 1-log(…) must be greater than 0 and at most 1, for example 1-log(0.001, 0.5)")
    return ValueRange(kind, low, high)  # type: ignore[arg-type]


def _expand_integer_range(piece: str) -> list[str]:
    """Return the whole numbers of a text such as `1..5`; an empty list for any other text.

    Raises:
        ValuesError: the range counts backwards, or is too long.
    """
    match = _INTEGER_RANGE.fullmatch(piece)
    if match is None:
        return []
    low, high = int(match[1]), int(match[2])
    if high < low:
        raise ValuesError(f"{piece.strip()} is a decreasing range; write {high}..{low}")
    if high - low >= _MAX_LIST_VALUES:
        raise ValuesError(f"{piece.strip()} has {high - low + 1:,} values; the maximum is {_MAX_LIST_VALUES:,}")
    return [str(number) for number in range(low, high + 1)]


def split_at_commas(text: str) -> list[str]:
    """Split a text at its commas, except commas within brackets or quotes."""
    parts, open_brackets, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (open_brackets > 0 or not parts[-1].strip()):
            # At the start of a part or within brackets this is a quote. Elsewhere it is an apostrophe.
            quote = character
        elif character in "([{":
            open_brackets += 1
        elif character in ")]}":
            open_brackets -= 1
        elif character == "," and open_brackets <= 0:
            parts.append("")
            continue
        parts[-1] += character
    return parts


def _format_short_number(number: float) -> str:
    """Return the shortest text of a number: 0.001, 1e-05, 3."""
    text = repr(float(number))
    return text.removesuffix(".0")


_OTHER_RANGE_NOTATION = re.compile(r"\s*(\d{1,15})\s*(?:-|–|:|to|\.\.\.|…|\.\.=)\s*(\d{1,15})\s*")
"""Pattern of a range of whole numbers in the notations of other programs, such as `1-5`, `1:5` and `1 to 5`."""

_ONE_MINUS = re.compile(r"\s*1\s*-\s*(?=[A-Za-z_])")
"""Pattern of the beginning of a range close to 1, such as `1 - loguniform(0.001, 0.5)`."""

_FUNCTION_CALL = re.compile(r"\s*([A-Za-z_.]+)\s*\((.*)\)\s*", re.DOTALL)

_RANGE_FUNCTIONS = {
    "loguniform": "log",
    "log_uniform": "log",
    "log": "log",
    "uniform": "uniform",
    "interval": "uniform",
    "randint": "int",
    "randrange": "int",
}
"""Kinds of ranges in a sweep, by the function with which other programs draw such numbers: `loguniform(…)`."""

_LIST_FUNCTIONS = ("choice", "grid", "grid_search", "categorical")
"""Functions with which other programs list values: `choice([1, 2])`."""


def _rewrite_range(text: str) -> str:
    """Return a list or range of another program in the notation of a sweep: `range(1, 6)` becomes `1..5`.

    Other examples are `1-5` and `choice([1, 2])`. The result is empty for any other text.
    """
    if match := _OTHER_RANGE_NOTATION.fullmatch(text):
        low, high = int(match[1]), int(match[2])
        return f"{low}..{high}" if low < high else ""
    if match := _ONE_MINUS.match(text):
        rewritten = _rewrite_range(text[match.end() :])
        return f"1-{rewritten}" if rewritten.startswith("log(") else ""
    match = _FUNCTION_CALL.fullmatch(text)
    name, inside = (match[1].rpartition(".")[2].lower(), match[2]) if match else ("", "")
    if name == "range":
        return _rewrite_python_range(inside)
    if name in _LIST_FUNCTIONS:
        return _rewrite_list(inside)
    if name in _RANGE_FUNCTIONS and name not in _RANGE_EXAMPLES:
        try:
            return str(_parse_range(_RANGE_FUNCTIONS[name], inside))
        except ValuesError:
            return f"{_RANGE_FUNCTIONS[name]}({_RANGE_EXAMPLES[_RANGE_FUNCTIONS[name]]})"
    return ""


def _rewrite_python_range(inside: str) -> str:
    """Return the numbers of Python's `range` in the notation of a sweep: `1..5` for the arguments `1, 6`.

    The text is empty for arguments that are not whole numbers, and for fewer than two or more than 10,000 numbers.
    """
    try:
        numbers = range(*map(int, inside.split(",")))
    except (TypeError, ValueError):
        return ""
    if not 1 < len(numbers) <= _MAX_LIST_VALUES:
        return ""
    return f"{numbers[0]}..{numbers[-1]}" if numbers.step == 1 else ",".join(map(str, numbers))


def _rewrite_list(inside: str) -> str:
    """Return the items of a list as values of a sweep, for a suggestion: `[1, 2]` becomes `1,2`.

    The result is empty for fewer than two items, because a suggestion needs several values. The result is also empty
    if an item is empty.

    Args:
        inside: The text between the brackets, such as `1, 2`.
    """
    items = [item.strip() for item in split_at_commas(inside)]
    return ",".join(items) if len(items) > 1 and all(items) else ""


def suggest_values(key: str, text: str, *, alone: bool = False) -> str:
    """Return the values that a text was probably intended to list, in the notation of a sweep.

    `range(1, 6)` gives `1..5`. The result is empty for a text that was probably intended as a single value.

    Args:
        key: The key, such as `optimizer.learning_rate`.
        text: The value on the command line or in the sweep file.
        alone: Whether several values are expected here. Brackets and words with spaces then count as a list, too.
    """
    if key.rpartition(".")[2] in TEXT_KEYS or _RANDOM_RANGE.fullmatch(text):
        return ""
    parts = split_at_commas(text)
    rewritten = [_rewrite_range(part) for part in parts]
    if any(rewritten) and (alone or key == "seed" or _FUNCTION_CALL.search(text)):
        return ",".join(new or old.strip() for new, old in zip(rewritten, parts, strict=True))
    bracketed = re.fullmatch(r"\s*[\[(](.*)[\])]\s*", text, re.DOTALL)
    if bracketed and (alone or key == "seed"):
        return _rewrite_list(bracketed[1])
    if alone and text.strip()[:1] not in ("{", "[", "'", '"'):
        words = [word for word in re.split(r"[\s;|]+", text) if word]
        return ",".join(words) if len(words) > 1 else ""
    return ""


def format_values_hint(key: str, values: str) -> str:
    """Return a suggestion with several values of a key: `for several values, write epochs=5,10`."""
    seeds = (
        sum(len(_expand_integer_range(part)) or 1 for part in split_at_commas(values))
        if key == "seed" and "(" not in values
        else 0
    )
    argument = f"{key}={values}"
    quoted_argument = (
        argument if _INTEGER_RANGE.fullmatch(values) or re.fullmatch(r"[\w.,=+-]+", argument) else f"'{argument}'"
    )
    if values.startswith(tuple(f"{kind}(" for kind in _RANGE_EXAMPLES)):
        return f"for a range to draw from, write {quoted_argument}"
    return (
        f"for {_NUMBER_WORDS.get(seeds, seeds)} seeds, write {quoted_argument}"
        if seeds
        else f"for several values, write {quoted_argument}"
    )


_NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}
