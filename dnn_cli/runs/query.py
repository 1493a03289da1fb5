"""The language in which runs are asked for: `best.val_accuracy > 0.87 and (optimizer = adam or tag = paper)`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import QueryError
from dnn_cli.runs.conditions import Comparison, Condition, Every, Literal, Not, Some, fault
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.fields import reads_config

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_LENGTH = 100_000
MAX_DEPTH = 50
MAX_COMPARISONS = 1000
"""Bounds of a query far beyond any use; the depth is that of conditions within each other."""

GRAMMAR = r"""
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

FIELD = re.compile(r"[\w.-]+")

VALUE_BEFORE = re.compile(
    r"(?P<field>[\w.-]+|`[^`]+`)\s*(?P<sign>!=|<=|>=|==|<|>|=|\bcontains\b)\s*(?P<value>[^\s()=!<>,'\"`]+)\Z",
    re.IGNORECASE,
)
"""A comparison whose value goes on with a sign."""

EXAMPLE = "as in: --where 'best.val_accuracy > 0.87 and tag = paper'"

OTHER_WORDS = {"&&": "and", "||": "or", "&": "and", "|": "or", "is": "=", "like": "contains", "~": "contains"}
"""What other languages say."""

OTHER_SIGNS = {"<>": "!=", "=>": ">=", "=<": "<="}

WORDS = ("_AND", "_OR", "_NOT", "IN", "CONTAINS")
"""The words of the language, by their names in the grammar."""

AFTER = "and, or, or the end"
"""What can stand after a whole condition."""

WITHIN = "and, or, or )"
"""What can stand after a condition within brackets."""


@dataclass(frozen=True)
class Query:
    """A condition on runs, and the text in which it was written."""

    text: str
    condition: Condition

    @property
    def comparisons(self) -> list[Comparison]:
        """Its comparisons in the order in which they stand."""
        return list(comparisons(self.condition))

    @property
    def fields(self) -> list[str]:
        """The fields that it names."""
        return list(dict.fromkeys(comparison.field for comparison in self.comparisons))

    def select(self, entries: Sequence[Entry]) -> list[Entry]:
        """The runs that meet the condition, in their order.

        Raises:
            QueryError: a field is one that no run has, or is compared with what it cannot be.
        """
        if any(map(reads_config, self.fields)):
            entries = [entry.detailed() for entry in entries]
        for comparison in self.comparisons:
            comparison.check(entries, self.text)
        return list(filter(self.condition.test(), entries))


def select(entries: Sequence[Entry], text: str) -> list[Entry]:
    """The runs that meet a condition, in their order.

    Raises:
        QueryError: it is none, or cannot be asked of these runs.
    """
    return parse(text).select(entries)


def parse(text: str) -> Query:
    """A condition from its text.

    Raises:
        QueryError: it is none.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    if not text.strip():
        raise QueryError("the query is empty", EXAMPLE)
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query is longer than {MAX_LENGTH:,} characters")
    try:
        condition: Any = parser().parse(text)
    except UnexpectedCharacters as error:
        place = error.pos_in_stream or 0
        if text[place] in "'\"`":
            raise fault(text, place, "what is quoted here has no end", "add the closing quote") from None
        hint = quoted_value(text, place) or "signs are = != < <= > >="
        raise fault(text, place, "this means nothing here", hint) from None
    except UnexpectedToken as error:
        raise misplaced(text, error.token, error.accepts or error.expected) from None
    check_depth(condition)
    for number, comparison in enumerate(comparisons(condition)):
        if number == MAX_COMPARISONS:
            raise QueryError(f"the query has more than {MAX_COMPARISONS:,} comparisons", "in (…) takes many values")
        check_field(text, comparison)
    return Query(text, condition)


@cache
def parser() -> "Lark":
    """The parser of the language, which makes conditions at once."""
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", lexer="basic", transformer=Builder())


class Builder:
    """What the parser makes of each rule: conditions, of which a single one stands for itself."""

    def some(self, parts: list[Condition]) -> Condition:
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def every(self, parts: list[Condition]) -> Condition:
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def contrary(self, parts: list[Condition]) -> Condition:
        return Not(parts[0])

    def compared(self, parts: "list[Any]") -> Condition:
        field, sign, value = parts
        word = str(sign).lower()
        return Comparison(field.text, "=" if word == "==" else word, (value,), field.place)

    def among(self, parts: "list[Any]") -> Condition:
        field, _, *values = parts
        return Comparison(field.text, "in", tuple(values), field.place)

    def not_among(self, parts: "list[Any]") -> Condition:
        field, _, *values = parts
        return Comparison(field.text, "not in", tuple(values), field.place)

    def field(self, parts: "list[Token]") -> Literal:
        return literal(parts[0])

    def value(self, parts: "list[Token]") -> Literal:
        return literal(parts[0])


def literal(token: "Token") -> Literal:
    """A word, or what stands between quotes, where two quotes are one."""
    place, quote = token.start_pos or 0, token[0]
    if token.type == "WORD":
        return Literal(str(token), place)
    return Literal(token[1:-1].replace(quote * 2, quote), place, quoted=True)


def comparisons(condition: Condition) -> Iterable[Comparison]:
    """The comparisons in a condition, in the order in which they stand."""
    waiting: list[Condition] = [condition]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Comparison):
            yield current
        else:
            waiting += reversed(parts_of(current))


def parts_of(condition: Condition) -> Sequence[Condition]:
    """The conditions right within a condition."""
    if isinstance(condition, Comparison):
        return ()
    return (condition.part,) if isinstance(condition, Not) else condition.parts


def check_depth(condition: Condition) -> None:
    """Refuse a condition that is nested too deep.

    Raises:
        QueryError: it is.
    """
    level: list[Condition] = [condition]
    for _ in range(MAX_DEPTH):
        level = [part for one in level for part in parts_of(one)]
    if level:
        raise QueryError(f"the query is nested more than {MAX_DEPTH} deep", "say it with fewer not and ( )")


def check_field(text: str, comparison: Comparison) -> None:
    """Refuse what stands for a field and is no name of one.

    Raises:
        QueryError: it is none.
    """
    if text[comparison.place] != "`" and not FIELD.fullmatch(comparison.field):
        hint = "a field is named as best.val_accuracy; odd names stand in `backticks`"
        raise fault(text, comparison.place, "this is no field", hint, len(comparison.field))


def misplaced(text: str, token: "Token", accepted: Iterable[str]) -> QueryError:
    """The fault of a word where another thing has to stand, with what that is."""
    ends = token.type == "$END"
    place = len(text.rstrip()) if ends else token.start_pos or 0
    wanted = possible(set(accepted))
    found = f"the query ends where there has to be {wanted}" if ends else f"here has to be {wanted}"
    hint = ""
    other = OTHER_WORDS.get(str(token).lower()) or OTHER_SIGNS.get(text[max(place - 1, 0) : place + 1])
    if other is not None:
        hint = f"write {other}"
    elif token.type == "WORD" and wanted == AFTER:
        hint = "a text of several words stands in quotes"
    elif wanted in (AFTER, WITHIN) and (quoted := quoted_value(text, place)):
        hint = quoted
    elif token.type == "RPAR" and wanted == AFTER:
        hint = "no ( is open here"
    elif token.type in WORDS:
        hint = f"the word {str(token).lower()} itself stands in quotes"
    return fault(text, place, found, hint, 1 if ends else len(token))


def quoted_value(text: str, place: int) -> str:
    """Return the hint to quote a value, where the sign at a place is within a word that was intended as one value."""
    # A search in a long text takes a time that grows with its square: 300 characters hold a field and a value.
    before = VALUE_BEFORE.search(text[max(0, place - 300) : place])
    if before is None or text[place : place + 1] in ("", ")"):
        return ""
    rest = re.match(r"[^\s'\"]+", text[place:])
    value = before["value"] + (rest[0] if rest else "")
    if value.count(")") > value.count("("):
        value = value.rstrip(")")
    sign = before["sign"].lower()
    several = f"; several values: {before['field']} in ({value})" if text[place] == "," and sign in ("=", "==") else ""
    return f"a value with such a sign is quoted: {before['field']} {sign} '{value}'{several}"


def possible(names: set[str]) -> str:
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
    return WITHIN if "RPAR" in names else AFTER
