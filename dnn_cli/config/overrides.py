"""Overrides of a document: `key.path=value` sets a value, `~key.path` removes a value.

A layer is addressed by its name or its index, and the leading `model.` may be left out:
`layers.hidden.units=200`, `layers.1.units=200`. A step with a point or `=` is in double quotes, as in
`data.columns."a.b"=category`. Values are YAML on one line, without comments: see `_parse_override_value`.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from dnn_cli.config.layer_steps import OverrideError, resolve_step
from dnn_cli.config.yaml_reader import MAX_DEPTH, Document, YamlLoader, check_characters, format_key_path, parse_yaml
from dnn_cli.errors import ConfigError, KeyPath, LocatedIssue, SourceLocation, suggest_nearest_name


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """Return a copy of the document with all overrides applied in their order.

    Raises:
        ConfigError: an override is malformed, or its key does not exist; the error lists all such overrides.
    """
    editor = OverrideEditor(copy.deepcopy(document.value), dict(document.locations), list(document.issues))
    issues: list[LocatedIssue] = []
    for override in overrides:
        try:
            editor.apply_override(override)
        except OverrideError as error:
            issues.append(LocatedIssue(SourceLocation(override), "", error.message, error.suggestion))
        except ConfigError as error:
            issues += [
                LocatedIssue(SourceLocation(override), "", issue.message, issue.suggestion) for issue in error.issues
            ]
    if issues:
        raise ConfigError(issues)
    return Document(editor.value, editor.locations, tuple(editor.issues))


_STEP = re.compile(r'"(?:[^"\\]|\\.)*"(?=[.=]|\Z)|[^.=]*', re.DOTALL)
"""Pattern of one step of a key: a text in double quotes, or characters other than points and `=`."""


def partition_override(override: str) -> tuple[str, str, str]:
    """Split an override at the first `=` outside of quotes, like `str.partition`: into key, `=` and value."""
    end = 0
    while True:
        match = _STEP.match(override, end)
        # The pattern matches an empty text.
        end = match.end() if match else end
        if override[end : end + 1] != ".":
            return override[:end], override[end : end + 1], override[end + 1 :]
        end += 1


def _split_key(key: str) -> list[str]:
    """Split a dotted key into its steps, without the quotes of steps in quotes.

    Raises:
        ConfigError: the text in the quotes of a step is not YAML.
    """
    steps, end = [], -1
    while end < len(key):
        match = _STEP.match(key, end + 1)
        step = match[0] if match else ""
        end += 1 + len(step)
        steps.append(str(parse_yaml(step, key).value) if len(step) > 1 and step[0] == step[-1] == '"' else step)
    return steps


TEXT_KEYS = ("name", "path", "validation_path", "test_path", "target", "weight", "encoding")
"""Last steps of keys whose values are texts: `name=007` and `name=7` set texts even without quotes."""

_YAML_STARTS = ("'", '"', "[", "{")
"""First characters of override values that are read as YAML."""


def _parse_override_value(text: str, override: str, *, is_text: bool = False) -> Document:
    """Return the value of an override as a document.

    A value in quotes, a list and a mapping are YAML on one line. In any other value, `#` and `: ` are plain
    characters. Such a value becomes a number, true, false or null if YAML reads the text in this way.

    Args:
        text: The text after `=`.
        override: The whole override, which issues name as their location.
        is_text: Whether a value without quotes is a text, even if it looks like a number.

    Raises:
        ConfigError: the text is not YAML, or continues after the end of a quoted text, a list or a mapping.
    """
    typed = text.strip(" \t")
    if "\n" in typed:
        return parse_yaml(text, override)
    if typed.startswith(_YAML_STARTS):
        document = parse_yaml(text, override)
        if trailing_text := _find_trailing_text(text):
            raise ConfigError(
                [
                    LocatedIssue(
                        SourceLocation(override),
                        "",
                        f"has text after the value: {trailing_text}",
                        "put the whole value in quotes",
                    )
                ]
            )
        return document
    if typed and (is_text or not _is_plain_scalar(typed)):
        return parse_yaml(_quote_for_yaml(typed), override)
    return parse_yaml(text, override)


def _is_plain_scalar(text: str) -> bool:
    """Return whether YAML reads a text as one plain scalar with all of its characters."""
    try:
        events: list[Any] = list(yaml.parse(text, Loader=YamlLoader))
    except yaml.YAMLError:
        return False
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    nodes = [event for event in events if isinstance(event, yaml.NodeEvent)]
    if len(nodes) != 1 or not scalars:
        return False
    return scalars[0].value == text and (scalars[0].tag, scalars[0].anchor) == (None, None)


def _find_trailing_text(text: str) -> str:
    """Return the text that follows a quoted text, a list or a mapping. YAML reads the following text as a comment."""
    events: list[Any] = list(yaml.parse(text, Loader=YamlLoader))
    outer = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)
    ends = [event.end_mark.index for event in events if not isinstance(event, outer)]
    return text[max(ends) :].strip()


def _quote_for_yaml(text: str) -> str:
    """Return a text in single quotes, so that YAML reads it as the same text."""
    return "'" + text.replace("'", "''") + "'"


@dataclass
class OverrideEditor:
    """Editor that applies overrides to the values, locations and issues of a document."""

    value: Any
    locations: dict[KeyPath, SourceLocation]
    issues: list[tuple[KeyPath, LocatedIssue]]

    def apply_override(self, override: str) -> None:
        """Set or remove the value of an override's key.

        Raises:
            OverrideError: the text is not an override, or its key does not exist.
            ConfigError: the value is not YAML.
        """
        removes = override.startswith("~")
        key, equals, text = partition_override(override.removeprefix("~"))
        if not key or removes == bool(equals):
            raise OverrideError("is not an override", "write KEY=VALUE, or ~KEY to remove a key")
        check_characters(override, override)
        if key.count(".") > MAX_DEPTH:
            raise OverrideError(f"is nested more than {MAX_DEPTH} levels deep")
        path, container = self.find_or_create_parent(key, SourceLocation(override))
        parsed = _parse_override_value("" if removes else text, override, is_text=path[-1] in TEXT_KEYS)
        if removes and isinstance(container, dict) and path[-1] not in container:
            raise OverrideError(
                f"{format_key_path(path)} does not exist", suggest_nearest_name(str(path[-1]), container)
            )
        self.forget_value(path)
        if not removes:
            container[path[-1]] = parsed.value
            self.locations[path] = SourceLocation(override)
            for issue_path, issue in parsed.issues:
                key = ".".join(filter(None, (format_key_path(path), issue.key)))
                self.issues.append(
                    ((*path, *issue_path), LocatedIssue(SourceLocation(override), key, issue.message, issue.suggestion))
                )
            return
        del container[path[-1]]
        if isinstance(container, list):
            self.shift_list_items(path)

    def forget_value(self, path: KeyPath) -> None:
        """Delete the locations and issues of a value that is replaced or removed."""
        self.locations = {
            key_path: location for key_path, location in self.locations.items() if key_path[: len(path)] != path
        }
        self.issues = [(key_path, issue) for key_path, issue in self.issues if key_path[: len(path)] != path]

    def shift_list_items(self, path: KeyPath) -> None:
        """Lower the list indices in locations and issues by 1 for the items after a removed item.

        `path` is the key path of the removed item.
        """
        depth, gone = len(path) - 1, path[-1]

        def shift_key_path(key_path: KeyPath) -> KeyPath:
            item = key_path[depth] if key_path[:depth] == path[:depth] and len(key_path) > depth else None
            later = isinstance(item, int) and isinstance(gone, int) and item > gone
            return (
                (*key_path[:depth], item - 1, *key_path[depth + 1 :]) if later and isinstance(item, int) else key_path
            )

        self.locations = {shift_key_path(key_path): location for key_path, location in self.locations.items()}
        self.issues = [(shift_key_path(key_path), issue) for key_path, issue in self.issues]

    def find_or_create_parent(self, key: str, location: SourceLocation) -> tuple[KeyPath, Any]:
        """Return the key path of a key, and the mapping or list that contains its last step.

        Missing mappings on the path are created. Bare names become mappings.

        Args:
            key: The dotted key of an override.
            location: The location of the override, for the mappings that are created.

        Raises:
            OverrideError: a step does not exist, or a value on the path is a plain value.
        """
        steps = _split_key(expand_key(key))
        if steps[0] == "layers":
            steps = ["model", *steps]
        path: list[str | int] = []
        container = self.value
        for step in steps[:-1]:
            *within, resolved_step = resolve_step(container, step, path)
            path, container = [*path, *within], _get_value_at(container, within)
            child = container[resolved_step] if isinstance(container, list) else container.get(resolved_step)
            path.append(resolved_step)
            if isinstance(child, str):
                child = expand_to_mapping(child, path)
            elif child is None:
                child = {}
                self.locations[tuple(path)] = location
            elif not isinstance(child, dict | list):
                raise OverrideError(f"{format_key_path(tuple(path))} is a plain value and has no keys")
            container[resolved_step] = child
            container = child
        *within, resolved_step = resolve_step(container, steps[-1], path)
        return (*path, *within, resolved_step), _get_value_at(container, within)


def expand_key(key: str) -> str:
    """Return the full key for a short key: `lr` and `learning_rate` become `optimizer.learning_rate`."""
    steps = key.removeprefix("optimizer.").split(".") if key.startswith("optimizer.lr") else key.split(".")
    return ".".join(["optimizer", "learning_rate", *steps[1:]]) if steps[0] in ("lr", "learning_rate") else key


def expand_override_key(override: str) -> str:
    """Return an override with its full key: `lr=0.1` becomes `optimizer.learning_rate=0.1`."""
    lead = "~" if override.startswith("~") else ""
    key, equals, text = partition_override(override.removeprefix("~"))
    return f"{lead}{expand_key(key)}{equals}{text}"


def expand_to_mapping(name: str, path: Sequence[str | int]) -> dict[str, Any]:
    """Return a bare name as a mapping to which keys can be added: `sgd` becomes `{type: sgd}`.

    `path` is the key path of the name. The name `balanced` of class weights becomes an empty mapping.
    """
    # The bare name of class_weight is `balanced`, and class weights have no type.
    return {} if tuple(path) == ("class_weight",) else {"type": name}


def _get_value_at(container: Any, path: Sequence[Any]) -> Any:
    """Return the value at an existing path."""
    for step in path:
        container = container[step]
    return container
