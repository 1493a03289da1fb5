"""Reading of small files that may be links, named pipes or huge files of another program."""

import os
import stat
from pathlib import Path


class NotRegularFileError(OSError):
    """Error of a path that names a directory, a pipe or a device instead of a regular file."""


class FileTooLargeError(OSError):
    """Error of a file that is larger than the reader permits."""


def read_regular_file(path: str | Path, max_bytes: int, *, follow_link: bool = True) -> bytes:
    """Read a regular file. The function does not wait for a named pipe (FIFO).

    Args:
        path: The path of the file.
        max_bytes: The largest size of the file, in bytes.
        follow_link: Whether the path may be a link to the file.

    Raises:
        NotRegularFileError: the path names a directory, a pipe or a device.
        FileTooLargeError: the file is larger than `max_bytes`.
        OSError: the file is missing, is a link that is not followed, or cannot be read.
        ValueError: the path contains a NUL character.
    """
    # With O_NONBLOCK, a FIFO without a writer does not block.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follow_link else os.O_NOFOLLOW))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularFileError(None, "not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            # A read of `max_bytes` at once would allocate this number of bytes for every small file.
            content = stream.read(min(status.st_size, max_bytes) + 1)
            if len(content) > status.st_size:
                content += stream.read(max_bytes + 1 - len(content))
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        raise FileTooLargeError(None, f"larger than {max_bytes:,} bytes")
    return content
