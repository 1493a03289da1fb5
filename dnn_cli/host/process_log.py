"""Log lines of this process: their format, and the handlers that write the lines to a file or pass them on.

Modules write to loggers below `dnn_cli`. Without a handler, these loggers discard their lines. Only commands and
workers add handlers. Lines of other libraries, such as TensorFlow, do not reach these handlers.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

_PACKAGE_LOGGER = logging.getLogger("dnn_cli")


class _LineFormatter(logging.Formatter):
    """Format of a log line: seconds since the start of the process, process id, level, module and message."""

    def __init__(self) -> None:
        super().__init__()
        self.start_time = compute_process_start()

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is that of logging
        seconds = max(0.0, record.created - self.start_time)
        module = record.name.removeprefix("dnn_cli.")
        return f"{seconds:9.3f} s  {record.process}  {record.levelname.lower():<5}  {module}: {record.message}"


class LineHandler(logging.Handler):
    """Handler that passes each line to a function, which can be replaced."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        super().__init__()
        self.print_line = print_line

    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            self.print_line(line)


class _FileHandler(logging.FileHandler):
    """Handler that appends lines to a file. A line that cannot be written is lost, for example on a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is that of logging
        """Ignore the error: work does not end because of a lost line."""


def add_log_file(path: Path, level: int) -> logging.Handler:
    """Append log lines of this process to a file, from a level on, and return the handler.

    Raises:
        OSError: the file cannot be opened.
    """
    handler = _FileHandler(path, encoding="utf-8", errors="backslashreplace")
    add_log_handler(handler, level)
    return handler


def add_log_handler(handler: logging.Handler, level: int) -> None:
    """Add a handler that receives the log lines of `dnn_cli` from a level on, but no lines of other libraries."""
    handler.setLevel(level)
    handler.setFormatter(_LineFormatter())
    _PACKAGE_LOGGER.addHandler(handler)
    _PACKAGE_LOGGER.propagate = False
    _PACKAGE_LOGGER.setLevel(min(other.level for other in _PACKAGE_LOGGER.handlers))


def compute_process_start() -> float:
    """Return the time at which this process started, as in `time.time`. Without /proc, return the current time."""
    try:
        fields = Path("/proc/self/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot_time = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return boot_time + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError, ValueError):
        return time.time()
