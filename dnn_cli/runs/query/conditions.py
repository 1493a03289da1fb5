"""Conditions on runs: comparisons of a field with values, and what joins them."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dnn_cli.errors import QueryError
from dnn_cli.runs.query.fields import (
    ABSENT,
    ALL_FIELDS_HINT,
    build_getter,
    format_field_suggestion,
    has_field,
    split_numbers,
)
from dnn_cli.runs.run_info import RunInfo

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_DURATION = re.compile(r"([0-9]+\.?[0-9]*)([smhdw])")
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

_TIME_FIELDS = ("started", "ended")
_TIMESTAMP_PREFIX = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?", re.ASCII)
"""A time, or its beginning: what is not said of it is not compared."""

_ORDER_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_MAX_EXCERPT_LENGTH = 70
"""So many characters are shown of a query that has a fault."""


@dataclass(frozen=True)
class QueryValue:
    """A value in a query: a text in quotes, or a word that may stand for a number, a duration or a truth."""

    text: str
    position: int = 0
    quoted: bool = False

    @cached_property
    def number(self) -> int | float | None:
        """The number that a word stands for; durations are seconds."""
        if self.quoted:
            return None
        if _INTEGER.fullmatch(self.text):
            return int(self.text)
        if _FLOAT.fullmatch(self.text):
            return float(self.text)
        match = _DURATION.fullmatch(self.text)
        return float(match[1]) * _SECONDS_PER_UNIT[match[2]] if match else None

    @cached_property
    def boolean(self) -> bool | None:
        """The truth that a word stands for."""
        return None if self.quoted else {"true": True, "false": False}.get(self.text.lower())

    @property
    def timestamp(self) -> str:
        """A time as it stands in a record."""
        return self.text.replace(" ", "T", 1)

    @property
    def source_length(self) -> int:
        """How much of the query it takes."""
        return len(self.text) + 2 * self.quoted

    def is_comparable(self, value_type: str, sign: str) -> bool:
        """Whether it can be compared with values of a kind."""
        if value_type == "text":
            return True
        if value_type == "number":
            return self.number is not None and sign != "contains"
        return self.boolean is not None and sign not in _ORDER_OPERATORS and sign != "contains"


_RunPredicate = Callable[[RunInfo], bool]


@dataclass(frozen=True)
class FieldComparison:
    """A field compared with a value, or with several of which it is to be one."""

    field: str
    sign: str
    values: tuple[QueryValue, ...]
    position: int = 0

    def build_predicate(self) -> _RunPredicate:
        """Whether a run has such a value; one without the field has not, and of several any counts."""
        get, test_value = build_getter(self.field), self.build_value_predicate()
        combine = all if self.sign in ("!=", "not in") else any

        def test(run_info: RunInfo) -> bool:
            value = get(run_info)
            if value is None or value is ABSENT:
                return False
            return combine(map(test_value, value)) if isinstance(value, tuple) else test_value(value)

        return test

    def build_value_predicate(self) -> Callable[[Any], bool]:
        """The comparison of one value."""
        if self.sign in _ORDER_OPERATORS:
            return self.build_order_predicate(_ORDER_OPERATORS[self.sign], self.values[0])
        if self.sign == "contains":
            part = self.values[0].text.casefold()
            return lambda value: isinstance(value, str) and part in value.casefold()
        if self.field in _TIME_FIELDS:
            timestamps = tuple(literal.timestamp for literal in self.values)
            return lambda value: value.startswith(timestamps) is (self.sign in ("=", "in"))
        texts = frozenset(literal.text for literal in self.values)
        numbers = frozenset(literal.number for literal in self.values)
        booleans = frozenset(literal.boolean for literal in self.values)
        expected = self.sign in ("=", "in")

        def test(value: Any) -> bool:
            candidates = texts if isinstance(value, str) else booleans if isinstance(value, bool) else numbers
            return (value in candidates) is expected

        return test

    def build_order_predicate(self, compare: Callable[[Any, Any], bool], literal: QueryValue) -> Callable[[Any], bool]:
        """Whether one value is before or behind another of its kind."""
        if self.field in _TIME_FIELDS:
            timestamp = literal.timestamp
            return lambda value: compare(value[: len(timestamp)], timestamp)
        number, text = literal.number, split_numbers(literal.text)

        def test(value: Any) -> bool:
            if isinstance(value, str):
                return compare(split_numbers(value), text)
            return number is not None and not isinstance(value, bool) and compare(value, number)

        return test

    def check_applicable(self, runs: Sequence[RunInfo], query: str) -> None:
        """Refuse a field that no run has, or holds nothing in that could be compared like this.

        Raises:
            QueryError: it is one.
        """
        if runs and not has_field(self.field, runs):
            hint = format_field_suggestion(self.field, runs) or ALL_FIELDS_HINT
            raise build_query_error(query, self.position, f"no run has the field {self.field}", hint, len(self.field))
        if self.field in _TIME_FIELDS and self.sign != "contains":
            for literal in self.values:
                if not _TIMESTAMP_PREFIX.fullmatch(literal.timestamp):
                    hint = "as 2026-11-01 or '2026-11-01 12:30'; or compare age, as age < 7d"
                    raise build_query_error(
                        query,
                        literal.position,
                        f"{self.field} is a time, and this is none",
                        hint,
                        literal.source_length,
                    )
        for literal in self.values:
            self.check_value_type(literal, runs, query)

    def check_value_type(self, literal: QueryValue, runs: Iterable[RunInfo], query: str) -> None:
        """Refuse a value that can be compared with none of those that the runs have.

        Raises:
            QueryError: it is one.
        """
        value_types: set[str] = set()
        for value_type in map(_get_value_type, _iter_field_values(self.field, runs)):
            if literal.is_comparable(value_type, self.sign):
                return
            value_types.add(value_type)
        if value_types == {"number"} and self.sign == "contains":
            raise build_query_error(
                query, self.position, f"{self.field} is a number, and contains looks into texts", "use = or <"
            )
        if "number" in value_types:
            hint = "write it without quotes" if QueryValue(literal.text).number is not None else "as 0.9, 1e-3 or 30m"
            raise build_query_error(
                query, literal.position, f"{self.field} is a number, and this is none", hint, literal.source_length
            )
        if value_types:
            hint = f"as {self.field} = true"
            raise build_query_error(
                query, literal.position, f"{self.field} is true or false, and nothing else", hint, literal.source_length
            )


@dataclass(frozen=True)
class And:
    """All of several conditions."""

    parts: tuple["Condition", ...]

    def build_predicate(self) -> _RunPredicate:
        """Whether a run meets them all."""
        tests = [part.build_predicate() for part in self.parts]
        return lambda run_info: all(test(run_info) for test in tests)


@dataclass(frozen=True)
class Or:
    """At least one of several conditions."""

    parts: tuple["Condition", ...]

    def build_predicate(self) -> _RunPredicate:
        """Whether a run meets one."""
        tests = [part.build_predicate() for part in self.parts]
        return lambda run_info: any(test(run_info) for test in tests)


@dataclass(frozen=True)
class Not:
    """The contrary of a condition; also true of a run without the field."""

    part: "Condition"

    def build_predicate(self) -> _RunPredicate:
        """Whether a run does not meet it."""
        test = self.part.build_predicate()
        return lambda run_info: not test(run_info)


Condition = FieldComparison | And | Or | Not


def _iter_field_values(field: str, runs: Iterable[RunInfo]) -> Iterator[Any]:
    """The values that runs have in a field, one after the other."""
    get = build_getter(field)
    for run_info in runs:
        value = get(run_info)
        if isinstance(value, tuple):
            yield from value
        elif value is not None and value is not ABSENT:
            yield value


def _get_value_type(value: Any) -> str:
    """What a value is: a text, a truth or a number."""
    return "text" if isinstance(value, str) else "truth" if isinstance(value, bool) else "number"


def build_query_error(query: str, position: int, message: str, hint: str = "", length: int = 1) -> QueryError:
    """Return an error of a query, whose message has an excerpt with a mark below the position."""
    from rich.cells import cell_len  # letters of some scripts are two columns wide

    size = _MAX_EXCERPT_LENGTH if query.isascii() else _MAX_EXCERPT_LENGTH // 2
    begin = max(0, min(position - size // 2, len(query) - size))
    left, right = "…" if begin else "", "…" if begin + size < len(query) else ""
    excerpt = _format_printable(query[begin : begin + size])
    prefix_width = cell_len(left + excerpt[: position - begin])
    marks = max(1, min(cell_len(excerpt[position - begin : position - begin + length]), _MAX_EXCERPT_LENGTH))
    line = f"  {left}{excerpt}{right}"
    return QueryError(f"{_format_printable(message, 200)}\n{line}\n  {' ' * prefix_width}{'^' * marks}", hint)


def _format_printable(text: str, max_length: int | None = None) -> str:
    """A text in one line, each character one of its own."""
    line = "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)
    return line if max_length is None or len(line) <= max_length else f"{line[:max_length]}…"
