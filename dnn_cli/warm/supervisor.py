"""Supervisor of a command: the process between a client and the process of its command.

The supervisor is the parent of the command, so that the command outlives the warm server. It passes signals from the
client to the command, stops the command with the client, and kills the command if the client is killed.
"""

import ctypes
import fcntl
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .process_state import find_refused_right, set_state
from .socket_messages import ConnectionLostError, read_peer, receive_message, send_message, write_log
from .surroundings import find_difference

COMMAND_ENDED = 0
"""Exit code of a supervisor whose command has ended."""

_REQUEST_SECONDS = 10.0
"""Seconds that a client has for its request."""

_POLL_MILLISECONDS = 250
"""Interval of the checks whether the client is stopped, for example by `kill -STOP`."""

_GROUP_SIGNALS = frozenset(
    {
        signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT,
        signal.SIGSTOP, signal.SIGWINCH,
    }
)  # fmt: skip
"""Signals that terminals and shells send to all processes of a command, such as the workers of a sweep."""

_PR_SET_PDEATHSIG = 1
"""Operation of `prctl` that chooses the signal of a process after the end of its parent."""


@dataclass(frozen=True)
class ServerProperties:
    """Properties of the server that its supervisors use."""

    status: Mapping[str, Any]
    """Values for `dnn warm --status`."""

    surroundings: Mapping[str, str]

    changed_variables: Mapping[str, str]
    """Environment variables that the imports of the server have set."""


@dataclass(frozen=True)
class ForkedCommand:
    """Command in its own process, which has the state of the client."""

    function: str
    """Module and name of the function that runs the command, as in `dnn_cli.__main__:run_forked`."""

    note: str
    """Argument of the function: a line about the start of the process."""

    def run(self) -> None:
        """Import the function and call it. The function can raise `SystemExit`."""
        module, _, name = self.function.partition(":")
        getattr(import_module(module), name)(self.note)


def answer_client(connection: socket.socket, server: ServerProperties) -> ForkedCommand:
    """Answer the request of a client, and end this process. Only a forked command returns.

    The exit code is `COMMAND_ENDED` after a command.
    """
    code = 1
    try:
        connection.settimeout(_REQUEST_SECONDS)
        client_pid, client_user = read_peer(connection)
        if client_user == os.geteuid():
            request, descriptors = receive_message(connection)
            connection.settimeout(None)
            command = _answer_request(connection, client_pid, request, descriptors, server)
            if command is not None:
                return command
            if request["kind"] == "run":
                code = COMMAND_ENDED
    except (ConnectionLostError, OSError) as error:
        write_log(f"a client is lost: {error!r}")
    except BaseException as error:
        write_log(f"a command is lost: {error!r}")
    os._exit(code)


def _answer_request(
    connection: socket.socket,
    client_pid: int,
    request: Mapping[str, Any],
    descriptors: Sequence[int],
    server: ServerProperties,
) -> ForkedCommand | None:
    """Answer a request. The result is a command in its new process, and `None` in all other processes."""
    difference = find_difference(request["surroundings"], server.surroundings)
    if request["kind"] == "status":
        send_message(connection, {**server.status, "difference": difference})
        return None
    if request["kind"] == "stop":
        if os.getppid() == server.status["pid"]:
            os.kill(os.getppid(), signal.SIGTERM)
        return None
    if refusal := difference or find_refused_right(request["state"]):
        send_message(connection, {"refusal": refusal})
        return None
    # The supervisor has no terminal, and signals to the process group of the server do not reach it.
    os.setsid()
    wakeup_reader, wakeup_writer = os.pipe()
    os.set_blocking(wakeup_writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup_writer, warn_on_full_buffer=False)
    report_reader, report_writer = os.pipe()
    supervisor_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        for descriptor in (wakeup_reader, wakeup_writer, report_reader):
            os.close(descriptor)
        connection.close()
        for name, value in server.changed_variables.items():
            request["state"]["environment"].setdefault(name, value)
        return _become_command(request, descriptors, supervisor_pid, report_writer, server.status["pid"])
    with suppress(OSError):
        os.setpgid(pid, pid)
    for descriptor in (*descriptors, report_writer):
        os.close(descriptor)
    with open(report_reader, encoding="utf-8") as report:
        refusal = report.read()
    send_message(connection, {"refusal": refusal} if refusal != "ready" else {"pid": pid})
    if refusal == "ready":
        _watch_command(connection, client_pid, pid, wakeup_reader)
    return None


def _become_command(
    request: Mapping[str, Any], descriptors: Sequence[int], supervisor_pid: int, report: int, server_pid: int
) -> ForkedCommand:
    """Set the state of the client in this process, and report success or an error to the supervisor."""
    report = _move_descriptor(report, max(request["state"]["descriptors"], default=0) + 1)
    text = "ready"
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        set_state(request["state"], descriptors[1:], directory=descriptors[0])
        if os.getppid() != supervisor_pid:
            os._exit(1)
    except BaseException as error:
        text = f"the state of the command cannot be set: {error!r}"
    os.write(report, text.encode(errors="backslashreplace"))
    if text != "ready":
        os._exit(1)
    os.close(report)
    for name in [name for name in sys.modules if name.partition(".")[0] == __name__.partition(".")[0]]:
        del sys.modules[name]
    return ForkedCommand(request["function"], f"forked from the warm server, process {server_pid}")


def _move_descriptor(descriptor: int, lowest: int) -> int:
    """Move a descriptor to the first free number from `lowest` on, and return the number."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(descriptor)
    return moved


def _watch_command(connection: socket.socket, client_pid: int, pid: int, wakeup: int) -> None:
    """Send signals to a command and its states to the client, until the command or the client ends.

    Args:
        connection: The connection to the client, from which every received byte is the number of a signal.
        client_pid: The process id of the client.
        pid: The process id of the command, which is also that of its process group.
        wakeup: The descriptor that becomes readable when the state of the command has changed.
    """
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    is_stopped = False
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(_POLL_MILLISECONDS)}
        if wakeup in ready:
            os.read(wakeup, 512)
        while (status := os.waitpid(pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED))[0]:
            message = _describe_end(status[1])
            if message:
                send_message(connection, message)
                return
            # A client that is stopped already needs no message.
            if os.WIFSTOPPED(status[1]) and not is_stopped:
                send_message(connection, {"stopped": os.WSTOPSIG(status[1])})
            is_stopped = os.WIFSTOPPED(status[1])
        if connection.fileno() in ready:
            numbers = _receive_signals(connection)
            for number in numbers or [signal.SIGKILL]:
                _send_signal(pid, number)
            if not numbers:
                return
        elif not is_stopped and _is_process_stopped(client_pid):
            is_stopped = True
            _send_signal(pid, signal.SIGSTOP)


def _describe_end(wait_status: int) -> dict[str, int]:
    """Describe the end of a process for its client. The result is empty for a stopped or continued process."""
    if os.WIFEXITED(wait_status):
        return {"exit_code": os.WEXITSTATUS(wait_status)}
    return {"signal": os.WTERMSIG(wait_status)} if os.WIFSIGNALED(wait_status) else {}


def _receive_signals(connection: socket.socket) -> bytes:
    """Receive numbers of signals from a client. The result is empty if the client has ended."""
    try:
        return connection.recv(512)
    except OSError:
        return b""


def _send_signal(pid: int, number: int) -> None:
    """Send a signal to a command, or to its process group if terminals and shells send it to groups."""
    with suppress(ProcessLookupError):
        if number in _GROUP_SIGNALS:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _is_process_stopped(pid: int) -> bool:
    """Return whether a process is stopped by a signal."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].startswith(b"T")
    except OSError:
        return False
