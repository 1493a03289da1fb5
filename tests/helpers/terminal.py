"""`dnn` on a pseudo-terminal, and what it writes there."""

import contextlib
import fcntl
import os
import pty
import struct
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.helpers import forked_cli

ENVIRONMENT = {"TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}


def run_on_terminal(
    directory: Path,
    *words: str,
    columns: int = 80,
    lines: int = 24,
    err: Path | None = None,
    target: Callable[..., None] | None = None,
    **environment: str,
) -> str:
    """Run a command that must succeed in a forked process, and return what it writes on a terminal of this size.

    Standard error is also the terminal, unless `err` is a file. `target` is that of `start_command`.
    """
    with open_terminal(columns, lines) as (terminal, output):
        name = os.ttyname(terminal)
        process = forked_cli.start_command(
            directory, *words, out=name, err=err or name, target=target, **{**ENVIRONMENT, **environment}
        )
        process.join(120)
    assert process.exitcode == 0, output
    return b"".join(output).decode()


@contextlib.contextmanager
def open_terminal(columns: int = 80, lines: int = 24) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the descriptor of a terminal, and a list that has all its output when the block has ended."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    output: list[bytes] = []
    reader = threading.Thread(target=lambda: output.extend(iter(lambda: _read_terminal(primary), b"")), daemon=True)
    reader.start()
    try:
        yield secondary, output
    finally:
        os.close(secondary)
        reader.join(10)
        os.close(primary)


def _read_terminal(descriptor: int) -> bytes:
    """Read the next output of a terminal; nothing when its last program has ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
