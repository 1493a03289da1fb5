"""The query language and its parser: `best.val_accuracy > 0.87 and (optimizer = adam or tag = paper)`."""

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
"""Largest number of comparisons in a query.

The two constants above limit the number of characters and the depth of nested conditions. Usual queries are far below
these limits."""

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
"""Pattern of the text before a special character in an unquoted value, such as `tag = a` in `tag = a=b`.

The text consists of a field, an operator and the beginning of the value."""

_QUERY_EXAMPLE = "for example --where 'best.val_accuracy > 0.87 and tag = paper'"

_WORD_SYNONYMS = {"&&": "and", "||": "or", "&": "and", "|": "or", "is": "=", "like": "contains", "~": "contains"}
"""Words of other query languages, with the equivalent word or operator of this language."""

_SIGN_SYNONYMS = {"<>": "!=", "=>": ">=", "=<": "<="}

_KEYWORD_TOKENS = ("_AND", "_OR", "_NOT", "IN", "CONTAINS")
"""Names that the grammar gives to the keywords `and`, `or`, `not`, `in` and `contains`."""

_AFTER_CONDITION = "'and', 'or' or the end of the query"
"""Text in error messages that lists the tokens that may follow a whole condition."""

_WITHIN_BRACKETS = "'and', 'or' or ')'"
"""Text in error messages that lists the tokens that may follow a condition within brackets."""


@dataclass(frozen=True)
class _Query:
    """A parsed query: its text, and the condition on runs that the text describes."""

    text: str
    condition: Condition

    @property
    def comparisons(self) -> list[FieldComparison]:
        """Comparisons of the condition, in the order of the text."""
        return list(_iter_comparisons(self.condition))

    @property
    def fields(self) -> list[str]:
        """Fields that the condition names, without repetition."""
        return list(dict.fromkeys(comparison.field for comparison in self.comparisons))

    def filter_runs(self, runs: Sequence[RunInfo]) -> list[RunInfo]:
        """Return the runs that meet the condition, in the order of `runs`.

        Raises:
            QueryError: a field of the condition exists in no run, or a value has another type than its field.
        """
        if any(map(is_config_field, self.fields)):
            runs = [run_info.with_details() for run_info in runs]
        for comparison in self.comparisons:
            comparison.check_applicable(runs, self.text)
        return list(filter(self.condition.build_predicate(), runs))


def filter_runs(runs: Sequence[RunInfo], text: str) -> list[RunInfo]:
    """Return the runs that meet the condition in a text, in the order of `runs`.

    Raises:
        QueryError: the text is not a condition, one of its fields exists in no run, or a value has another type than
            its field.
    """
    return parse_query(text).filter_runs(runs)


def parse_query(text: str) -> _Query:
    """Parse the text of a condition.

    Raises:
        QueryError: the text is not a condition, or exceeds a limit.
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
            raise build_query_error(
                text, position, "the quoted text has no closing quote", "add the closing quote"
            ) from None
        hint = _format_quoting_hint(text, position) or "the operators are = != < <= > >="
        raise build_query_error(text, position, "this character is not valid here", hint) from None
    except UnexpectedToken as error:
        raise _build_token_error(text, error.token, error.accepts or error.expected) from None
    _check_depth(condition)
    for number, comparison in enumerate(_iter_comparisons(condition)):
        if number == _MAX_COMPARISONS:
            raise QueryError(f"the query has more than {_MAX_COMPARISONS:,} comparisons", "use in (…) for many values")
        _check_field_name(text, comparison)
    return _Query(text, condition)


@cache
def _build_parser() -> "Lark":
    """Build the parser of the query language, which returns conditions instead of a syntax tree."""
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_ConditionBuilder())


class _ConditionBuilder:
    """Transformer of the Lark parser: the method with the name of a grammar rule builds the condition for the rule.

    If a rule for `and` or `or` matches a single condition, the result is this condition.
    """

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
    """Parse a word or a quoted text; two adjacent quotes within a quoted text become one quote."""
    position, quote = token.start_pos or 0, token[0]
    if token.type == "WORD":
        return QueryValue(str(token), position)
    return QueryValue(token[1:-1].replace(quote * 2, quote), position, quoted=True)


def _iter_comparisons(condition: Condition) -> Iterable[FieldComparison]:
    """Yield the comparisons in a condition, in the order of the text."""
    waiting: list[Condition] = [condition]
    while waiting:
        current = waiting.pop()
        if isinstance(current, FieldComparison):
            yield current
        else:
            waiting += reversed(_list_parts(current))


def _list_parts(condition: Condition) -> Sequence[Condition]:
    """Return the direct parts of a condition; empty for a comparison."""
    if isinstance(condition, FieldComparison):
        return ()
    return (condition.part,) if isinstance(condition, Not) else condition.parts


def _check_depth(condition: Condition) -> None:
    """Raise an error if a condition is nested deeper than `_MAX_QUERY_DEPTH`.

    Raises:
        QueryError: the condition is nested too deep.
    """
    level: list[Condition] = [condition]
    for _ in range(_MAX_QUERY_DEPTH):
        level = [part for current in level for part in _list_parts(current)]
    if level:
        raise QueryError(
            f"the query is nested more than {_MAX_QUERY_DEPTH} levels deep", "use fewer brackets and fewer not"
        )


def _check_field_name(text: str, comparison: FieldComparison) -> None:
    """Raise an error if a field without backticks has a character that is allowed only in backticks.

    Raises:
        QueryError: the text is not a field name.
    """
    if text[comparison.position] != "`" and not _FIELD_PATTERN.fullmatch(comparison.field):
        hint = "write a field, for example best.val_accuracy, and put other names in `backticks`"
        raise build_query_error(
            text, comparison.position, "this is not the name of a field", hint, len(comparison.field)
        )


def _build_token_error(text: str, token: "Token", accepted: Iterable[str]) -> QueryError:
    """Build the error for an unexpected token. Its message lists the tokens that are accepted instead."""
    is_at_end = token.type == "$END"
    position = len(text.rstrip()) if is_at_end else token.start_pos or 0
    expected = _format_expected_tokens(set(accepted))
    message = f"the query is incomplete: expected {expected}" if is_at_end else f"expected {expected}"
    hint = ""
    synonym = _WORD_SYNONYMS.get(str(token).lower()) or _SIGN_SYNONYMS.get(text[max(position - 1, 0) : position + 1])
    if synonym is not None:
        hint = f"write {synonym}"
    elif token.type == "WORD" and expected == _AFTER_CONDITION:
        hint = "put a text of several words in quotes"
    elif expected in (_AFTER_CONDITION, _WITHIN_BRACKETS) and (quoting_hint := _format_quoting_hint(text, position)):
        hint = quoting_hint
    elif token.type == "RPAR" and expected == _AFTER_CONDITION:
        hint = "remove the ), because no ( is open"
    elif token.type in _KEYWORD_TOKENS:
        hint = f"put the word {str(token).lower()} in quotes, if it is a value"
    return build_query_error(text, position, message, hint, 1 if is_at_end else len(token))


def _format_quoting_hint(text: str, position: int) -> str:
    """Format a hint to put a value in quotes, if the character at `position` is within an unquoted value.

    Otherwise, the text is empty.
    """
    # The time of a search grows with the square of the text length; 300 characters hold a field and a value.
    before = _VALUE_BEFORE.search(text[max(0, position - 300) : position])
    if before is None or text[position : position + 1] in ("", ")"):
        return ""
    remainder = re.match(r"[^\s'\"]+", text[position:])
    value = before["value"] + (remainder[0] if remainder else "")
    if value.count(")") > value.count("("):
        value = value.rstrip(")")
    sign = before["sign"].lower()
    several_hint = (
        f"; for several values, write {before['field']} in ({value})"
        if text[position] == "," and sign in ("=", "==")
        else ""
    )
    return f"put a value with this character in quotes: {before['field']} {sign} '{value}'{several_hint}"


def _format_expected_tokens(names: set[str]) -> str:
    """Format the accepted tokens as text, from their names in the grammar."""
    if "SIGN" in names:
        return "=, !=, <, <=, >, >=, in, not in or contains"
    if "NAME" in names:
        return ("a field, 'not' or '('" if "LPAR" in names else "a field") + ", for example best.val_accuracy"
    if "TEXT" in names:
        return "a value, for example 0.9, adam or 'two words'"
    if "COMMA" in names:
        return "a comma or ')'"
    if "LPAR" in names:
        return "a list of values, for example (adam, sgd)"
    if "IN" in names:
        return "'in'"
    return _WITHIN_BRACKETS if "RPAR" in names else _AFTER_CONDITION
