"""The language in which runs are asked for: `best.val_accuracy > 0.87 and (optimizer = adam or tag = paper)`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import QueryError
from dnn_cli.runs.query.conditions import And, Condition, FieldComparison, Not, Or, QueryValue, build_query_error
from dnn_cli.runs.query.fields import is_config_field
from dnn_cli.runs.run_info import RunInfo

if TYPE_CHECKING:
    from lark import Lark, Token

_MAX_QUERY_LENGTH = 100_000
_MAX_QUERY_DEPTH = 50
_MAX_COMPARISONS = 1000
"""Bounds of a query far beyond any use; the depth is that of conditions within each other."""

_GRAMMAR = r"""
?start: some
some: every (_OR every)*
every: negated (_AND negated)*
?negated: _NOT negated -> contrary
    | "(" some ")"
    | comparison
comparison: field SIGN value -> compared
    | field IN "(" value ("," value)* ")" -> among
    | field _NOT IN "(" value ("," value)* ")" -> not_among
    | field CONTAINS value -> compared
field: WORD | NAME
value: WORD | TEXT
_AND.2: /and(?![^\s()=!<>,'"`])/i
_OR.2: /or(?![^\s()=!<>,'"`])/i
_NOT.2: /not(?![^\s()=!<>,'"`])/i
IN.2: /in(?![^\s()=!<>,'"`])/i
CONTAINS.2: /contains(?![^\s()=!<>,'"`])/i
SIGN: /!=|<=|>=|==|<|>|=/
NAME: /`[^`]+`/
TEXT: /'(?:[^']|'')*'|"(?:[^"]|"")*"/
WORD: /[^\s()=!<>,'"`]+/
%ignore /\s+/
"""

_FIELD_PATTERN = re.compile(r"[\w.-]+")

_VALUE_BEFORE = re.compile(
    r"(?P<field>[\w.-]+|`[^`]+`)\s*(?P<sign>!=|<=|>=|==|<|>|=|\bcontains\b)\s*(?P<value>[^\s()=!<>,'\"`]+)\Z",
    re.IGNORECASE,
)
"""A comparison whose value goes on with a sign."""

_QUERY_EXAMPLE = "as in: --where 'best.val_accuracy > 0.87 and tag = paper'"

_WORD_SYNONYMS = {"&&": "and", "||": "or", "&": "and", "|": "or", "is": "=", "like": "contains", "~": "contains"}
"""What other languages say."""

_SIGN_SYNONYMS = {"<>": "!=", "=>": ">=", "=<": "<="}

_KEYWORD_TOKENS = ("_AND", "_OR", "_NOT", "IN", "CONTAINS")
"""The words of the language, by their names in the grammar."""

_AFTER_CONDITION = "and, or, or the end"
"""What can stand after a whole condition."""

_WITHIN_BRACKETS = "and, or, or )"
"""What can stand after a condition within brackets."""


@dataclass(frozen=True)
class _Query:
    """A condition on runs, and the text in which it was written."""

    text: str
    condition: Condition

    @property
    def comparisons(self) -> list[FieldComparison]:
        """Its comparisons in the order in which they stand."""
        return list(_iter_comparisons(self.condition))

    @property
    def fields(self) -> list[str]:
        """The fields that it names."""
        return list(dict.fromkeys(comparison.field for comparison in self.comparisons))

    def filter_runs(self, runs: Sequence[RunInfo]) -> list[RunInfo]:
        """The runs that meet the condition, in their order.

        Raises:
            QueryError: a field is one that no run has, or is compared with what it cannot be.
        """
        if any(map(is_config_field, self.fields)):
            runs = [run_info.with_details() for run_info in runs]
        for comparison in self.comparisons:
            comparison.check_applicable(runs, self.text)
        return list(filter(self.condition.build_predicate(), runs))


def filter_runs(runs: Sequence[RunInfo], text: str) -> list[RunInfo]:
    """The runs that meet a condition, in their order.

    Raises:
        QueryError: it is none, or cannot be asked of these runs.
    """
    return parse_query(text).filter_runs(runs)


def parse_query(text: str) -> _Query:
    """A condition from its text.

    Raises:
        QueryError: it is none.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    if not text.strip():
        raise QueryError("the query is empty", _QUERY_EXAMPLE)
    if len(text) > _MAX_QUERY_LENGTH:
        raise QueryError(f"the query is longer than {_MAX_QUERY_LENGTH:,} characters")
    try:
        condition: Any = _build_parser().parse(text)
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        if text[position] in "'\"`":
            raise build_query_error(text, position, "what is quoted here has no end", "add the closing quote") from None
        hint = _format_quoting_hint(text, position) or "signs are = != < <= > >="
        raise build_query_error(text, position, "this means nothing here", hint) from None
    except UnexpectedToken as error:
        raise _build_token_error(text, error.token, error.accepts or error.expected) from None
    _check_depth(condition)
    for number, comparison in enumerate(_iter_comparisons(condition)):
        if number == _MAX_COMPARISONS:
            raise QueryError(f"the query has more than {_MAX_COMPARISONS:,} comparisons", "in (…) takes many values")
        _check_field_name(text, comparison)
    return _Query(text, condition)


@cache
def _build_parser() -> "Lark":
    """The parser of the language, which makes conditions at once."""
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_ConditionBuilder())


class _ConditionBuilder:
    """What the parser makes of each rule: conditions, of which a single one stands for itself."""

    def some(self, parts: list[Condition]) -> Condition:
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def every(self, parts: list[Condition]) -> Condition:
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def contrary(self, parts: list[Condition]) -> Condition:
        return Not(parts[0])

    def compared(self, parts: "list[Any]") -> Condition:
        field, sign, value = parts
        word = str(sign).lower()
        return FieldComparison(field.text, "=" if word == "==" else word, (value,), field.position)

    def among(self, parts: "list[Any]") -> Condition:
        field, _, *values = parts
        return FieldComparison(field.text, "in", tuple(values), field.position)

    def not_among(self, parts: "list[Any]") -> Condition:
        field, _, *values = parts
        return FieldComparison(field.text, "not in", tuple(values), field.position)

    def field(self, parts: "list[Token]") -> QueryValue:
        return _parse_value_token(parts[0])

    def value(self, parts: "list[Token]") -> QueryValue:
        return _parse_value_token(parts[0])


def _parse_value_token(token: "Token") -> QueryValue:
    """A word, or what stands between quotes, where two quotes are one."""
    position, quote = token.start_pos or 0, token[0]
    if token.type == "WORD":
        return QueryValue(str(token), position)
    return QueryValue(token[1:-1].replace(quote * 2, quote), position, quoted=True)


def _iter_comparisons(condition: Condition) -> Iterable[FieldComparison]:
    """The comparisons in a condition, in the order in which they stand."""
    waiting: list[Condition] = [condition]
    while waiting:
        current = waiting.pop()
        if isinstance(current, FieldComparison):
            yield current
        else:
            waiting += reversed(_list_parts(current))


def _list_parts(condition: Condition) -> Sequence[Condition]:
    """The conditions right within a condition."""
    if isinstance(condition, FieldComparison):
        return ()
    return (condition.part,) if isinstance(condition, Not) else condition.parts


def _check_depth(condition: Condition) -> None:
    """Refuse a condition that is nested too deep.

    Raises:
        QueryError: it is.
    """
    level: list[Condition] = [condition]
    for _ in range(_MAX_QUERY_DEPTH):
        level = [part for current in level for part in _list_parts(current)]
    if level:
        raise QueryError(f"the query is nested more than {_MAX_QUERY_DEPTH} deep", "say it with fewer not and ( )")


def _check_field_name(text: str, comparison: FieldComparison) -> None:
    """Refuse what stands for a field and is no name of one.

    Raises:
        QueryError: it is none.
    """
    if text[comparison.position] != "`" and not _FIELD_PATTERN.fullmatch(comparison.field):
        hint = "a field is named as best.val_accuracy; odd names stand in `backticks`"
        raise build_query_error(text, comparison.position, "this is no field", hint, len(comparison.field))


def _build_token_error(text: str, token: "Token", accepted: Iterable[str]) -> QueryError:
    """The fault of a word where another thing has to stand, with what that is."""
    is_at_end = token.type == "$END"
    position = len(text.rstrip()) if is_at_end else token.start_pos or 0
    expected = _format_expected_tokens(set(accepted))
    message = f"the query ends where there has to be {expected}" if is_at_end else f"here has to be {expected}"
    hint = ""
    synonym = _WORD_SYNONYMS.get(str(token).lower()) or _SIGN_SYNONYMS.get(text[max(position - 1, 0) : position + 1])
    if synonym is not None:
        hint = f"write {synonym}"
    elif token.type == "WORD" and expected == _AFTER_CONDITION:
        hint = "a text of several words stands in quotes"
    elif expected in (_AFTER_CONDITION, _WITHIN_BRACKETS) and (quoting_hint := _format_quoting_hint(text, position)):
        hint = quoting_hint
    elif token.type == "RPAR" and expected == _AFTER_CONDITION:
        hint = "no ( is open here"
    elif token.type in _KEYWORD_TOKENS:
        hint = f"the word {str(token).lower()} itself stands in quotes"
    return build_query_error(text, position, message, hint, 1 if is_at_end else len(token))


def _format_quoting_hint(text: str, position: int) -> str:
    """Return the hint to quote a value, where the sign at a place is within a word that was intended as one value."""
    # A search in a long text takes a time that grows with its square: 300 characters hold a field and a value.
    before = _VALUE_BEFORE.search(text[max(0, position - 300) : position])
    if before is None or text[position : position + 1] in ("", ")"):
        return ""
    remainder = re.match(r"[^\s'\"]+", text[position:])
    value = before["value"] + (remainder[0] if remainder else "")
    if value.count(")") > value.count("("):
        value = value.rstrip(")")
    sign = before["sign"].lower()
    several_hint = (
        f"; several values: {before['field']} in ({value})" if text[position] == "," and sign in ("=", "==") else ""
    )
    return f"a value with such a sign is quoted: {before['field']} {sign} '{value}'{several_hint}"


def _format_expected_tokens(names: set[str]) -> str:
    """What can stand at a place, by the names that the grammar has for it."""
    if "SIGN" in names:
        return "=, !=, <, <=, >, >=, in, not in or contains"
    if "NAME" in names:
        return "a field as best.val_accuracy" + (", not, or (" if "LPAR" in names else "")
    if "TEXT" in names:
        return "a value, as 0.9, adam or 'two words'"
    if "COMMA" in names:
        return "a comma or )"
    if "LPAR" in names:
        return "( and values, as in (adam, sgd)"
    if "IN" in names:
        return "in"
    return _WITHIN_BRACKETS if "RPAR" in names else _AFTER_CONDITION
