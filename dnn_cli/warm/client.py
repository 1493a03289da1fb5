"""Client of the warm server: a command that hands its state to the server, and follows the command that is forked."""

import os
import select
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from .process_state import describe_state, list_open_descriptors
from .socket_directory import UnsafeServerError, connect_to_server
from .socket_messages import MAX_DESCRIPTORS, ConnectionLostError, receive_message, send_message
from .surroundings import describe_surroundings

_OWN_SIGNALS = frozenset(
    {
        signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE,
        signal.SIGILL, signal.SIGTRAP, signal.SIGSYS,
    }
)  # fmt: skip
"""Signals that the client does not pass on: two that no process can handle, and those that concern the process."""

_ANSWER_SECONDS = 5.0
"""Seconds that the server has to set up a command."""


def run_in_server(path: str, function: str) -> str:
    """Let the warm server run a function in a process with the state of this process.

    The function does not return if the server runs the command: this process ends as the command ends. Otherwise, the
    result is the reason why this process must run the command itself.

    Args:
        path: The directory of the server.
        function: Module and name of the function, as in `dnn_cli.__main__:run_forked`.
    """
    try:
        descriptors = list_open_descriptors()
        if len(descriptors) >= MAX_DESCRIPTORS:
            return f"{len(descriptors)} files are open"
        connection = connect_to_server(path)
    except OSError as error:
        return f"no server answers: {error.strerror}"
    except UnsafeServerError as error:
        return str(error)
    request = {
        "kind": "run",
        "function": function,
        "surroundings": describe_surroundings(os.environ),
        "state": describe_state(descriptors),
    }
    # A signal after the start of the command waits until it can be passed on.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - _OWN_SIGNALS)
    answer = _send_request(connection, request, descriptors)
    if "pid" in answer:
        _follow_command(connection, mask)
    connection.close()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return str(answer["refusal"])


def _send_request(connection: socket.socket, request: Mapping[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
    """Send a request with descriptors, and return the answer: a process id, or the reason of a refusal."""
    try:
        directory = os.open(".", os.O_PATH | os.O_CLOEXEC)
        connection.settimeout(_ANSWER_SECONDS)
        send_message(connection, request, [directory, *descriptors])
        os.close(directory)
        answer, _ = receive_message(connection)
        connection.settimeout(None)
    except (OSError, ConnectionLostError) as error:
        return {"refusal": f"the server does not answer: {error!r}"}
    return answer if "pid" in answer or "refusal" in answer else {"refusal": "the answer of the server is invalid"}


def _follow_command(connection: socket.socket, mask: set[int]) -> NoReturn:
    """Follow a command: send signals to the command, stop when it stops, and end as it ends.

    `mask` is the set of blocked signals before the request.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in signal.valid_signals() - _OWN_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle_signal)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    poll.register(connection, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if connection.fileno() in ready:
            try:
                message, _ = receive_message(connection)
            except (OSError, ConnectionLostError):
                # The supervisor was killed, and the command with it.
                _end_by_signal(signal.SIGKILL)
            _follow_message(connection, message)
        if reader in ready:
            _send_signals(connection, os.read(reader, 512))


def _send_signals(connection: socket.socket, numbers: bytes) -> None:
    """Send numbers of signals to the supervisor. The message about its end follows if it has ended."""
    with suppress(OSError):
        connection.sendall(numbers)


def _handle_signal(*_: Any) -> None:
    """Do nothing: Python writes the number of the signal to a pipe."""


def _follow_message(connection: socket.socket, message: dict[str, Any]) -> None:
    """Stop or end this process like the command."""
    if "exit_code" in message:
        os._exit(message["exit_code"])
    if "signal" in message:
        _end_by_signal(message["signal"])
    number = message["stopped"]
    if number != signal.SIGSTOP:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # The shell has continued this process, or the process group is one that cannot be stopped.
    if number != signal.SIGSTOP:
        signal.signal(number, _handle_signal)
    _send_signals(connection, bytes([signal.SIGCONT]))


def _end_by_signal(number: int) -> NoReturn:
    """End this process by a signal, without a core file: that of the command has the core."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    os._exit(128 + number)
