"""Reader of YAML: plain values, each with its line and column.

Numbers and texts are those of YAML 1.2: `1e-3` is a number, and `no` and `1:30` are texts. Numbers that versions of
YAML read differently (`010`, `0x1F`, `1_000`) are texts, so that keys with numbers refuse them. Tags, merge keys and
repeated keys are issues.
"""

import codecs
import copy
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from dnn_cli.errors import ConfigError, KeyPath, LocatedIssue, SourceLocation
from dnn_cli.host.control_characters import FORBIDDEN_CHARACTER
from dnn_cli.host.regular_file import FileTooLargeError, NotRegularFileError, read_regular_file

YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 1_000_000
"""Largest size of a config file, in bytes."""

MAX_DEPTH = 50
"""Largest depth of nested lists and mappings."""

_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
_MAX_VALUES = 50_000
"""Largest number of values in a document, including those that YAML aliases repeat.

Useful configs are far below this limit, which keeps a file from exhausting time or memory.
"""

MAX_ISSUES = 100
"""Largest number of issues that are reported. Further issues are left out to save time."""

_INTEGER_PATTERN = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT_PATTERN = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_PYTHON_START = re.compile(r"[A-Za-z_.]*\(")
_YAML_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """Plain values of a YAML text, their locations by key path, and the issues that the reader found."""

    value: Any
    locations: Mapping[KeyPath, SourceLocation]
    issues: tuple[tuple[KeyPath, LocatedIssue], ...] = ()

    def find_location(self, path: KeyPath) -> SourceLocation:
        """Return the location of a value, or of the innermost mapping or list around it that has a location."""
        while path and path not in self.locations:
            path = path[:-1]
        return self.locations[path]


def format_key_path(path: KeyPath) -> str:
    """Return a key path in the notation of the command line: `model.layers.1.units`."""
    return ".".join(map(str, path))


def read_yaml(file: str) -> Document:
    """Read the document in a UTF-8 file.

    Raises:
        ConfigError: the file cannot be read, or is not a single YAML document.
    """
    try:
        raw = read_regular_file(file, MAX_BYTES)
    except NotRegularFileError:
        raise _build_config_error(SourceLocation(file), "is not a file") from None
    except FileTooLargeError as error:
        message = f"is {error.strerror}, the maximum size of a config"
        raise _build_config_error(SourceLocation(file), message) from None
    except (OSError, ValueError) as error:
        raise _build_config_error(
            SourceLocation(file), f"cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        location = SourceLocation(file, before.count(b"\n") + 1, column)
        raise _build_config_error(location, "is not UTF-8 text", "save the file as UTF-8") from None
    return parse_yaml(text, file)


def parse_yaml(text: str, source: str) -> Document:
    """Return the document in a text; `source` names the text in issues.

    Raises:
        ConfigError: the text is not a single YAML document.
    """
    check_characters(text, source)
    try:
        return YamlReader(source, yaml.parse(text, Loader=YamlLoader)).read_document()
    except yaml.MarkedYAMLError as error:
        unended = error.problem in ("could not find expected ':'", "found unexpected end of stream")
        mark = error.context_mark if unended else error.problem_mark or error.context_mark
        location = SourceLocation(source, mark.line + 1, mark.column + 1) if mark else SourceLocation(source)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        if mark and text[mark.index : mark.index + 1] == "\t":
            raise _build_config_error(location, "is not valid YAML: a tab cannot indent a line", "use spaces") from None
        # A scanner that looks ahead has its own limit of depth.
        if "nesting depth" in reason:
            raise _build_config_error(location, _TOO_DEEP) from None
        raise _build_config_error(location, f"is not valid YAML: {reason}") from None
    except yaml.YAMLError as error:
        raise _build_config_error(
            SourceLocation(source), f"is not valid YAML: {' '.join(str(error).split())}"
        ) from None


def check_characters(text: str, source: str) -> None:
    """Check that a text does not contain a character that is not allowed in a config.

    These are control characters other than tab and line ends, surrogates, and noncharacters.

    Args:
        text: The text.
        source: The name of the text in issues.

    Raises:
        ConfigError: the text contains such a character.
    """
    if match := FORBIDDEN_CHARACTER.search(text):
        start = match.start()
        location = SourceLocation(source, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
        raise _build_config_error(
            location, f"contains the control character U+{ord(match[0]):04X}", "delete the character"
        )


def _compute_depth(value: Any) -> int:
    """Return how deep a value is nested: 1 for a scalar, and 1 more for each level of lists or mappings."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_compute_depth, inner), default=0)


def _build_config_error(location: SourceLocation, message: str, suggestion: str = "") -> ConfigError:
    """Return an error with a single issue, after which the reading of a file cannot continue."""
    return ConfigError([LocatedIssue(location, "", message, suggestion)])


def _is_empty_scalar(event: Any) -> bool:
    """Return whether an event of PyYAML's parser is a value without any character."""
    return isinstance(event, yaml.ScalarEvent) and event.value == event.style == ""


def _is_open_python(value: Any) -> bool:
    """Return whether a text is the beginning of a tuple or a call of Python, without the last closing parenthesis."""
    return isinstance(value, str) and _PYTHON_START.match(value) is not None and value.count("(") > value.count(")")


@dataclass
class YamlReader:
    """Reader that builds plain values from the events of PyYAML's parser, and stores their locations and issues."""

    source: str
    events: Iterator[Any]
    locations: dict[KeyPath, SourceLocation] = field(default_factory=dict)
    issues: list[tuple[KeyPath, LocatedIssue]] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)
    value_count: int = 0

    def read_document(self) -> Document:
        # The first event is the start of the stream.
        self.next_event()
        first = self.next_event()
        if isinstance(first, yaml.StreamEndEvent):
            self.locations[()] = SourceLocation(self.source, 1, 1)
            return Document(None, self.locations)
        value = self.read_value(self.next_event(), ())
        # This event is the end of the document.
        self.next_event()
        after = self.next_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise _build_config_error(
                self.get_location(after), "a second YAML document starts here", "write one document per file"
            )
        return Document(value, self.locations, tuple(self.issues))

    def next_event(self) -> Any:
        event = next(self.events)
        self.count_values(1, event)
        return event

    def count_values(self, count: int, event: Any) -> None:
        """Add to the number of values read so far, and check that it is within the limit.

        The limit exists because aliases can turn a short text into millions of values.

        Args:
            count: The number of values that the event adds.
            event: The event from PyYAML, which gives the location of an error.

        Raises:
            ConfigError: the document has too many values.
        """
        self.value_count += count
        if self.value_count > _MAX_VALUES:
            raise _build_config_error(
                self.get_location(event), f"has more than {_MAX_VALUES:,} values, including aliases"
            )

    def get_location(self, event: Any) -> SourceLocation:
        return SourceLocation(self.source, event.start_mark.line + 1, event.start_mark.column + 1)

    def add_issue(self, event: Any, path: KeyPath, message: str, suggestion: str = "") -> None:
        self.issues.append((path, LocatedIssue(self.get_location(event), format_key_path(path), message, suggestion)))

    def read_value(self, event: Any, path: KeyPath) -> Any:
        if len(path) > MAX_DEPTH:
            raise _build_config_error(self.get_location(event), _TOO_DEEP)
        self.locations.setdefault(path, self.get_location(event))
        if isinstance(event, yaml.AliasEvent):
            return self.read_alias(event, path)
        if event.anchor is None:
            return self.read_content(event, path)
        # `None` marks an open anchor: an alias within its own value would be a cycle.
        self.anchors[event.anchor] = None
        before = self.value_count
        value = self.read_content(event, path)
        self.anchors[event.anchor] = (value, self.value_count - before + 1)
        return value

    def read_content(self, event: Any, path: KeyPath) -> Any:
        if event.tag is not None and event.tag != "!":
            self.add_issue(event, path, f"the tag {event.tag} is not allowed in a config", "remove the tag")
        if isinstance(event, yaml.MappingStartEvent):
            return self.read_mapping(path, is_flow=bool(event.flow_style))
        if isinstance(event, yaml.SequenceStartEvent):
            return self.read_sequence(path)
        if event.style in (None, "") and event.tag is None:
            return self.read_plain_scalar(event, path)
        return self.read_text(event, path)

    def read_text(self, event: Any, path: KeyPath) -> str:
        """Return a quoted text or a key.

        Escapes may represent control characters, which are not allowed. Such characters become `?` and cause an issue.
        """
        if FORBIDDEN_CHARACTER.search(event.value):
            self.add_issue(
                event, path, "the text contains a control character or half of a character", "delete the character"
            )
            return "".join(c if c.isprintable() else "?" for c in event.value)
        return str(event.value)

    def read_alias(self, alias: Any, path: KeyPath) -> Any:
        """Return a copy of the value to which an alias refers. All values in the copy have the location of the alias.

        Raises:
            ConfigError: the anchor has no value yet, or the value is too deep or too large.
        """
        anchored = self.anchors.get(alias.anchor)
        if anchored is None:
            raise _build_config_error(
                self.get_location(alias),
                f"the alias *{alias.anchor} needs a complete value with the anchor &{alias.anchor} before the alias",
            )
        value, size = anchored
        self.count_values(size, alias)
        if len(path) + _compute_depth(value) > MAX_DEPTH:
            raise _build_config_error(self.get_location(alias), _TOO_DEEP)
        return copy.deepcopy(value)

    def read_mapping(self, path: KeyPath, *, is_flow: bool) -> dict[str, Any]:
        """Return a mapping.

        In braces, YAML ends a text at a comma. Parentheses of Python are kept together, for a clear message:
        `{size: (3, 3)}` has the text `(3, 3)`, and not the key `3)`.
        """
        mapping: dict[str, Any] = {}
        open_key = ""
        while not isinstance(event := self.next_event(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _build_config_error(self.get_location(event), "a key must be text, not a list or a mapping")
            key = self.read_text(event, path)
            key_path = (*path, key)
            value_event = self.next_event()
            if is_flow and _is_empty_scalar(value_event) and _is_open_python(mapping.get(open_key)):
                mapping[open_key] += f", {key}"
                continue
            open_key = key if getattr(value_event, "style", None) == "" else ""
            if key == "<<" and event.style in (None, ""):
                self.add_issue(event, key_path, "merge keys (<<) are not supported", "use extends")
            elif key in mapping:
                # A separate path keeps the first value, so that it is checked as well.
                repeated_path = (*path, f"{key} (again)")
                message = f"duplicate key, first used in line {self.locations[key_path].line}"
                self.issues.append(
                    (
                        repeated_path,
                        LocatedIssue(
                            self.get_location(event), format_key_path(key_path), message, "keep one of the two"
                        ),
                    )
                )
                self.read_value(value_event, repeated_path)
                continue
            self.locations[key_path] = self.get_location(event)
            mapping[key] = self.read_value(value_event, key_path)
        return mapping

    def read_sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self.next_event(), yaml.SequenceEndEvent):
            items.append(self.read_value(event, (*path, len(items))))
        return items

    def read_plain_scalar(self, event: Any, path: KeyPath) -> Any:
        text = event.value
        if text in _YAML_CONSTANTS:
            return _YAML_CONSTANTS[text]
        if _INTEGER_PATTERN.fullmatch(text):
            if len(text) <= 18:
                return int(text)
            self.add_issue(event, path, "the number is too large")
        elif _FLOAT_PATTERN.fullmatch(text):
            if math.isfinite(number := float(text)):
                return number
            self.add_issue(event, path, "the number is too large")
        elif _NOT_FINITE.fullmatch(text):
            self.add_issue(event, path, f"{text} is not a finite number", "write a finite number")
        return text
