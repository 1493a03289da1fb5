"""What stands for several values of a key: a list, a range of whole numbers, or a range to draw from.

- `sgd,{type: sgd, momentum: 0.9}`: each of these
- `1..5`: 1, 2, 3, 4, 5
- `uniform(0, 0.5)`: any number between, each as likely
- `log(1e-4, 1e-1)`: any number between, each order of magnitude as likely
- `int(16, 256)`: any whole number between, both included
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import yaml

MOST = 10_000
"""Values that one list may have."""

RANGE = re.compile(r"\s*(-?\d{1,15})\s*\.\.\s*(-?\d{1,15})\s*")
DRAWN = re.compile(r"\s*(uniform|log|int)\s*\((.*)\)\s*", re.DOTALL)
NO_NUMBERS = "needs two numbers, the smaller first, as in {kind}({example})"
EXAMPLES = {"uniform": "0, 0.5", "log": "1e-4, 1e-1", "int": "16, 256"}


class NoValues(Exception):
    """A text that stands for no values; the message says what is wrong."""


@dataclass(frozen=True)
class Choice:
    """Some values, each as it would be typed in an override."""

    texts: tuple[str, ...]

    def at(self, share: float) -> str:
        """The value that stands at a share, from 0 to less than 1, of them."""
        return self.texts[int(share * len(self.texts))]

    @property
    def ends(self) -> tuple[str, ...]:
        """All values."""
        return self.texts

    def __str__(self) -> str:
        return ",".join(self.texts)


@dataclass(frozen=True)
class Between:
    """Numbers from `low` to `high`, to be drawn."""

    kind: Literal["uniform", "log", "int"]
    low: float
    high: float

    def at(self, share: float) -> str:
        """The number at a share, from 0 to 1, of the way; with four digits, which no learning rate needs more of."""
        if self.kind == "int":
            return str(min(int(self.low + share * (self.high - self.low + 1)), int(self.high)))
        if self.kind == "log":
            number = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            number = self.low + share * (self.high - self.low)
        return self.text(number)

    def text(self, number: float) -> str:
        """A number of the range as it would be typed."""
        return number_text(number if self.kind == "int" else min(max(float(f"{number:.4g}"), self.low), self.high))

    @property
    def ends(self) -> tuple[str, ...]:
        """The smallest and the largest."""
        return self.at(0.0), self.at(1.0)

    def __str__(self) -> str:
        low, high = (number_text(end) if self.kind != "int" else str(int(end)) for end in (self.low, self.high))
        return f"{self.kind}({low}, {high})"


Values = Choice | Between


def read_values(text: str) -> Values:
    """The values that a text on the command line stands for; a single one for itself.

    Raises:
        NoValues: it stands for none, or for too many.
    """
    if drawn := DRAWN.fullmatch(text):
        return between(drawn[1], drawn[2])
    texts: list[str] = []
    for piece in pieces(text):
        if DRAWN.fullmatch(piece):
            raise NoValues(f"{piece.strip()} stands alone, not in a list")
        texts += counted(piece) or [piece.strip()]
    if not all(texts):
        raise NoValues("has an empty value between its commas" if len(texts) > 1 else "has no value")
    if len(texts) > MOST:
        raise NoValues(f"has {len(texts):,} values, and {MOST:,} are the most")
    return Choice(tuple(dict.fromkeys(texts)))


def values_of(value: Any) -> Values:
    """The same for a value of a YAML file: a list stands for its items, a text for what it would on the command line.

    Raises:
        NoValues: as there.
    """
    if isinstance(value, list):
        items = [text for item in value for text in (counted(item) if isinstance(item, str) else None) or [typed(item)]]
        if not items:
            raise NoValues("needs at least one value")
        return Choice(tuple(dict.fromkeys(items)))
    if isinstance(value, str) and (RANGE.fullmatch(value) or DRAWN.fullmatch(value)):
        return read_values(value)
    return Choice((typed(value),))


def typed(value: Any) -> str:
    """A plain value as it would be typed in an override."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def between(kind: str, text: str) -> Between:
    """A range to draw from.

    Raises:
        NoValues: its ends are not two numbers in order, or not of its kind.
    """
    wrong = NoValues(NO_NUMBERS.format(kind=kind, example=EXAMPLES[kind]))
    try:
        low, high = (int(end) if kind == "int" else float(end) for end in text.split(","))
    except ValueError:
        raise wrong from None
    if not (math.isfinite(low) and math.isfinite(high) and abs(low) < 1e15 and abs(high) < 1e15 and low < high):
        raise wrong
    if kind == "log" and low <= 0:
        raise NoValues("the smaller number of log(…) must be greater than 0, as in log(1e-4, 0.1)")
    return Between(kind, low, high)  # type: ignore[arg-type]


def counted(piece: str) -> list[str]:
    """The whole numbers of `1..5`; none where a piece is something else.

    Raises:
        NoValues: it counts backwards, or too far.
    """
    found = RANGE.fullmatch(piece)
    if found is None:
        return []
    low, high = int(found[1]), int(found[2])
    if high < low:
        raise NoValues(f"{piece.strip()} counts backwards; write {high}..{low}")
    if high - low >= MOST:
        raise NoValues(f"{piece.strip()} has {high - low + 1:,} values, and {MOST:,} are the most")
    return [str(number) for number in range(low, high + 1)]


def pieces(text: str) -> list[str]:
    """A text cut at its commas, but not within brackets or quotes."""
    found, open_brackets, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (open_brackets > 0 or not found[-1].strip()):
            quote = character  # within a word it is an apostrophe
        elif character in "([{":
            open_brackets += 1
        elif character in ")]}":
            open_brackets -= 1
        elif character == "," and open_brackets <= 0:
            found.append("")
            continue
        found[-1] += character
    return found


def number_text(number: float) -> str:
    """A number as short as it can be typed: 0.001, 1e-05, 3."""
    text = repr(float(number))
    return text.removesuffix(".0")
