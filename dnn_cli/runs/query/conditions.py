"""Conditions on runs: comparisons of a field with values, joined by and, or and not."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dnn_cli.errors import QueryError
from dnn_cli.runs.query.fields import (
    ALL_FIELDS_HINT,
    build_getter,
    format_field_suggestion,
    has_field,
    split_numbers,
)
from dnn_cli.runs.query.run_columns import ABSENT
from dnn_cli.runs.run_info import RunInfo

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_DURATION = re.compile(r"([0-9]+\.?[0-9]*)([smhdw])")
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

_TIME_FIELDS = ("started", "ended")
_TIMESTAMP_PREFIX = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?", re.ASCII)
"""Pattern of a time or of its beginning, such as `2024-05`.

Only the beginning of a run's time is compared: `started = 2024-05` matches each time in May 2024."""

_ORDER_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_MAX_EXCERPT_LENGTH = 70
"""Largest number of characters of a query in an error message."""


@dataclass(frozen=True)
class QueryValue:
    """A value in a query: a quoted text, or a word that may be a number, a duration or a Boolean."""

    text: str
    position: int = 0
    quoted: bool = False

    @cached_property
    def number(self) -> int | float | None:
        """The value as a number; a duration such as `30m` becomes seconds. `None` for quoted texts and other words."""
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
        """The word `true` or `false` as a Boolean; `None` for quoted texts and other words."""
        return None if self.quoted else {"true": True, "false": False}.get(self.text.lower())

    @property
    def timestamp(self) -> str:
        """The value in the form of the times in a run record, with a T between date and time: `2024-05-01T12:30`."""
        return self.text.replace(" ", "T", 1)

    @property
    def source_length(self) -> int:
        """Number of characters of the value in the query, with its quotes."""
        return len(self.text) + 2 * self.quoted

    def is_comparable(self, value_type: str, sign: str) -> bool:
        """Return whether the value can be compared with the values of a field.

        Args:
            value_type: The type of the field's values: `text`, `number`, or `truth` for a Boolean.
            sign: The operator of the comparison, such as `<` or `contains`.
        """
        if value_type == "text":
            return True
        if value_type == "number":
            return self.number is not None and sign != "contains"
        return self.boolean is not None and sign not in _ORDER_OPERATORS and sign != "contains"


_RunPredicate = Callable[[RunInfo], bool]


@dataclass(frozen=True)
class FieldComparison:
    """A comparison of a field with one value, such as `trained > 5`, or with several, such as `seed in (1, 2)`."""

    field: str
    sign: str
    values: tuple[QueryValue, ...]
    position: int = 0

    def build_predicate(self) -> _RunPredicate:
        """Return a function that tests whether a run meets the comparison.

        A run without a value of the field does not meet the comparison, whatever the operator. If the field has several
        values (such as `tag`), at least one value must meet the comparison. For `!=` and `not in`, all values must.
        """
        get, test_value = build_getter(self.field), self.build_value_predicate()
        combine = all if self.sign in ("!=", "not in") else any

        def test(run_info: RunInfo) -> bool:
            value = get(run_info)
            if value is None or value is ABSENT:
                return False
            return combine(map(test_value, value)) if isinstance(value, tuple) else test_value(value)

        return test

    def build_value_predicate(self) -> Callable[[Any], bool]:
        """Return a function that tests whether one value of the field meets the comparison."""
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
        """Return a function that compares a value of the field with a value of the query by `<`, `<=`, `>` or `>=`.

        Args:
            compare: The function of the operator, such as `operator.lt` for `<`.
            literal: The value of the query.
        """
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
        """Raise an error if no run has the field, or if a value of the query has another type than the field.

        Args:
            runs: The runs; without runs, every field is accepted.
            query: The text of the query, for the message.

        Raises:
            QueryError: no run has the field, or a value of the query cannot be compared with the values of the field.
        """
        if runs and not has_field(self.field, runs):
            hint = format_field_suggestion(self.field, runs) or ALL_FIELDS_HINT
            raise build_query_error(query, self.position, f"no run has the field {self.field}", hint, len(self.field))
        if self.field in _TIME_FIELDS and self.sign != "contains":
            for literal in self.values:
                if not _TIMESTAMP_PREFIX.fullmatch(literal.timestamp):
                    hint = "for example 2026-11-01 or '2026-11-01 12:30'; or compare age, for example age < 7d"
                    raise build_query_error(
                        query,
                        literal.position,
                        f"{self.field} is a time, but this value is not",
                        hint,
                        literal.source_length,
                    )
        for literal in self.values:
            self.check_value_type(literal, runs, query)

    def check_value_type(self, literal: QueryValue, runs: Iterable[RunInfo], query: str) -> None:
        """Raise an error if the type of a query value differs from the types of all values of the field.

        Args:
            literal: The value of the query.
            runs: The runs with the values of the field.
            query: The text of the query, for the message.

        Raises:
            QueryError: the field has values, but none of them has the type of the value in the query.
        """
        value_types: set[str] = set()
        for value_type in map(_get_value_type, _iter_field_values(self.field, runs)):
            if literal.is_comparable(value_type, self.sign):
                return
            value_types.add(value_type)
        if value_types == {"number"} and self.sign == "contains":
            raise build_query_error(
                query, self.position, f"{self.field} is a number, but contains compares only texts", "use = or <"
            )
        if "number" in value_types:
            hint = (
                "write the number without quotes"
                if QueryValue(literal.text).number is not None
                else "for example 0.9, 1e-3 or 30m"
            )
            raise build_query_error(
                query, literal.position, f"{self.field} is a number, but this value is not", hint, literal.source_length
            )
        if value_types:
            hint = f"for example {self.field} = true"
            raise build_query_error(
                query,
                literal.position,
                f"{self.field} is true or false, but this value is neither",
                hint,
                literal.source_length,
            )


@dataclass(frozen=True)
class And:
    """A condition that a run meets if it meets all parts."""

    parts: tuple["Condition", ...]

    def build_predicate(self) -> _RunPredicate:
        """Return a function that tests whether a run meets all parts."""
        tests = [part.build_predicate() for part in self.parts]
        return lambda run_info: all(test(run_info) for test in tests)


@dataclass(frozen=True)
class Or:
    """A condition that a run meets if it meets at least one part."""

    parts: tuple["Condition", ...]

    def build_predicate(self) -> _RunPredicate:
        """Return a function that tests whether a run meets at least one part."""
        tests = [part.build_predicate() for part in self.parts]
        return lambda run_info: any(test(run_info) for test in tests)


@dataclass(frozen=True)
class Not:
    """The negation of a condition. A run that lacks the compared field meets the negation of a comparison."""

    part: "Condition"

    def build_predicate(self) -> _RunPredicate:
        """Return a function that tests whether a run does not meet the negated condition."""
        test = self.part.build_predicate()
        return lambda run_info: not test(run_info)


Condition = FieldComparison | And | Or | Not


def _iter_field_values(field: str, runs: Iterable[RunInfo]) -> Iterator[Any]:
    """Yield the values of a field in all runs. If the value is a list, yield its items; skip runs without a value."""
    get = build_getter(field)
    for run_info in runs:
        value = get(run_info)
        if isinstance(value, tuple):
            yield from value
        elif value is not None and value is not ABSENT:
            yield value


def _get_value_type(value: Any) -> str:
    """Return the type of a value: `text`, `number`, or `truth` for a Boolean."""
    return "text" if isinstance(value, str) else "truth" if isinstance(value, bool) else "number"


def build_query_error(query: str, position: int, message: str, hint: str = "", length: int = 1) -> QueryError:
    """Build an error whose message has an excerpt of the query, with `^` below the wrong characters.

    Args:
        query: The text of the query.
        position: The index of the first marked character.
        message: The first line of the message.
        hint: The suggestion.
        length: The number of marked characters.
    """
    # `cell_len` counts letters of some scripts as two columns.
    from rich.cells import cell_len

    size = _MAX_EXCERPT_LENGTH if query.isascii() else _MAX_EXCERPT_LENGTH // 2
    begin = max(0, min(position - size // 2, len(query) - size))
    left, right = "…" if begin else "", "…" if begin + size < len(query) else ""
    excerpt = _format_printable(query[begin : begin + size])
    prefix_width = cell_len(left + excerpt[: position - begin])
    marks = max(1, min(cell_len(excerpt[position - begin : position - begin + length]), _MAX_EXCERPT_LENGTH))
    line = f"  {left}{excerpt}{right}"
    return QueryError(f"{_format_printable(message, 200)}\n{line}\n  {' ' * prefix_width}{'^' * marks}", hint)


def _format_printable(text: str, max_length: int | None = None) -> str:
    """Format a text as one line of the same length, in which unprintable characters are replaced.

    Longer texts than `max_length` are cut off.
    """
    line = "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)
    return line if max_length is None or len(line) <= max_length else f"{line[:max_length]}…"
