"""Texts that are one value of a key, though several values were probably intended: `1-5`, `range(5)`, `[0.1, 0.01]`."""

import re

from dnn_cli.spec.overrides import TEXT_KEYS
from dnn_cli.spec.values import EXAMPLES, MOST, RANGE, NoValues, between, counted, pieces

SPAN = re.compile(r"\s*(\d{1,15})\s*(?:-|–|:|to|\.\.\.|…|\.\.=)\s*(\d{1,15})\s*")
"""Two whole numbers with a sign between them that other programs use for a range."""

CALL = re.compile(r"\s*([A-Za-z_.]+)\s*\((.*)\)\s*", re.DOTALL)

RANGES = {
    "loguniform": "log",
    "log_uniform": "log",
    "log": "log",
    "uniform": "uniform",
    "interval": "uniform",
    "randint": "int",
    "randrange": "int",
}
"""Functions of other programs that draw a number, with the name that a sweep gives to the same range."""

LISTS = ("choice", "grid", "grid_search", "categorical")
"""Functions of other programs that list values."""


def rewrite_range(text: str) -> str:
    """Return how a sweep writes a range of whole numbers or of numbers to draw; empty for every other text."""
    if found := SPAN.fullmatch(text):
        low, high = int(found[1]), int(found[2])
        return f"{low}..{high}" if low < high else ""
    found = CALL.fullmatch(text)
    name, inside = (found[1].rpartition(".")[2].lower(), found[2]) if found else ("", "")
    if name == "range":
        return rewrite_python_range(inside)
    if name in LISTS:
        return rewrite_list(inside)
    if name in RANGES and name not in EXAMPLES:
        try:
            return str(between(RANGES[name], inside))
        except NoValues:
            return f"{RANGES[name]}({EXAMPLES[RANGES[name]]})"
    return ""


def rewrite_python_range(inside: str) -> str:
    """Return the numbers of Python's `range`, without its end; empty where the text inside is no whole numbers."""
    try:
        numbers = range(*map(int, inside.split(",")))
    except (TypeError, ValueError):
        return ""
    if not 1 < len(numbers) <= MOST:
        return ""
    return f"{numbers[0]}..{numbers[-1]}" if numbers.step == 1 else ",".join(map(str, numbers))


def rewrite_list(inside: str) -> str:
    """Return the items of a list without its brackets; empty for fewer than two items."""
    items = [item.strip() for item in pieces(inside)]
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
    parts = pieces(text)
    rewritten = [rewrite_range(part) for part in parts]
    if any(rewritten) and (alone or key == "seed" or CALL.search(text)):
        return ",".join(new or old.strip() for new, old in zip(rewritten, parts, strict=True))
    bracketed = re.fullmatch(r"\s*[\[(](.*)[\])]\s*", text, re.DOTALL)
    if bracketed and (alone or key == "seed"):
        return rewrite_list(bracketed[1])
    if alone and text.strip()[:1] not in ("{", "[", "'", '"'):
        words = [word for word in re.split(r"[\s;|]+", text) if word]
        return ",".join(words) if len(words) > 1 else ""
    return ""


def explain_values(key: str, values: str) -> str:
    """Return the hint that shows how several values of a key are written."""
    seeds = sum(len(counted(part)) or 1 for part in pieces(values)) if key == "seed" and "(" not in values else 0
    word = f"{key}={values}"
    shown = word if RANGE.fullmatch(values) or re.fullmatch(r"[\w.,=+-]+", word) else f"'{word}'"
    if values.startswith(tuple(f"{kind}(" for kind in EXAMPLES)):
        return f"a range to draw from is {shown}"
    return f"{COUNTS.get(seeds, seeds)} seeds are {shown}" if seeds else f"several values are {shown}"


COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}
