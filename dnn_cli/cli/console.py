"""Consoles for plain text: results on standard output, progress, notes and errors on standard error.

Rich is imported when a command prints: every command imports this module, also for its help and for completions.
"""

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from dnn_cli.report.text import UNLIMITED_WIDTH

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNSAFE_CHARACTERS = re.compile("[\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control codes, line separators and direction marks, which `print_json` escapes.

JSON permits these characters unescaped, but a terminal would interpret them.
"""


def write_result(text: str) -> None:
    """Write text to standard output, unchanged. Discard the text if the reader has closed the pipe."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        from dnn_cli.terminal.console_builder import redirect_to_devnull

        redirect_to_devnull(sys.stdout)


def get_output_console() -> "Console":
    """Return the console for results, on standard output."""
    from dnn_cli.terminal.console_builder import build_console

    return build_console(sys.stdout)


def get_notes_console() -> "Console":
    """Return the console for progress, notes and errors, on standard error."""
    from dnn_cli.terminal.console_builder import build_console

    return build_console(sys.stderr)


def can_print_text(text: str) -> bool:
    """Return whether the encoding of standard output can encode a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def has_limited_width(console: "Console") -> bool:
    """Return whether a console limits the width of lines. A terminal limits the width; a pipe or a file does not."""
    return console.width < UNLIMITED_WIDTH


def print_rich_table(console: "Console", table: "Table") -> None:
    """Print a table. In a pipe, omit the spaces at the end of its lines."""
    from dnn_cli.report.tables import PlainTable

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
