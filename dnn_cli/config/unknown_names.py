"""Messages and suggestions for names that a config does not accept: the names that the user may have meant."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from dnn_cli.config.keras_names import NAME_SUGGESTIONS
from dnn_cli.config.keras_suggestions import format_short_yaml, format_value
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from dnn_cli.config.python_calls import translate_call
from dnn_cli.config.registry import NAMES_BY_KIND, to_plural
from dnn_cli.errors import suggest_nearest_name

_MAX_LISTED_NAMES = 15
"""Maximum number of names that a suggestion lists."""

_MAX_SIMILAR_NAMES = 5
_MIN_SIMILARITY = 0.6
"""Ratio of `difflib` from which a name is similar to an unknown name."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+[A-Za-z]?")
"""Word of a name: `GlobalAvgPool2D` has the words `Global`, `Avg`, `Pool` and `2D`."""


def describe_unknown_name(name: Any, kind: str, expected: Collection[str]) -> tuple[str, str]:
    """Return the message and the suggestion for an unknown name, such as a layer that does not exist.

    The suggestion is the nearest name, or the kind (layer, loss and so on) to which the name belongs.

    Args:
        name: The unknown name, or a value of another type.
        kind: The kind that is expected, such as `layer`; empty for the value of an option.
        expected: The names that are allowed.
    """
    list_command = f"dnn list {to_plural(kind)}" if kind in NAMES_BY_KIND else ""
    if kind == "activation" and isinstance(name, dict):
        return "needs the name of an activation, not a mapping", _suggest_for_activation(name) or f"see {list_command}"
    if not isinstance(name, str):
        return f"needs a name, not {format_value(name)}", suggest_names("", expected, list_command)
    quoted_name = format_value(name).removeprefix("the text ")
    message = f"{quoted_name} is not {_add_article(kind)}" if list_command else f"cannot be {quoted_name}"
    if name in NAMES_BY_KIND.get(kind, ()):
        return f"{name} cannot be the value of this key", suggest_names("", expected, list_command)
    if kind == "layer" and name in LEFT_OUT_LAYERS and name not in NAME_SUGGESTIONS["layer"]:
        return f"{name} is left out: it {LEFT_OUT_LAYERS[name]}", "dnn help layers lists all layers"
    suggestion = (
        NAME_SUGGESTIONS.get(kind, {}).get(name)
        or _suggest_for_call(name, kind)
        or (_suggest_activation_layer(name) if kind == "layer" else "")
        or _suggest_spelling(name, expected)
        or (_suggest_other_kind(name, kind) if list_command else "")
        or _suggest_unabbreviated_name(name, expected)
        or suggest_names(name, expected, list_command)
    )
    return message, suggestion


def suggest_names(name: str, names: Collection[str], list_command: str) -> str:
    """Return the suggestion of names that an unknown name may mean, or of all names if there are few.

    Args:
        name: The unknown name.
        names: The names that are allowed.
        list_command: A command that shows all names; empty without such a command.
    """
    if nearest_name := suggest_nearest_name(name, names):
        return nearest_name
    if len(names) <= _MAX_LISTED_NAMES or not list_command:
        return f"use one of {', '.join(names)}"
    similar = get_close_matches(name, names, _MAX_SIMILAR_NAMES, _MIN_SIMILARITY)
    beginning = f"similar names: {', '.join(similar)}; " if similar else ""
    return f"{beginning}{list_command} shows all names"


def _suggest_for_call(name: str, kind: str) -> str:
    """Return the suggestion for a Python call: `max_norm(1.)` becomes `{type: max_norm, max_value: 1.0}`."""
    value = translate_call(name, "layer" if kind == "activation" else kind)
    if value is None:
        return ""
    return (
        f"use the layer {format_short_yaml(value)} instead"
        if kind == "activation"
        else f"write {format_short_yaml(value)}"
    )


def _suggest_for_activation(value: dict[str, Any]) -> str:
    """Return the suggestion for an activation with arguments: the layer that has these arguments, if there is one."""
    name = str(value.get("type"))
    layer = _find_spelling(name, NAMES_BY_KIND["layer"])
    if len(value) == 1 and name in NAMES_BY_KIND["activation"]:
        return f"write {name}"
    return f"use the layer {format_short_yaml({**value, 'type': layer})} instead" if layer else ""


def _suggest_activation_layer(name: str) -> str:
    """Return the suggestion for an activation in a list of layers; an empty text for any other name."""
    return f"write {{type: Activation, activation: {name}}}" if name in NAMES_BY_KIND["activation"] else ""


def _suggest_spelling(name: str, expected: Collection[str]) -> str:
    """Return the suggestion of an expected name with the same letters: `batch_normalization`; else an empty text."""
    spelling = _find_spelling(name, expected)
    return f"did you mean {spelling}?" if spelling else ""


def _find_spelling(name: str, names: Collection[str]) -> str:
    """Return the name with the same letters, apart from capitals and underscores; an empty text if there is none."""
    return next((other for other in names if _reduce_to_letters(other) == _reduce_to_letters(name)), "")


def _reduce_to_letters(name: str) -> str:
    """Return a name without capitals and underscores: `LeakyReLU` becomes `leakyrelu`."""
    return name.replace("_", "").lower()


def _suggest_other_kind(name: str, kind: str) -> str:
    """Return the suggestion for a name of another kind, such as a layer in place of an activation."""
    spellings = {other: _find_spelling(name, names) for other, names in NAMES_BY_KIND.items() if other != kind}
    if kind == "activation" and (layer := spellings["layer"]):
        return f"use the layer {layer} instead"
    return next((f"{name} is {_add_article(other)}" for other, spelling in spellings.items() if spelling), "")


def _add_article(noun: str) -> str:
    """Return a noun with its indefinite article: `an optimizer`."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _suggest_unabbreviated_name(name: str, expected: Collection[str]) -> str:
    """Return a suggestion of the expected names that `name` abbreviates; an empty text if there is no such name."""
    matches = find_unabbreviated_names(name, expected)
    if not matches:
        return ""
    return f"did you mean {matches[0]}?" if len(matches) == 1 else f"use one of {', '.join(matches)}"


def find_unabbreviated_names(name: str, names: Collection[str]) -> list[str]:
    """Return the names that `name` abbreviates, with the smallest number of words; an empty list for too many names.

    `sparse` abbreviates `sparse_categorical_crossentropy` by its first word, `scc` by its initials, and `AvgPool`
    abbreviates `AveragePooling2D` by letters of its words.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if len(name) < 2:
        return []
    splits = {other: [word.lower() for word in _WORD.findall(other)] for other in names}
    matches = {
        other: others
        for other, others in splits.items()
        if [word[0] for word in others] == list(name.lower()) or _abbreviates(words, others)
    }
    fewest = min(map(len, matches.values()), default=0)
    shortest = [other for other, others in matches.items() if len(others) == fewest]
    return shortest if len(shortest) <= _MAX_SIMILAR_NAMES else []


def _abbreviates(words: list[str], others: list[str]) -> bool:
    """Return whether each word is the start of the word in its place, or has its letters in their order.

    Letters other than the start count only in a name of several words: `adm` is a misspelling of `adam`.
    """
    if not words or len(words) > len(others):
        return False
    pattern = ".*" if len(words) > 1 else ""
    return all(re.match(pattern.join(word), other) for word, other in zip(words, others, strict=False))
