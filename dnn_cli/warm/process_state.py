"""State of a process that a client hands to the process of its command: descriptors, environment, limits and others."""

import fcntl
import importlib
import io
import locale
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

_LIMITS = {
    name: getattr(resource, name)
    for name in dir(resource)
    if name.startswith("RLIMIT_") and name not in ("RLIMIT_OFILE",)
}
"""Resource limits by name. RLIMIT_OFILE is another name of RLIMIT_NOFILE."""

_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores from its start on."""


def list_open_descriptors() -> list[int]:
    """List the file descriptors of this process that another program would inherit."""
    descriptors = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.get_inheritable(int(name)):
                descriptors.append(int(name))
        except OSError:
            # The descriptor of the listed directory is closed.
            continue
    return sorted(descriptors)


def describe_state(descriptors: Sequence[int]) -> dict[str, Any]:
    """Describe the state of this process as JSON. `descriptors` are the numbers of the handed descriptors."""
    umask = os.umask(0o077)
    os.umask(umask)
    signals = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
    return {
        "descriptors": list(descriptors),
        "streams": [_describe_stream(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "environment": dict(os.environ),
        "umask": umask,
        "limits": {name: resource.getrlimit(limit) for name, limit in _LIMITS.items()},
        "affinity": sorted(os.sched_getaffinity(0)),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "ignored": [int(number) for number in signals if signal.getsignal(number) is signal.SIG_IGN],
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        "arguments": sys.argv,
        "original_arguments": sys.orig_argv,
        "executable": sys.executable,
        "import_path": sys.path,
    }


def find_refused_right(state: Mapping[str, Any]) -> str:
    """Return the reason why this process may not set a state; an empty text if it may.

    A process without privileges can lower its priority and its hard limits, and cannot raise them.
    """
    if state["nice"] < os.getpriority(os.PRIO_PROCESS, 0):
        return f"the priority (nice {state['nice']}) is higher than that of the server"
    for name, (_, hard) in state["limits"].items():
        server_hard = resource.getrlimit(_LIMITS[name])[1]
        if server_hard != resource.RLIM_INFINITY and not 0 <= hard <= server_hard:
            return f"the limit {name} is higher than that of the server"
    return ""


def set_state(state: Mapping[str, Any], descriptors: Sequence[int], directory: int) -> None:
    """Set the state of this process to that of a client.

    Args:
        state: The description of the state.
        descriptors: The received descriptors, in the order of their numbers in the state.
        directory: The descriptor of the client's working directory.

    Raises:
        OSError: this process may not set a part of the state, or a descriptor of this process is in use.
    """
    os.fchdir(directory)
    os.close(directory)
    _place_descriptors(descriptors, state["descriptors"])
    os.umask(state["umask"])
    os.environ.clear()
    os.environ.update(state["environment"])
    os.sched_setaffinity(0, state["affinity"])
    os.setpriority(os.PRIO_PROCESS, 0, state["nice"])
    for name, limits in state["limits"].items():
        resource.setrlimit(_LIMITS[name], limits)
    _set_signals(state["ignored"], state["blocked"])
    time.tzset()
    # Python itself sets only this category when it starts.
    locale.setlocale(locale.LC_CTYPE, "")
    _set_interpreter(state)


def _describe_stream(stream: Any) -> dict[str, Any] | None:
    """Describe a standard stream; `None` if it is closed."""
    if stream is None:
        return None
    return {
        "encoding": stream.encoding,
        "errors": stream.errors,
        "line_buffering": stream.line_buffering,
        "write_through": stream.write_through,
    }


def _place_descriptors(received: Sequence[int], numbers: Sequence[int]) -> None:
    """Move received descriptors to their numbers. Standard streams without a received descriptor are closed.

    Raises:
        OSError: a descriptor of this process already has one of the numbers.
    """
    first_free = max([2, *numbers, *received]) + 1
    # A received descriptor can have the number of another one.
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, first_free) for descriptor in received]
    for descriptor in received:
        os.close(descriptor)
    for number in (0, 1, 2):
        os.close(number)
    for copy, number in zip(copies, numbers, strict=True):
        if _is_open(number):
            raise OSError(f"descriptor {number} of the server is in use")
        os.dup2(copy, number)
        os.close(copy)


def _is_open(descriptor: int) -> bool:
    """Return whether a number is the number of an open descriptor."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _set_signals(ignored: Sequence[int], blocked: Sequence[int]) -> None:
    """Ignore some signals, set the default action of all others, and block some signals."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        is_ignored = number in ignored or number in _PYTHON_IGNORES
        signal.signal(number, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _set_interpreter(state: Mapping[str, Any]) -> None:
    """Set the variables of `sys`, the standard streams and random generators as in a process that has just started."""
    sys.argv, sys.orig_argv, sys.path[:] = state["arguments"], state["original_arguments"], state["import_path"]
    sys.executable = state["executable"]
    sys.modules["__main__"] = ModuleType("__main__")
    importlib.invalidate_caches()
    streams = [_open_stream(number, description) for number, description in enumerate(state["streams"])]
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None  # type: ignore[attr-defined]
    # Python seeds its own generator in a forked process, and numpy does not.
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _open_stream(number: int, description: Mapping[str, Any] | None) -> io.TextIOWrapper | None:
    """Open a standard stream as Python opens it at its start. `None` is a closed stream."""
    if description is None:
        return None
    stream = open(  # noqa: SIM115 - open until the process ends
        number,
        "w" if number else "r",
        encoding=description["encoding"],
        errors=description["errors"],
        newline="\n" if number else None,
        closefd=False,
    )
    stream.buffer.raw.name = f"<{('stdin', 'stdout', 'stderr')[number]}>"  # type: ignore[attr-defined]
    stream.reconfigure(line_buffering=description["line_buffering"], write_through=description["write_through"])
    return stream
