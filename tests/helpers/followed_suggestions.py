"""Suggestions of errors about random tables, which are followed literally: as overrides that a shell would pass on."""

import shlex
from dataclasses import replace
from random import Random

from dnn_cli.config.data import Data
from dnn_cli.config.named_data import build_named_data
from dnn_cli.data.examples import load_examples
from dnn_cli.errors import ConfigError, DnnError, UserDataError
from tests.helpers.random_typed_tables import TypedTable, write_columns

_MAX_FOLLOWED_SUGGESTIONS = 40
_WRONG_CELLS = (
    "oops", "$5", "1,234.5", "1.234,5", "1e39", "-", "inf", "nan", "5%", "", "1_000", "31/12/2024", "12/31/2024",
    "2024-13-01", "yes", "maybe", "1,234", "x" * 300, "two\nlines", "it's", "2024-01-01T25:00", "0x1F", "１２", "#",
    "''",
)  # fmt: skip


def check_wrong_types(random: Random, table: TypedTable) -> str:
    """Return what is wrong with the suggestions for wrong types and wrong cells; empty if nothing is wrong."""
    columns = [replace(column, cells=list(column.cells)) for column in table.columns]
    for column in columns:
        if column.role == "input" and random.random() < 0.3:
            column.cells[random.randrange(len(column.cells))] = random.choice(_WRONG_CELLS)
    path = table.path.with_suffix(".wrong.csv")
    write_columns(random, path, columns, ",")
    keys = {**table.keys, "path": str(path), "delimiter": ",", "encoding": None, "folds": None, "fold": None}
    types = {column.name: {"type": random.choice(["number", "boolean", "date"])} for column in table.inputs}
    keys["columns"] = random.choice([None, types, keys["columns"]])
    keys["missing"] = None if keys["columns"] is None else keys.get("missing")
    if random.random() < 0.3:
        keys.pop("ignore", None)
    wrong = replace(table, path=path, keys={key: value for key, value in keys.items() if value is not None})
    try:
        load_examples(Data.model_validate(wrong.keys))
    except UserDataError as error:
        problem = "" if str(path) in error.message else f"no path in: {error.message}"
        return problem or follow_suggestions(wrong, error)
    return ""


def follow_suggestions(table: TypedTable, error: DnnError) -> str:
    """Apply the overrides of suggestions until the file is read; return what is wrong, empty if nothing is wrong.

    Each suggestion must lead to another error, or to a table.
    """
    overrides: list[str] = []
    seen: set[str] = set()
    keys = {key: value for key, value in table.keys.items() if key not in ("dataset", "path")}
    for _ in range(_MAX_FOLLOWED_SUGGESTIONS):
        suggested = list_suggested_overrides(error.suggestion)
        if not suggested:
            return ""
        if error.message in seen:
            return f"the suggestion {error.suggestion!r} leads to the same error: {error.message}"
        seen.add(error.message)
        overrides += suggested
        try:
            data = build_named_data(str(table.path), overrides, **keys)
            load_examples(data)
        except UserDataError as next_error:
            error = next_error
        except ConfigError as refused:
            return f"the suggestion {error.suggestion!r} is refused: {refused.message}"
        else:
            return ""
    return f"{_MAX_FOLLOWED_SUGGESTIONS} suggestions lead to another: {overrides}"


def list_suggested_overrides(suggestion: str) -> list[str]:
    """List the overrides of a suggestion that are applied together: those before the first `or`."""
    try:
        words = shlex.split(suggestion)
    except ValueError:
        words = suggestion.split()
    overrides: list[str] = []
    for word in words:
        if overrides and word in ("or", "(or"):
            break
        if word.startswith("~data.") or (word.startswith("data.") and "=" in word):
            overrides.append(word if word[-2:-1] == "=" else word.rstrip(",;"))
    return overrides
