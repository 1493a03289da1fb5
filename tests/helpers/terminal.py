"""`dnn` on a pseudo-terminal, and what it writes there."""

import fcntl
import os
import pty
import struct
import termios
from pathlib import Path
from typing import Any

from tests.helpers.processes import start_dnn


def run_on_terminal(
    directory: Path, *words: str, columns: int = 80, lines: int = 24, stderr: Any = None, **environment: str
) -> str:
    """Run a command that must succeed, and return what it writes on a terminal of this size.

    Standard error is also the terminal, unless `stderr` is another file.
    """
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    streams = {"stdin": secondary, "stdout": secondary, "stderr": stderr or secondary}
    environment = {"TERM": "xterm-256color", "COLUMNS": "", "LINES": "", **environment}
    with start_dnn(directory, *words, env=environment, **streams) as process:
        os.close(secondary)
        output = b"".join(iter(lambda: _read_terminal(primary), b""))
        os.close(primary)
        assert process.wait(60) == 0, output
    return output.decode()


def _read_terminal(descriptor: int) -> bytes:
    """Read the next output of a terminal; nothing when its last program has ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
