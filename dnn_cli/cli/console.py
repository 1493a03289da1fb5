"""Consoles for plain text: results on standard output, progress, notes and errors on standard error."""

import json
import os
import re
import sys
from typing import IO, Any, TextIO

from rich.console import Console
from rich.table import Table

from dnn_cli.host.terminal import can_move_cursor, get_assumed_size
from dnn_cli.report.tables import PlainTable
from dnn_cli.report.text import UNLIMITED_WIDTH

_UNSAFE_CHARACTERS = re.compile("[\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control codes, line separators and direction marks, which `print_json` escapes.

JSON permits these characters unescaped, but a terminal would interpret them.
"""


class _PipeSafeConsole(Console):
    """Console that stops printing, without an error, once the reader has closed its pipe."""

    def on_broken_pipe(self) -> None:
        """Discard all later output. Rich calls this method when the reader has closed the pipe."""
        self.quiet = True
        redirect_to_devnull(self.file)


def redirect_to_devnull(stream: IO[str]) -> None:
    """Redirect a stream to the null device, including text that is still in the stream's buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_result(text: str) -> None:
    """Write text to standard output, unchanged. Discard the text if the reader has closed the pipe."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        redirect_to_devnull(sys.stdout)


def build_console(stream: TextIO) -> Console:
    """Build a console that prints text unchanged, without Rich's markup.

    Colours and other control codes are printed only on a terminal that can move the cursor, and only if NO_COLOR is
    unset.
    """
    is_plain = "NO_COLOR" in os.environ or not stream.isatty() or not can_move_cursor()
    if hasattr(stream, "reconfigure"):
        # On a terminal without Unicode, a ? replaces a character and no error is raised.
        stream.reconfigure(errors="replace")
    # Rich reads the numbers that the terminal reports, also after a change of the window's size.
    width, height = get_assumed_size(stream) if stream.isatty() else (UNLIMITED_WIDTH, None)
    return _PipeSafeConsole(
        file=stream,
        force_terminal=False if is_plain else None,
        width=width,
        height=height,
        markup=False,
        emoji=False,
        highlight=False,
    )


def get_output_console() -> Console:
    """Return the console for results, on standard output."""
    return build_console(sys.stdout)


def get_notes_console() -> Console:
    """Return the console for progress, notes and errors, on standard error."""
    return build_console(sys.stderr)


def can_print_text(text: str) -> bool:
    """Return whether the encoding of standard output can encode a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_limited_width(console: Console) -> bool:
    """Return whether a console limits the width of lines. A terminal limits the width; a pipe or a file does not."""
    return console.width < UNLIMITED_WIDTH


def print_rich_table(console: Console, table: Table) -> None:
    """Print a table. In a pipe, omit the spaces at the end of its lines."""
    if console.is_terminal:
        console.print(table)
    elif isinstance(table, PlainTable) and not has_limited_width(console):
        write_result(table.to_text())
    else:
        with console.capture() as capture:
            console.print(table)
        write_result("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON document on standard output, with an additional first key `schema_version`."""
    document = {"schema_version": 1, **document}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        # The stream or a path in the document has another encoding than UTF-8.
        text = json.dumps(document, allow_nan=False, indent=2)
    text = _UNSAFE_CHARACTERS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    write_result(text + "\n")
