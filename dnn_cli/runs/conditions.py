"""Conditions on runs: comparisons of a field with values, and what joins them."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dnn_cli.errors import QueryError
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import ABSENT, ALL_FIELDS, getter, is_known, natural, nearest_field

INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
DURATION = re.compile(r"([0-9]+\.?[0-9]*)([smhdw])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

TIMES = ("started", "ended")
MOMENT = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?", re.ASCII)
"""A time, or its beginning: what is not said of it is not compared."""

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

WINDOW = 70
"""So many characters are shown of a query that has a fault."""


@dataclass(frozen=True)
class Literal:
    """A value in a query: a text in quotes, or a word that may stand for a number, a duration or a truth."""

    text: str
    place: int = 0
    quoted: bool = False

    @cached_property
    def number(self) -> int | float | None:
        """The number that a word stands for; durations are seconds."""
        if self.quoted:
            return None
        if INTEGER.fullmatch(self.text):
            return int(self.text)
        if FLOAT.fullmatch(self.text):
            return float(self.text)
        found = DURATION.fullmatch(self.text)
        return float(found[1]) * UNITS[found[2]] if found else None

    @cached_property
    def truth(self) -> bool | None:
        """The truth that a word stands for."""
        return None if self.quoted else {"true": True, "false": False}.get(self.text.lower())

    @property
    def moment(self) -> str:
        """A time as it stands in a record."""
        return self.text.replace(" ", "T", 1)

    @property
    def length(self) -> int:
        """How much of the query it takes."""
        return len(self.text) + 2 * self.quoted

    def fits(self, kind: str, sign: str) -> bool:
        """Whether it can be compared with values of a kind."""
        if kind == "text":
            return True
        if kind == "number":
            return self.number is not None and sign != "contains"
        return self.truth is not None and sign not in ORDERS and sign != "contains"


Test = Callable[[Entry], bool]


@dataclass(frozen=True)
class Comparison:
    """A field compared with a value, or with several of which it is to be one."""

    field: str
    sign: str
    values: tuple[Literal, ...]
    place: int = 0

    def test(self) -> Test:
        """Whether a run has such a value; one without the field has not, and of several any counts."""
        get, one = getter(self.field), self.test_of_value()
        every = all if self.sign in ("!=", "not in") else any

        def test(entry: Entry) -> bool:
            value = get(entry)
            if value is None or value is ABSENT:
                return False
            return every(map(one, value)) if isinstance(value, tuple) else one(value)

        return test

    def test_of_value(self) -> Callable[[Any], bool]:
        """The comparison of one value."""
        if self.sign in ORDERS:
            return self.test_of_order(ORDERS[self.sign], self.values[0])
        if self.sign == "contains":
            part = self.values[0].text.casefold()
            return lambda value: isinstance(value, str) and part in value.casefold()
        if self.field in TIMES:
            moments = tuple(literal.moment for literal in self.values)
            return lambda value: value.startswith(moments) is (self.sign in ("=", "in"))
        texts = frozenset(literal.text for literal in self.values)
        numbers = frozenset(literal.number for literal in self.values)
        truths = frozenset(literal.truth for literal in self.values)
        wanted = self.sign in ("=", "in")

        def test(value: Any) -> bool:
            among = texts if isinstance(value, str) else truths if isinstance(value, bool) else numbers
            return (value in among) is wanted

        return test

    def test_of_order(self, ahead: Callable[[Any, Any], bool], literal: Literal) -> Callable[[Any], bool]:
        """Whether one value is before or behind another of its kind."""
        if self.field in TIMES:
            moment = literal.moment
            return lambda value: ahead(value[: len(moment)], moment)
        number, text = literal.number, natural(literal.text)

        def test(value: Any) -> bool:
            if isinstance(value, str):
                return ahead(natural(value), text)
            return number is not None and not isinstance(value, bool) and ahead(value, number)

        return test

    def check(self, entries: Sequence[Entry], query: str) -> None:
        """Refuse a field that no run has, or holds nothing in that could be compared like this.

        Raises:
            QueryError: it is one.
        """
        if entries and not is_known(self.field, entries):
            hint = nearest_field(self.field, entries) or ALL_FIELDS
            raise fault(query, self.place, f"no run has the field {self.field}", hint, len(self.field))
        if self.field in TIMES and self.sign != "contains":
            for literal in self.values:
                if not MOMENT.fullmatch(literal.moment):
                    hint = "as 2026-11-01 or '2026-11-01 12:30'; or compare age, as age < 7d"
                    raise fault(query, literal.place, f"{self.field} is a time, and this is none", hint, literal.length)
        for literal in self.values:
            self.check_kind(literal, entries, query)

    def check_kind(self, literal: Literal, entries: Iterable[Entry], query: str) -> None:
        """Refuse a value that can be compared with none of those that the runs have.

        Raises:
            QueryError: it is one.
        """
        found: set[str] = set()
        for kind in map(kind_of, scalars(self.field, entries)):
            if literal.fits(kind, self.sign):
                return
            found.add(kind)
        if found == {"number"} and self.sign == "contains":
            raise fault(query, self.place, f"{self.field} is a number, and contains looks into texts", "use = or <")
        if "number" in found:
            hint = "write it without quotes" if Literal(literal.text).number is not None else "as 0.9, 1e-3 or 30m"
            raise fault(query, literal.place, f"{self.field} is a number, and this is none", hint, literal.length)
        if found:
            hint = f"as {self.field} = true"
            raise fault(query, literal.place, f"{self.field} is true or false, and nothing else", hint, literal.length)


@dataclass(frozen=True)
class Every:
    """All of several conditions."""

    parts: tuple["Condition", ...]

    def test(self) -> Test:
        """Whether a run meets them all."""
        tests = [part.test() for part in self.parts]
        return lambda entry: all(test(entry) for test in tests)


@dataclass(frozen=True)
class Some:
    """At least one of several conditions."""

    parts: tuple["Condition", ...]

    def test(self) -> Test:
        """Whether a run meets one."""
        tests = [part.test() for part in self.parts]
        return lambda entry: any(test(entry) for test in tests)


@dataclass(frozen=True)
class Not:
    """The contrary of a condition; also true of a run without the field."""

    part: "Condition"

    def test(self) -> Test:
        """Whether a run does not meet it."""
        test = self.part.test()
        return lambda entry: not test(entry)


Condition = Comparison | Every | Some | Not


def scalars(field: str, entries: Iterable[Entry]) -> Iterator[Any]:
    """The values that runs have in a field, one after the other."""
    get = getter(field)
    for entry in entries:
        value = get(entry)
        if isinstance(value, tuple):
            yield from value
        elif value is not None and value is not ABSENT:
            yield value


def kind_of(value: Any) -> str:
    """What a value is: a text, a truth or a number."""
    return "text" if isinstance(value, str) else "truth" if isinstance(value, bool) else "number"


def fault(query: str, place: int, message: str, hint: str = "", length: int = 1) -> QueryError:
    """A fault of a query, which is shown around the place, with a mark under that."""
    from rich.cells import cell_len  # letters of some scripts are two columns wide

    size = WINDOW if query.isascii() else WINDOW // 2
    begin = max(0, min(place - size // 2, len(query) - size))
    left, right = "…" if begin else "", "…" if begin + size < len(query) else ""
    shown = readable(query[begin : begin + size])
    before = cell_len(left + shown[: place - begin])
    marks = max(1, min(cell_len(shown[place - begin : place - begin + length]), WINDOW))
    line = f"  {left}{shown}{right}"
    return QueryError(f"{readable(message, 200)}\n{line}\n  {' ' * before}{'^' * marks}", hint)


def readable(text: str, most: int | None = None) -> str:
    """A text in one line, each character one of its own."""
    shown = "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)
    return shown if most is None or len(shown) <= most else f"{shown[:most]}…"
