"""Stacks of all threads of this process, which the signal SIGUSR2 writes to a file.

The handler of the signal is native code. The handler also runs while Python waits in an import or in TensorFlow.
"""

import faulthandler
import os
import signal
from io import BufferedWriter
from pathlib import Path

STACK_SIGNAL = signal.SIGUSR2

_streams: list[BufferedWriter] = []
"""Streams that receive the stacks: the default stream, and a file that replaces the default. Only the last is used."""


def enable_stack_dump(path: Path | None) -> None:
    """Let SIGUSR2 append the stacks of all threads to a file, or write the stacks to standard error for `None`.

    Raises:
        OSError: the file cannot be opened, or standard error is closed.
    """
    # Standard error is copied, because a training redirects standard error to a file.
    _use_streams([path.open("ab") if path is not None else os.fdopen(os.dup(2), "wb")])


def redirect_stack_dump(path: Path) -> None:
    """Let SIGUSR2 append the stacks to another file, until `restore_stack_dump` is called.

    Nothing changes if the stacks are not enabled in this process, or if the file cannot be opened.
    """
    if not _streams:
        return
    try:
        stream = path.open("ab")
    except OSError:
        return
    _use_streams([_streams[0], stream])


def restore_stack_dump() -> None:
    """Let SIGUSR2 write to the destination of `enable_stack_dump` again."""
    if len(_streams) > 1:
        _use_streams(_streams[:1])


def _use_streams(streams: list[BufferedWriter]) -> None:
    """Register the last of some streams for the stacks, and close the streams that are no longer used."""
    faulthandler.register(STACK_SIGNAL, file=streams[-1], all_threads=True)
    unused_streams = [stream for stream in _streams if stream not in streams]
    _streams[:] = streams
    for stream in unused_streams:
        stream.close()
