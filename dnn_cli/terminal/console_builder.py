"""Consoles for plain text, which print on a terminal, in a notebook, in a pipe or in a file."""

import os
from typing import IO, TextIO

from rich.console import Console

from dnn_cli.host.terminal import can_move_cursor, get_assumed_size
from dnn_cli.report.text import UNLIMITED_WIDTH, replace_control_chars


class _PipeSafeConsole(Console):
    """Console that stops printing, without an error, once the reader has closed its pipe."""

    def on_broken_pipe(self) -> None:
        """Discard all later output. Rich calls this method when the reader has closed the pipe."""
        self.quiet = True
        redirect_to_devnull(self.file)


def redirect_to_devnull(stream: IO[str]) -> None:
    """Redirect a stream to the null device, including text that is still in the stream's buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_line(console: Console, line: object) -> None:
    """Print a line without control characters. On a terminal, a long line is wrapped between words.

    A line that contains a command of `dnn` has no line breaks, so that a user can copy the command.
    """
    text = replace_control_chars(line)
    console.print(text, soft_wrap="dnn " in text)


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
