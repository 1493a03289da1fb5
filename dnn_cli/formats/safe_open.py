"""Opening of files that a user names.

Only regular files are opened, because pipes and devices may block or never end.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from dnn_cli.errors import UserDataError
from dnn_cli.host.resources import get_usable_memory


def stat_regular_file(path: str) -> os.stat_result:
    """Return the status of a regular file, or of the file that a link points to.

    Raises:
        UserDataError: the file is missing, or it is a directory, a pipe or a device.
    """
    try:
        status = os.stat(path)
    # A NUL in the path raises ValueError.
    except (OSError, ValueError) as error:
        raise build_read_error(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
        raise UserDataError(f"{path} is {kind}, not a file")
    return status


@contextmanager
def open_regular_file(path: str) -> Iterator[BinaryIO]:
    """Yield a regular file, opened for reading.

    Raises:
        UserDataError: the file is not a regular file, or it cannot be read.
    """
    stat_regular_file(path)
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise build_read_error(path, error) from None


def build_read_error(path: str, error: Exception) -> UserDataError:
    """Build the error of a path that cannot be read, with the reason that the operating system gives."""
    if isinstance(error, FileNotFoundError):
        return UserDataError(f"{path} does not exist", "check the path")
    return UserDataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")


def check_memory(path: str, needed_bytes: int, suggestion: str = "use fewer or smaller examples") -> None:
    """Raise an error if data does not fit into memory. The check comes before the data is read.

    Args:
        path: The path of the data, for the message.
        needed_bytes: The size of the data in memory.
        suggestion: The suggestion of the error.

    Raises:
        UserDataError: the data needs more memory than this process may use.
    """
    if needed_bytes > get_usable_memory():
        raise UserDataError(
            f"{path} needs {needed_bytes / 1e9:,.1f} GB in memory, but this machine has "
            f"{get_usable_memory() / 1e9:,.1f} GB",
            suggestion,
        )
