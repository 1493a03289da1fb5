"""Consoles for plain text, which print on a terminal, in a notebook, in a pipe or in a file.

Rich is imported when a console is built: most commands import this module, also for their help and for completions.
"""

import os
from functools import cache
from typing import IO, TYPE_CHECKING, TextIO

from dnn_cli.host.terminal import can_move_cursor, get_assumed_size
from dnn_cli.report.text import UNLIMITED_WIDTH, replace_control_chars

if TYPE_CHECKING:
    from rich.console import Console

_EXTRA_INDENT = 2
"""Number of spaces by which the wrapped parts of a line are indented more than the line."""


@cache
def _get_console_class() -> type["Console"]:
    """Return the class of consoles that stop printing, without an error, once the reader has closed its pipe."""
    from rich.console import Console

    class PipeSafeConsole(Console):
        """Console that stops printing, without an error, once the reader has closed its pipe."""

        def on_broken_pipe(self) -> None:
            """Discard all later output. Rich calls this method when the reader has closed the pipe."""
            self.quiet = True
            redirect_to_devnull(self.file)

    return PipeSafeConsole


def redirect_to_devnull(stream: IO[str]) -> None:
    """Redirect a stream to the null device, including text that is still in the stream's buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_line(console: "Console", line: object, indent: int | None = None) -> None:
    """Print a line without control characters. On a terminal, a long line is wrapped between words.

    A line that contains a command of `dnn` is not wrapped, so that a user can copy the command.

    Args:
        console: The console.
        line: The line.
        indent: The number of spaces before wrapped parts; by default two more than before the line.
    """
    from rich.cells import cell_len

    text = replace_control_chars(line)
    if "dnn " not in text and cell_len(text) > console.width and console.width < UNLIMITED_WIDTH:
        indent = len(text) - len(text.lstrip()) + _EXTRA_INDENT if indent is None else indent
        text = "\n".join(_wrap_line(console, text, " " * indent))
    console.print(text, soft_wrap=True)


def _wrap_line(console: "Console", text: str, margin: str) -> list[str]:
    """Return the lines of a long text that fit the console. Second and later lines begin with a margin."""
    from rich.text import Text

    first = Text(text).wrap(console, console.width)[0].plain
    remainder = Text(text[len(first) :].lstrip())
    width = max(console.width - len(margin), len(margin), 1)
    return [first.rstrip(), *(margin + line.plain.rstrip() for line in remainder.wrap(console, width))]


def build_console(stream: TextIO) -> "Console":
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
    return _get_console_class()(
        # In a notebook, Rich would show each line as an output of its own.
        force_jupyter=False,
        file=stream,
        force_terminal=False if is_plain else None,
        width=width,
        height=height,
        markup=False,
        emoji=False,
        highlight=False,
    )
