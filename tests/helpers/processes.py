"""Processes that tests start: their signals, and their end."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.helpers.settings import ROOT

IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
"""Signals that each Python process ignores, and whose default action `subprocess` restores in its processes."""


def handle_ignored_signals() -> None:
    """Replace ignored signals of this process by a handler that does nothing.

    `nohup` ignores SIGHUP, and the background of a script SIGINT and SIGQUIT. Every program that a test starts would
    inherit this. A handler is not inherited: the program starts with the default action.
    """
    for number in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@contextlib.contextmanager
def start_process(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Yield a process in a session of its own, and kill its process group when the block ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    with subprocess.Popen(command, start_new_session=True, env=environment, **options) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def start_dnn(directory: Path, *words: str, **options: Any) -> contextlib.AbstractContextManager[subprocess.Popen[Any]]:
    """Yield `dnn` as a process in a directory, and kill its process group when the block ends."""
    return start_process([sys.executable, "-m", "dnn_cli", *words], cwd=directory, **options)


def control_terminal(*command: str) -> list[str]:
    """Return a command that takes the terminal of its standard input as controlling terminal, and runs a command.

    A shell needs such a terminal, and only such a terminal sends SIGHUP when it is closed.
    """
    code = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", code, *command]
