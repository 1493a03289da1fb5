"""YAML text → plain values, with the line and column of every one.

What looks like a number is one (`1e-3`), and what looks like text stays text (`no`, `1:30`), as in YAML 1.2.
What versions of YAML read differently (`010`, `0x1F`, `1_000`) stays text, so that a key for a number refuses
it. Tags, merge keys and repeated keys are faults.
"""

import codecs
import copy
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from dnn_cli.errors import ConfigError, Fault, Place

KeyPath = tuple[str | int, ...]
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
TOO_DEEP = f"is nested more than {MAX_DEPTH} deep"
MAX_VALUES = 50_000
"""Bounds a config far beyond any use, so that no file can exhaust time or memory."""

MAX_FAULTS = 100
"""More are not worth reading, nor the time to find what was meant."""

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """Plain values, where each was written, and the faults met on the way."""

    value: Any
    places: Mapping[KeyPath, Place]
    faults: tuple[tuple[KeyPath, Fault], ...] = ()

    def place(self, path: KeyPath) -> Place:
        """Where a value, or the nearest one around it, was written."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]


def key_text(path: KeyPath) -> str:
    """A path as it is written on the command line: `model.layers.1.units`."""
    return ".".join(map(str, path))


def read_yaml(file: str) -> Document:
    """The document in a UTF-8 file.

    Raises:
        ConfigError: the file cannot be read or is not one YAML document.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO without a writer must not block
    except (OSError, ValueError) as error:
        raise refuse(Place(file), f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refuse(Place(file), "is not a file")
        with open(descriptor, "rb", closefd=False) as stream:
            raw = stream.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > MAX_BYTES:
        raise refuse(Place(file), f"is larger than {MAX_BYTES:,} bytes, which no config needs")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        place = Place(file, before.count(b"\n") + 1, column)
        raise refuse(place, "is not UTF-8 text", "save the file as UTF-8") from None
    return parse_yaml(text, file)


def parse_yaml(text: str, source: str) -> Document:
    """The document in a text; `source` names it in faults.

    Raises:
        ConfigError: the text is not one YAML document.
    """
    check_characters(text, source)
    try:
        return Reader(source, yaml.parse(text, Loader=Loader)).document()
    except yaml.MarkedYAMLError as error:
        unended = error.problem in ("could not find expected ':'", "found unexpected end of stream")
        mark = error.context_mark if unended else error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        if mark and text[mark.index : mark.index + 1] == "\t":
            raise refuse(place, "is not YAML: a tab cannot indent", "use spaces") from None
        if "nesting depth" in reason:  # a scanner that looks ahead, and has a limit of its own
            raise refuse(place, TOO_DEEP) from None
        raise refuse(place, f"is not YAML: {reason}") from None
    except yaml.YAMLError as error:
        raise refuse(Place(source), f"is not YAML: {' '.join(str(error).split())}") from None


def check_characters(text: str, source: str) -> None:
    """Refuse what no text holds: control characters other than tab and line ends, and halves of characters."""
    if found := CONTROL.search(text):
        start = found.start()
        place = Place(source, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
        raise refuse(place, f"holds the control character U+{ord(found[0]):04X}", "delete it")


def depth(value: Any) -> int:
    """How many lists and mappings are within each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)


def refuse(place: Place, message: str, suggestion: str = "") -> ConfigError:
    """A fault that ends the reading of a file."""
    return ConfigError([Fault(place, "", message, suggestion)])


@dataclass
class Reader:
    """Builds plain values from YAML's events, and notes places and faults."""

    source: str
    events: Iterator[Any]
    places: dict[KeyPath, Place] = field(default_factory=dict)
    faults: list[tuple[KeyPath, Fault]] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)
    count: int = 0

    def document(self) -> Document:
        self.take()  # the start of the stream
        first = self.take()
        if isinstance(first, yaml.StreamEndEvent):
            self.places[()] = Place(self.source, 1, 1)
            return Document(None, self.places)
        value = self.value(self.take(), ())
        self.take()  # the end of the document
        after = self.take()
        if not isinstance(after, yaml.StreamEndEvent):
            raise refuse(self.at(after), "starts a second document", "keep one document a file")
        return Document(value, self.places, tuple(self.faults))

    def take(self) -> Any:
        event = next(self.events)
        self.add(1, event)
        return event

    def add(self, count: int, event: Any) -> None:
        """Count what has been read, so that a bomb of aliases ends early."""
        self.count += count
        if self.count > MAX_VALUES:
            raise refuse(self.at(event), f"holds more than {MAX_VALUES:,} values, aliases counted")

    def at(self, event: Any) -> Place:
        return Place(self.source, event.start_mark.line + 1, event.start_mark.column + 1)

    def fault(self, event: Any, path: KeyPath, message: str, suggestion: str = "") -> None:
        self.faults.append((path, Fault(self.at(event), key_text(path), message, suggestion)))

    def value(self, event: Any, path: KeyPath) -> Any:
        if len(path) > MAX_DEPTH:
            raise refuse(self.at(event), TOO_DEEP)
        self.places.setdefault(path, self.at(event))
        if isinstance(event, yaml.AliasEvent):
            return self.follow(event, path)
        if event.anchor is None:
            return self.content(event, path)
        self.anchors[event.anchor] = None  # open: an alias to it now would be a circle
        before = self.count
        value = self.content(event, path)
        self.anchors[event.anchor] = (value, self.count - before + 1)
        return value

    def content(self, event: Any, path: KeyPath) -> Any:
        if event.tag is not None and event.tag != "!":
            self.fault(event, path, f"the tag {event.tag} has no meaning in a config", "write the plain value")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        if event.style in (None, "") and event.tag is None:
            return self.plain(event, path)
        return self.text(event, path)

    def text(self, event: Any, path: KeyPath) -> str:
        """A quoted text or a key, whose escapes may spell what the raw text may not hold."""
        if CONTROL.search(event.value):
            self.fault(event, path, "the text holds a control character or half a character", "delete it")
            return "".join(c if c.isprintable() else "?" for c in event.value)
        return str(event.value)

    def follow(self, alias: Any, path: KeyPath) -> Any:
        """The value an alias stands for; every value in it has the alias's place."""
        anchored = self.anchors.get(alias.anchor)
        if anchored is None:
            raise refuse(self.at(alias), f"the alias *{alias.anchor} has no value before it to stand for")
        value, size = anchored
        self.add(size, alias)
        if len(path) + depth(value) > MAX_DEPTH:
            raise refuse(self.at(alias), TOO_DEEP)
        return copy.deepcopy(value)

    def mapping(self, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self.take(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise refuse(self.at(event), "a key must be a word")
            key = self.text(event, path)
            here = (*path, key)
            if key == "<<" and event.style in (None, ""):
                self.fault(event, here, "merge keys are not part of the config language", "use extends")
            elif key in found:
                again = (*path, f"{key} (again)")  # a place of its own, so that the first value is judged as well
                message = f"the key stands twice, first in line {self.places[here].line}"
                self.faults.append((again, Fault(self.at(event), key_text(here), message, "keep one of them")))
                self.value(self.take(), again)
                continue
            self.places[here] = self.at(event)
            found[key] = self.value(self.take(), here)
        return found

    def sequence(self, path: KeyPath) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self.take(), yaml.SequenceEndEvent):
            found.append(self.value(event, (*path, len(found))))
        return found

    def plain(self, event: Any, path: KeyPath) -> Any:
        text = event.value
        if text in WORDS:
            return WORDS[text]
        if INTEGER.fullmatch(text):
            if len(text) <= 18:
                return int(text)
            self.fault(event, path, "the number is too large")
        elif FLOAT.fullmatch(text):
            if math.isfinite(number := float(text)):
                return number
            self.fault(event, path, "the number is too large")
        elif NOT_FINITE.fullmatch(text):
            self.fault(event, path, f"{text} is not a number to calculate with", "write a finite number")
        return text
