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
from dnn_cli.report.text import UNLIMITED_WIDTH

_UNSAFE_CHARACTERS = re.compile("[\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control codes and turns of direction that JSON may hold as they are, and a terminal would obey."""


class _PipeSafeConsole(Console):
    """A console that prints no more after its reader has gone, and raises no error."""

    def on_broken_pipe(self) -> None:
        """Stop printing: the reader has gone."""
        self.quiet = True
        redirect_to_devnull(self.file)


def redirect_to_devnull(stream: IO[str]) -> None:
    """Redirect a stream to the null device, with all that it still holds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_result(text: str) -> None:
    """Write text to standard output as it is, in full."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        redirect_to_devnull(sys.stdout)


def build_console(stream: TextIO) -> Console:
    """A console that prints text as it is: no markup, and no control codes unless on a colour terminal."""
    is_plain = "NO_COLOR" in os.environ or not stream.isatty() or not can_move_cursor()
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal without Unicode shows ? instead of failing
    return _PipeSafeConsole(
        file=stream,
        force_terminal=False if is_plain else None,
        width=None if stream.isatty() else UNLIMITED_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def get_output_console() -> Console:
    """Where results go."""
    return build_console(sys.stdout)


def get_notes_console() -> Console:
    """Where progress, notes and errors go."""
    return build_console(sys.stderr)


def can_print_text(text: str) -> bool:
    """Whether standard output has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_limited_width(console: Console) -> bool:
    """Whether lines end somewhere: on a terminal, even if it is a plain one."""
    return console.width < UNLIMITED_WIDTH


def print_rich_table(console: Console, table: Table) -> None:
    """Print a table, in a pipe without the spaces that fill its last column."""
    if console.is_terminal:
        console.print(table)
    elif isinstance(table, PlainTable) and not has_limited_width(console):
        write_result(table.to_text())
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
    text = _UNSAFE_CHARACTERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    write_result(text + "\n")
