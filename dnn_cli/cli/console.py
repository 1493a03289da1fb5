"""Two consoles, results on standard output and everything else on standard error, and nothing but text in them."""

import json
import os
import re
import sys
from typing import IO, Any, TextIO

from rich.console import Console
from rich.table import Table

from dnn_cli.host.terminal import can_move_cursor
from dnn_cli.report.tables import PlainTable
from dnn_cli.report.words import WIDE

UNSEEN = re.compile("[\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control codes and turns of direction that JSON may hold as they are, and a terminal would obey."""


class Patient(Console):
    """A console that falls silent when its reader goes away, and stops nobody's work for it."""

    def on_broken_pipe(self) -> None:
        """The reader has gone: say no more."""
        self.quiet = True
        fall_silent(self.file)


def fall_silent(stream: IO[str]) -> None:
    """Send all that a stream still holds, and all that follows, to nobody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_result(text: str) -> None:
    """Write text to standard output as it is, in full."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        fall_silent(sys.stdout)


def console(stream: TextIO) -> Console:
    """A console that prints text as it is: no markup, and no control codes unless on a colour terminal."""
    plain = "NO_COLOR" in os.environ or not stream.isatty() or not can_move_cursor()
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal without Unicode shows ? instead of failing
    return Patient(
        file=stream,
        force_terminal=False if plain else None,
        width=None if stream.isatty() else WIDE,
        markup=False,
        emoji=False,
        highlight=False,
    )


def results() -> Console:
    """Where results go."""
    return console(sys.stdout)


def notes() -> Console:
    """Where progress, notes and errors go."""
    return console(sys.stderr)


def can_print(text: str) -> bool:
    """Whether standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_edge(console: Console) -> bool:
    """Whether lines end somewhere: on a terminal, even if it is a plain one."""
    return console.width < WIDE


def show(console: Console, table: Table) -> None:
    """Print a table, in a pipe without the spaces that fill its last column."""
    if console.is_terminal:
        console.print(table)
    elif isinstance(table, PlainTable) and not has_edge(console):
        write_result(table.text())
    else:
        with console.capture() as capture:
            console.print(table)
        write_result("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def print_json(document: dict[str, Any]) -> None:
    """One JSON document on standard output."""
    document = {"schema_version": 1, **document}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:  # a stream that is not UTF-8, or a path that is not
        text = json.dumps(document, allow_nan=False, indent=2)
    text = UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    write_result(text + "\n")
