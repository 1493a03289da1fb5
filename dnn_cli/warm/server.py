"""The warm server, which imports modules, forks commands, and ends when it is idle."""

import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module

from .server_lock import take_lock
from .socket_directory import open_directory, open_server_socket, remove_socket
from .socket_messages import write_log
from .supervisor import COMMAND_ENDED, ForkedCommand, ServerProperties, answer_client
from .surroundings import describe_surroundings

_HIDDEN_MODULES = ("pandas",)
"""Modules that the server does not import. Keras imports pandas where it is installed. Its library pyarrow starts a
thread, which would not survive a fork."""


_REFUSAL_SECONDS = 0.1
"""Pause after an error of the system, such as too many processes."""


class ServerStartError(Exception):
    """The server cannot start. The text is the reason."""


def run_server(
    path: str, minutes: float, modules: Sequence[str], report_ready: Callable[[], None]
) -> ForkedCommand | None:
    """Import modules, and fork commands until the server is idle for some minutes or receives SIGTERM.

    The function returns a command in the process of the command, and `None` in the server.

    Args:
        path: The directory of the server.
        minutes: The idle time after which the server ends.
        modules: The modules to import.
        report_ready: The function to call when clients can connect.

    Raises:
        OSError: the directory cannot be used.
        ServerStartError: another server runs, or a module cannot be imported.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    directory = open_directory(path)
    lock = take_lock(directory)
    if lock is None:
        raise ServerStartError("another warm server starts or runs")
    environment = dict(os.environ)
    _import_modules(modules)
    surroundings = describe_surroundings(environment)
    changed_variables = {name: value for name, value in os.environ.items() if environment.get(name) != value}
    with open_server_socket(directory) as server_socket:
        status = {"pid": os.getpid(), "minutes": minutes, "start_time": time.time()}
        write_log(f"ready; {len(modules)} modules imported")
        report_ready()
        properties = ServerProperties(status, surroundings, changed_variables)
        command = _fork_commands(server_socket, 60 * minutes, properties, (directory, lock))
    if command is None:
        remove_socket(directory)
        write_log("the server ends")
    return command


def _import_modules(modules: Sequence[str]) -> None:
    """Import modules without garbage collection, and exempt their objects from later collections.

    Collections in a command would write to the memory that the command shares with the server, and find nothing.

    Raises:
        ServerStartError: a module cannot be imported.
    """
    gc.disable()
    sys.modules.update(dict.fromkeys(_HIDDEN_MODULES))  # type: ignore[arg-type]
    try:
        for name in modules:
            import_module(name)
    except Exception as error:
        raise ServerStartError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        for name in _HIDDEN_MODULES:
            del sys.modules[name]
        gc.freeze()
        gc.enable()


def _fork_commands(
    server_socket: socket.socket, idle_seconds: float, properties: ServerProperties, own_descriptors: Sequence[int]
) -> ForkedCommand | None:
    """Fork a supervisor for each client. Return in the process of a command, and when the server shall end."""
    stop_signals: list[int] = []
    wakeup_reader, wakeup_writer = os.pipe()
    os.set_blocking(wakeup_reader, False)
    os.set_blocking(wakeup_writer, False)
    signal.set_wakeup_fd(wakeup_writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda number, _: stop_signals.append(number))
    poll = select.poll()
    poll.register(server_socket, select.POLLIN)
    poll.register(wakeup_reader, select.POLLIN)
    supervisors: set[int] = set()
    idle_since = time.monotonic()
    while not stop_signals:
        remaining_seconds = idle_since + idle_seconds - time.monotonic()
        if not supervisors and remaining_seconds <= 0:
            break
        ready = {descriptor for descriptor, _ in poll.poll(None if supervisors else 1000 * remaining_seconds)}
        if wakeup_reader in ready:
            os.read(wakeup_reader, 512)
        while supervisors and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            supervisors.discard(ended[0])
            if os.waitstatus_to_exitcode(ended[1]) == COMMAND_ENDED:
                idle_since = time.monotonic()
        if server_socket.fileno() not in ready:
            continue
        try:
            connection, _ = server_socket.accept()
            pid = os.fork()
        except OSError as error:
            # The client starts its command itself.
            write_log(f"a client is refused: {error}")
            time.sleep(_REFUSAL_SECONDS)
            continue
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            server_socket.close()
            for descriptor in (wakeup_reader, wakeup_writer, *own_descriptors):
                os.close(descriptor)
            status = {**properties.status, "running_commands": _count_commands(supervisors)}
            return answer_client(connection, replace(properties, status=status))
        connection.close()
        supervisors.add(pid)
    return None


def _count_commands(supervisors: Iterable[int]) -> int:
    """Count the supervisors with a command. Others answer a request for the status, or wait for a request.

    A supervisor becomes the leader of a session before it starts a command.
    """
    count = 0
    for pid in supervisors:
        with suppress(ProcessLookupError):
            count += os.getsid(pid) == pid
    return count
