"""`key.path=value` on the command line, laid over a document; `~key.path` removes.

A layer is addressed by its name or its index, and the leading `model.` may be left out:
`layers.hidden.units=200`, `layers.1.units=200`. Values are YAML.
"""

import copy
from collections.abc import Sequence
from typing import Any

from dnn_cli.errors import ConfigError, Fault, Place, nearest
from dnn_cli.spec.yaml_file import Document, KeyPath, key_text, parse_yaml


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """The document with every override applied, in the order given.

    Raises:
        ConfigError: overrides that are no `key=value`, or whose place does not exist; all of them.
    """
    value = copy.deepcopy(document.value)
    places = dict(document.places)
    kept = list(document.faults)
    faults: list[Fault] = []
    for override in overrides:
        try:
            removes = override.startswith("~")
            key, equals, text = override.removeprefix("~").partition("=")
            if not key or removes == bool(equals):
                raise Misplaced("is not an override", "write key.path=value, or ~key.path to remove one")
            path, parent = find(value, key)
            if removes:
                remove(parent, path[-1])
            else:
                given = parse_yaml(text, override)
                parent[path[-1]] = given.value
            for known in [known for known in places if known[: len(path)] == path]:
                del places[known]
            places[path] = Place(override)
            kept = [(where, fault) for where, fault in kept if where[: len(path)] != path]
            if not removes:
                kept += [((*path, *where), Fault(Place(override), key_text((*path, *where)), f.message, f.suggestion))
                         for where, f in given.faults]  # fmt: skip
        except Misplaced as error:
            faults.append(Fault(Place(override), "", error.message, error.suggestion))
        except ConfigError as error:
            faults += [Fault(Place(override), "", fault.message, fault.suggestion) for fault in error.faults]
    if faults:
        raise ConfigError(faults)
    return Document(value, places, tuple(kept))


class Misplaced(Exception):
    """An override has no place to go."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def find(root: Any, key: str) -> tuple[KeyPath, Any]:
    """The path that a key means, and the mapping or list that holds its last step, made where missing."""
    steps = key.split(".")
    if steps[0] == "layers":
        steps = ["model", *steps]
    path: list[str | int] = []
    here = root
    for step in steps[:-1]:
        where = locate(here, step, path)
        below = here[where] if isinstance(here, list) else here.get(where)
        if isinstance(below, str):
            below = {"type": below}  # a bare name is a mapping of only its type
        elif below is None:
            below = {}
        elif not isinstance(below, dict | list):
            raise Misplaced(f"{key_text((*path, where))} is a plain value and holds no keys")
        here[where] = below
        path.append(where)
        here = below
    path.append(locate(here, steps[-1], path))
    return tuple(path), here


def locate(holder: Any, step: str, path: Sequence[str | int]) -> Any:
    """A step within a mapping or a list: a key, an index, or the name of a layer."""
    if isinstance(holder, dict):
        if not step:
            raise Misplaced("has an empty step in its key", "write key.path=value")
        return step
    if not isinstance(holder, list):
        raise Misplaced("needs a config that is a mapping of keys")
    named = [item.get("name") if isinstance(item, dict) else None for item in holder]
    if step in named:
        return named.index(step)
    if step.isascii() and step.isdigit() and int(step[:9]) < len(holder):
        return int(step)
    names = [name for name in named if isinstance(name, str)]
    known = f"indices are 0 to {len(holder) - 1}" + (f", names are {', '.join(names)}" if names else "")
    raise Misplaced(f"{key_text(tuple(path))} has no {step}; {known}", nearest(step, names))


def remove(holder: Any, step: Any) -> None:
    """Take a key out of a mapping, or an item out of a list."""
    if isinstance(holder, dict) and step not in holder:
        raise Misplaced(f"has nothing to remove: there is no {step}", nearest(str(step), holder))
    del holder[step]
