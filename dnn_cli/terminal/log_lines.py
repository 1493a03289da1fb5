"""Log lines on standard error, between other lines and bars of a command."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dnn_cli.report.text import replace_control_chars
from dnn_cli.terminal.console_builder import build_console

if TYPE_CHECKING:
    from dnn_cli.host.process_log import LineHandler

SCREEN_HANDLERS: "list[LineHandler]" = []
"""Handler that prints log lines on standard error; empty without `-v`."""


@contextmanager
def route_log_lines(print_line: Callable[[str], None]) -> Iterator[None]:
    """Print the log lines of `-v` with another function within the block, so that the lines and bars do not mix."""
    if not SCREEN_HANDLERS:
        yield
        return
    (handler,) = SCREEN_HANDLERS
    previous, handler.print_line = handler.print_line, print_line
    try:
        yield
    finally:
        handler.print_line = previous


def build_error_printer() -> Callable[[str], None]:
    """Build a function that prints a line on a copy of standard error, which later redirections leave alone."""
    stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="replace")
    console = build_console(stream)

    def print_line(line: str) -> None:
        console.print(replace_control_chars(line), soft_wrap=True)
        stream.flush()

    return print_line
