"""Start, status and end of the warm server of this user."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dnn_cli.errors import DnnError
from dnn_cli.host.directories import find_cache
from dnn_cli.warm.server_path import get_server_directory

from .server_lock import is_locked
from .socket_directory import UnsafeServerError, connect_to_server, open_directory
from .socket_messages import ConnectionLostError, receive_message, send_message
from .surroundings import describe_surroundings

_SERVER_MODULES = (
    "tensorflow", "keras", "h5py", "numpy.random", "sklearn.model_selection", "yaml", "typer", "rich.console",
    "rich.progress", "rich.ansi", "pydantic.main", "pydantic.json_schema", "pydantic.type_adapter", "sqlite3",
    "statistics", "concurrent.futures.thread", "ctypes",
)  # fmt: skip
"""Modules that the server imports: those that a training uses, without the modules of `dnn_cli`."""

_LOG_NAME = "server.log"

_ANSWER_SECONDS = 5.0
"""Seconds that the server has for an answer about its status."""

_STOP_SECONDS = 5.0
"""Seconds that the server has to end."""


@dataclass(frozen=True)
class ServerStatus:
    """Properties of a running warm server."""

    pid: int
    minutes: float
    """Idle time in minutes after which the server ends."""

    start_time: float
    """Time at which the server was ready, as in `time.time`."""

    running_commands: int
    difference: str
    """Reason why commands with the surroundings of this process cannot use the server; empty if they can."""

    memory_bytes: int | None
    """Resident memory of the server. Commands share most of this memory."""


def find_obstacle() -> str:
    """Return the reason why this system has no warm server; an empty text if the server can start."""
    if not sys.platform.startswith("linux") or not hasattr(socket, "SO_PEERCRED"):
        return "the warm server needs Linux"
    cache = find_cache()
    return "" if cache.is_usable else f"the warm server needs a cache directory: {cache.reason}"


def read_status() -> ServerStatus | None:
    """Ask the server for its status; return `None` if no server answers.

    Raises:
        DnnError: the directory of the server is not safe.
    """
    if find_obstacle():
        return None
    try:
        with connect_to_server(str(get_server_directory())) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            send_message(connection, {"kind": "status", "surroundings": describe_surroundings(os.environ)})
            answer, _ = receive_message(connection)
    except UnsafeServerError as error:
        raise DnnError(f"the warm server cannot be used: {error}", "remove this directory") from None
    except (OSError, ConnectionLostError):
        return None
    return ServerStatus(**answer, memory_bytes=_read_memory(answer["pid"]))


def start_server(minutes: float, modules: Sequence[str] = _SERVER_MODULES) -> ServerStatus:
    """Start the server, wait until it is ready, and return its status.

    Args:
        minutes: The idle time after which the server ends.
        modules: The modules to import.

    Raises:
        DnnError: the server cannot start.
    """
    if obstacle := find_obstacle():
        raise DnnError(obstacle)
    directory = get_server_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        log_descriptor = os.open(directory / _LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DnnError(f"{directory} cannot be written: {error.strerror}") from None
    reader, writer = os.pipe()
    command = [
        sys.executable, *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        str(Path(__file__).parent / "server_program.py"), str(directory), f"{minutes:g}", str(writer), *modules,
    ]  # fmt: skip
    with open(reader, encoding="utf-8", errors="replace") as report, open(log_descriptor, "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            pass_fds=(writer,), env=_restore_locale(os.environ),
        )  # fmt: skip
        os.close(writer)
        try:
            text = report.read()
        except BaseException:
            process.kill()
            raise
    if text != "ready":
        process.wait()
        raise DnnError(
            f"the warm server cannot start: {text or 'its process has ended'}", f"its log is {directory / _LOG_NAME}"
        )
    # The server outlives this process, which therefore does not wait for its end.
    process.returncode = 0
    status = read_status()
    if status is None:
        raise DnnError("the warm server does not answer", f"its log is {directory / _LOG_NAME}")
    return status


def _restore_locale(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables with which Python chooses the UTF-8 mode of this process once more.

    In the locale C, Python turns on this mode, and sets LC_CTYPE to a locale with UTF-8, in which the mode is off:
    https://peps.python.org/pep-0538/
    """
    has_chosen_mode = bool(sys.flags.utf8_mode) and "utf8" not in sys._xoptions and "PYTHONUTF8" not in environment
    return {**environment, "LC_CTYPE": "C"} if has_chosen_mode else dict(environment)


def stop_server() -> bool:
    """End the server, and return whether a server was running. Running commands continue.

    Raises:
        DnnError: the directory of the server is not safe, or the server does not end.
    """
    status = read_status()
    if status is None:
        return False
    with suppress(OSError, UnsafeServerError), connect_to_server(str(get_server_directory())) as connection:
        send_message(connection, {"kind": "stop", "surroundings": describe_surroundings(os.environ)})
    deadline = time.monotonic() + _STOP_SECONDS
    directory = open_directory(str(get_server_directory()))
    try:
        while is_locked(directory):
            if time.monotonic() > deadline:
                raise DnnError("the warm server does not end", f"kill {status.pid}")
            time.sleep(0.02)
    finally:
        os.close(directory)
    return True


def _read_memory(pid: int) -> int | None:
    """Read the resident memory of a process in bytes; `None` if it cannot be read."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
