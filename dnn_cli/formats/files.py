"""Opening what a user names: only regular files, as anything else may block or never end."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from dnn_cli.errors import OwnDataError
from dnn_cli.host.limits import memory_bytes


def file_status(path: str) -> os.stat_result:
    """Size and times of a regular file, or of the one that a link leads to.

    Raises:
        OwnDataError: there is none, or it is a directory, a pipe or a device.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise unreadable(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        raise OwnDataError(f"{path} is {kind}, not a file")
    return status


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A regular file for reading.

    Raises:
        OwnDataError: it is none, or cannot be read.
    """
    file_status(path)
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: Exception) -> OwnDataError:
    """What the system says of a path that cannot be read."""
    return OwnDataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")


def check_memory(path: str, needed: int) -> None:
    """Refuse what cannot fit before any of it is read.

    Raises:
        OwnDataError: the arrays would take more than the memory of this machine.
    """
    if needed > memory_bytes():
        raise OwnDataError(
            f"{path} needs {needed / 1e9:,.1f} GB in memory, and this machine has {memory_bytes() / 1e9:,.1f} GB",
            "use fewer or smaller examples",
        )
