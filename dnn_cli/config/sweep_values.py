"""The values of a key in a sweep: a list, a range of whole numbers, or a range to draw from.

- `sgd,{type: sgd, momentum: 0.9}`: each of these
- `1..5`: 1, 2, 3, 4, 5
- `uniform(0, 0.5)`: any number between, each as likely
- `log(1e-4, 1e-1)`: any number between, each order of magnitude as likely
- `int(16, 256)`: any whole number between, both included

A text that was probably meant to list several values gets a suggestion.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from dnn_cli.config.overrides import TEXT_KEYS

_MAX_LIST_VALUES = 10_000
"""Values that one list may have."""

_INTEGER_RANGE = re.compile(r"\s*(-?\d{1,15})\s*\.\.\s*(-?\d{1,15})\s*")
_RANDOM_RANGE = re.compile(r"\s*(uniform|log|int)\s*\((.*)\)\s*", re.DOTALL)
_RANGE_NUMBERS_MESSAGE = "needs two numbers, the smaller first, as in {kind}({example})"
_RANGE_EXAMPLES = {"uniform": "0, 0.5", "log": "1e-4, 1e-1", "int": "16, 256"}


class ValuesError(Exception):
    """A text that stands for no values; the message says what is wrong."""


@dataclass(frozen=True)
class ValueChoice:
    """Some values, each as it would be typed in an override."""

    texts: tuple[str, ...]

    def value_at(self, share: float) -> str:
        """The value that stands at a share, from 0 to less than 1, of them."""
        return self.texts[int(share * len(self.texts))]

    @property
    def end_values(self) -> tuple[str, ...]:
        """All values."""
        return self.texts

    def __str__(self) -> str:
        return ",".join(self.texts)


@dataclass(frozen=True)
class ValueRange:
    """Numbers from `low` to `high`, to be drawn."""

    kind: Literal["uniform", "log", "int"]
    low: float
    high: float

    def value_at(self, share: float) -> str:
        """The number at a share, from 0 to 1, of the way; with four digits, which no learning rate needs more of."""
        if self.kind == "int":
            return str(min(int(self.low + share * (self.high - self.low + 1)), int(self.high)))
        if self.kind == "log":
            number = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            number = self.low + share * (self.high - self.low)
        return self.format_number(number)

    def format_number(self, number: float) -> str:
        """A number of the range as it would be typed."""
        return _format_short_number(
            number if self.kind == "int" else min(max(float(f"{number:.4g}"), self.low), self.high)
        )

    @property
    def end_values(self) -> tuple[str, ...]:
        """The smallest and the largest."""
        return self.value_at(0.0), self.value_at(1.0)

    def __str__(self) -> str:
        low, high = (
            _format_short_number(end) if self.kind != "int" else str(int(end)) for end in (self.low, self.high)
        )
        return f"{self.kind}({low}, {high})"


SweepValues = ValueChoice | ValueRange


def parse_values(text: str) -> SweepValues:
    """Return the values that a text on the command line stands for; a single value stands for itself.

    Raises:
        ValuesError: the text stands for no values, or for too many.
    """
    if drawn := _RANDOM_RANGE.fullmatch(text):
        return _parse_range(drawn[1], drawn[2])
    texts: list[str] = []
    for piece in split_at_commas(text):
        if _RANDOM_RANGE.fullmatch(piece):
            raise ValuesError(f"{piece.strip()} stands alone, not in a list")
        texts += _expand_integer_range(piece) or [piece.strip()]
    if not all(texts):
        raise ValuesError("has an empty value between its commas" if len(texts) > 1 else "has no value")
    if len(texts) > _MAX_LIST_VALUES:
        raise ValuesError(f"has {len(texts):,} values, and {_MAX_LIST_VALUES:,} are the most")
    return ValueChoice(tuple(dict.fromkeys(texts)))


def from_yaml_value(value: Any) -> SweepValues:
    """Return the values of a YAML value: a list stands for its items, a text is read as on the command line.

    Raises:
        ValuesError: the value stands for no values, or for too many.
    """
    if isinstance(value, list):
        items = [
            text
            for item in value
            for text in (_expand_integer_range(item) if isinstance(item, str) else None) or [format_as_yaml(item)]
        ]
        if not items:
            raise ValuesError("needs at least one value")
        return ValueChoice(tuple(dict.fromkeys(items)))
    if isinstance(value, str) and (_INTEGER_RANGE.fullmatch(value) or _RANDOM_RANGE.fullmatch(value)):
        return parse_values(value)
    return ValueChoice((format_as_yaml(value),))


def format_as_yaml(value: Any) -> str:
    """A plain value as it would be typed in an override."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _parse_range(kind: str, text: str) -> ValueRange:
    """Return the range to draw from that a text describes.

    Raises:
        ValuesError: the ends are not two numbers in order, or not of the kind of the range.
    """
    error = ValuesError(_RANGE_NUMBERS_MESSAGE.format(kind=kind, example=_RANGE_EXAMPLES[kind]))
    try:
        low, high = (int(end) if kind == "int" else float(end) for end in text.split(","))
    except ValueError:
        raise error from None
    if not (math.isfinite(low) and math.isfinite(high) and abs(low) < 1e15 and abs(high) < 1e15 and low < high):
        raise error
    if kind == "log" and low <= 0:
        raise ValuesError("the smaller number of log(…) must be greater than 0, as in log(1e-4, 0.1)")
    return ValueRange(kind, low, high)  # type: ignore[arg-type]


def _expand_integer_range(piece: str) -> list[str]:
    """Return the whole numbers of `1..5`, or no numbers if a part of the text is something else.

    Raises:
        ValuesError: the range counts backwards, or is too long.
    """
    match = _INTEGER_RANGE.fullmatch(piece)
    if match is None:
        return []
    low, high = int(match[1]), int(match[2])
    if high < low:
        raise ValuesError(f"{piece.strip()} counts backwards; write {high}..{low}")
    if high - low >= _MAX_LIST_VALUES:
        raise ValuesError(f"{piece.strip()} has {high - low + 1:,} values, and {_MAX_LIST_VALUES:,} are the most")
    return [str(number) for number in range(low, high + 1)]


def split_at_commas(text: str) -> list[str]:
    """A text cut at its commas, but not within brackets or quotes."""
    parts, open_brackets, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (open_brackets > 0 or not parts[-1].strip()):
            quote = character  # within a word it is an apostrophe
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
    """A number as short as it can be typed: 0.001, 1e-05, 3."""
    text = repr(float(number))
    return text.removesuffix(".0")


_OTHER_RANGE_NOTATION = re.compile(r"\s*(\d{1,15})\s*(?:-|–|:|to|\.\.\.|…|\.\.=)\s*(\d{1,15})\s*")
"""Two whole numbers with a sign between them that other programs use for a range."""

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
"""Functions of other programs that draw a number, with the name that a sweep gives to the same range."""

_LIST_FUNCTIONS = ("choice", "grid", "grid_search", "categorical")
"""Functions of other programs that list values."""


def _rewrite_range(text: str) -> str:
    """Return how a sweep writes a range of whole numbers or of numbers to draw; empty for every other text."""
    if match := _OTHER_RANGE_NOTATION.fullmatch(text):
        low, high = int(match[1]), int(match[2])
        return f"{low}..{high}" if low < high else ""
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
    """Return the numbers of Python's `range`, without its end; empty where the text inside is no whole numbers."""
    try:
        numbers = range(*map(int, inside.split(",")))
    except (TypeError, ValueError):
        return ""
    if not 1 < len(numbers) <= _MAX_LIST_VALUES:
        return ""
    return f"{numbers[0]}..{numbers[-1]}" if numbers.step == 1 else ",".join(map(str, numbers))


def _rewrite_list(inside: str) -> str:
    """Return the items of a list without its brackets; empty for fewer than two items."""
    items = [item.strip() for item in split_at_commas(inside)]
    return ",".join(items) if len(items) > 1 and all(items) else ""


def suggest_values(key: str, text: str, *, alone: bool = False) -> str:
    """Return how a sweep writes the values that a text was probably intended to list; empty where nothing is wrong.

    Args:
        key: The key, as `optimizer.learning_rate`.
        text: The value as it was typed.
        alone: Nothing else varies in the sweep, so that also a list in brackets and words with spaces are suspicious.
    """
    if key.rpartition(".")[2] in TEXT_KEYS:
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
    """Return the hint that shows how several values of a key are written."""
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
        return f"a range to draw from is {quoted_argument}"
    return (
        f"{_NUMBER_WORDS.get(seeds, seeds)} seeds are {quoted_argument}"
        if seeds
        else f"several values are {quoted_argument}"
    )


_NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}
