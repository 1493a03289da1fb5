"""`key.path=value` on the command line, laid over a document; `~key.path` removes.

A layer is addressed by its name or its index, and the leading `model.` may be left out:
`layers.hidden.units=200`, `layers.1.units=200`. Values are YAML on one line, without comments: see `parse_value`.
"""

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

from dnn_cli.errors import ConfigError, Fault, Place, nearest
from dnn_cli.spec.stack import names_of
from dnn_cli.spec.yaml_file import MAX_DEPTH, Document, KeyPath, Loader, check_characters, key_text, parse_yaml


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """The document with every override applied, in the order given.

    Raises:
        ConfigError: overrides that are no `key=value`, or whose place does not exist; all of them.
    """
    edited = Edited(copy.deepcopy(document.value), dict(document.places), list(document.faults))
    faults: list[Fault] = []
    for override in overrides:
        try:
            edited.apply(override)
        except Misplaced as error:
            faults.append(Fault(Place(override), "", error.message, error.suggestion))
        except ConfigError as error:
            faults += [Fault(Place(override), "", fault.message, fault.suggestion) for fault in error.faults]
    if faults:
        raise ConfigError(faults)
    return Document(edited.value, edited.places, tuple(edited.faults))


TEXT_KEYS = ("name", "path", "validation_path", "test_path", "target")
"""Keys whose values are texts, so that `name=007` and `name=7` need no quotes."""

NOT_PLAIN = ("'", '"', "[", "{")
"""The first characters of values that are YAML."""


def parse_value(text: str, override: str, *, is_text: bool = False) -> Document:
    """Return the value of an override as a document.

    A value in quotes, a list and a mapping are YAML on one line. Any other value is exactly what was typed: `#` begins
    no comment and `: ` no mapping. The value is then a number, true, false or null where YAML reads it as one.

    Args:
        text: The text after `=`.
        override: The whole word, for the places of faults.
        is_text: Read a value that is not in quotes as text, even if it looks like a number.

    Raises:
        ConfigError: the text is not YAML, or goes on after the end of a quoted text, a list or a mapping.
    """
    typed = text.strip(" \t")
    if "\n" in typed:
        return parse_yaml(text, override)
    if typed.startswith(NOT_PLAIN):
        document = parse_yaml(text, override)
        if rest := text_after_value(text):
            raise ConfigError([Fault(Place(override), "", f"goes on after the value, with {rest}", "quote the whole")])
        return document
    if typed and (is_text or not is_same_in_yaml(typed)):
        return parse_yaml(quoted(typed), override)
    return parse_yaml(text, override)


def is_same_in_yaml(text: str) -> bool:
    """Return whether YAML reads a text as one plain scalar with all of its characters."""
    try:
        events: list[Any] = list(yaml.parse(text, Loader=Loader))
    except yaml.YAMLError:
        return False
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    nodes = [event for event in events if isinstance(event, yaml.NodeEvent)]
    if len(nodes) != 1 or not scalars:
        return False
    return scalars[0].value == text and (scalars[0].tag, scalars[0].anchor) == (None, None)


def text_after_value(text: str) -> str:
    """Return the text after a quoted text, a list or a mapping: a comment."""
    events: list[Any] = list(yaml.parse(text, Loader=Loader))
    outer = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)
    ends = [event.end_mark.index for event in events if not isinstance(event, outer)]
    return text[max(ends) :].strip()


def quoted(text: str) -> str:
    """Return a text in single quotes, which YAML reads as this text."""
    return "'" + text.replace("'", "''") + "'"


class Misplaced(Exception):
    """An override has no place to go."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


@dataclass
class Edited:
    """A document while overrides change it."""

    value: Any
    places: dict[KeyPath, Place]
    faults: list[tuple[KeyPath, Fault]]

    def apply(self, override: str) -> None:
        """Set or remove what an override names.

        Raises:
            Misplaced: it is no override, or names nothing.
            ConfigError: its value is not YAML.
        """
        removes = override.startswith("~")
        key, equals, text = override.removeprefix("~").partition("=")
        if not key or removes == bool(equals):
            raise Misplaced("is not an override", "write key.path=value, or ~key.path to remove one")
        check_characters(override, override)
        if key.count(".") > MAX_DEPTH:
            raise Misplaced(f"is nested more than {MAX_DEPTH} deep")
        path, holder = self.find(key, Place(override))
        given = parse_value("" if removes else text, override, is_text=path[-1] in TEXT_KEYS)
        if removes and isinstance(holder, dict) and path[-1] not in holder:
            raise Misplaced(f"has nothing to remove: there is no {path[-1]}", nearest(str(path[-1]), holder))
        self.forget(path)
        if not removes:
            holder[path[-1]] = given.value
            self.places[path] = Place(override)
            for where, fault in given.faults:
                key = ".".join(filter(None, (key_text(path), fault.key)))
                self.faults.append(((*path, *where), Fault(Place(override), key, fault.message, fault.suggestion)))
            return
        del holder[path[-1]]
        if isinstance(holder, list):
            self.close_gap(path)

    def forget(self, path: KeyPath) -> None:
        """Drop what is known about a value that goes."""
        self.places = {known: place for known, place in self.places.items() if known[: len(path)] != path}
        self.faults = [(known, fault) for known, fault in self.faults if known[: len(path)] != path]

    def close_gap(self, path: KeyPath) -> None:
        """Move what is known about the items of a list after one that was removed."""
        depth, gone = len(path) - 1, path[-1]

        def moved(known: KeyPath) -> KeyPath:
            item = known[depth] if known[:depth] == path[:depth] and len(known) > depth else None
            later = isinstance(item, int) and isinstance(gone, int) and item > gone
            return (*known[:depth], item - 1, *known[depth + 1 :]) if later and isinstance(item, int) else known

        self.places = {moved(known): place for known, place in self.places.items()}
        self.faults = [(moved(known), fault) for known, fault in self.faults]

    def find(self, key: str, place: Place) -> tuple[KeyPath, Any]:
        """The path that a key means, and the mapping or list that holds its last step, made where missing."""
        steps = full_key(key).split(".")
        if steps[0] == "layers":
            steps = ["model", *steps]
        path: list[str | int] = []
        here = self.value
        for step in steps[:-1]:
            *within, where = locate(here, step, path)
            path, here = [*path, *within], reach(here, within)
            below = here[where] if isinstance(here, list) else here.get(where)
            path.append(where)
            if isinstance(below, str):
                below = opened(below, path)
            elif below is None:
                below = {}
                self.places[tuple(path)] = place
            elif not isinstance(below, dict | list):
                raise Misplaced(f"{key_text(tuple(path))} is a plain value and holds no keys")
            here[where] = below
            here = below
        *within, where = locate(here, steps[-1], path)
        return (*path, *within, where), reach(here, within)


def full_key(key: str) -> str:
    """Return the key that a short one stands for: `lr` and `learning_rate` are the optimizer's."""
    steps = key.removeprefix("optimizer.").split(".") if key.startswith("optimizer.lr") else key.split(".")
    return ".".join(["optimizer", "learning_rate", *steps[1:]]) if steps[0] in ("lr", "learning_rate") else key


def full_override(override: str) -> str:
    """Return an override with its whole key: `lr=0.1` is `optimizer.learning_rate=0.1`."""
    lead = "~" if override.startswith("~") else ""
    key, equals, text = override.removeprefix("~").partition("=")
    return f"{lead}{full_key(key)}{equals}{text}"


def opened(name: str, path: Sequence[str | int]) -> dict[str, Any]:
    """A bare name as the mapping that it stands for, so that it can be given keys: one of only its type."""
    return {} if tuple(path) == ("class_weight",) else {"type": name}  # which knows `balanced`, and no types


def reach(holder: Any, path: Sequence[Any]) -> Any:
    """What stands at a path that is there."""
    for step in path:
        holder = holder[step]
    return holder


def locate(holder: Any, step: str, path: Sequence[str | int]) -> tuple[Any, ...]:
    """A step within a mapping or a list: a key, an index, or the name of a layer, which may be within a block."""
    if isinstance(holder, dict):
        if not step:
            raise Misplaced("has an empty step in its key", "write key.path=value")
        return (step,)
    if not isinstance(holder, list):
        raise Misplaced("needs a config that is a mapping of keys")
    names = names_of(map(name_and_class, holder))
    if step in names:
        return (names.index(step),)
    if step.isascii() and step.isdigit() and len(step) < 10 and int(step) < len(holder):
        return (int(step),)
    for index, item in enumerate(holder):
        if isinstance(item, dict) and "repeat" in item and isinstance(item.get("layers"), list):
            with suppress(Misplaced):
                return (index, "layers", *locate(item["layers"], step, path))
    names += within_blocks(holder)
    known = f"indices are 0 to {len(holder) - 1}, names are {', '.join(names)}" if holder else "it is empty"
    stem = step.rpartition("_")[0]
    hint = f"{stem} stands for all of its rounds" if stem in within_blocks(holder) else nearest(step, names)
    raise Misplaced(f"{key_text(tuple(path))} has no {step}; {known}", hint)


def within_blocks(holder: list[Any]) -> list[str]:
    """The names of layers within the blocks of a list."""
    blocks = [item["layers"] for item in holder if isinstance(item, dict) and isinstance(item.get("layers"), list)]
    return [name for layers in blocks for name in (*names_of(map(name_and_class, layers)), *within_blocks(layers))]


def name_and_class(item: Any) -> tuple[str | None, str]:
    """The name and class of an item of a list, as far as it has them."""
    if isinstance(item, dict):
        name = item.get("name")
        return (name if isinstance(name, str) else None), "Block" if "repeat" in item else str(item.get("type"))
    return None, str(item)
