"""Atomic writes: a temporary file, fsync, rename, fsync of the directory. The file appears whole or not at all."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dnn_cli.errors import RunError

TEMPORARY_NAME = re.compile(r"\.[^.]+-[a-z0-9_]{8}\.(yaml|json|csv|keras|npz)")
"""Pattern of the name that `atomic_write` gives to a temporary file, such as `.run-ab12_xyz.json`."""


@contextmanager
def atomic_write(path: Path, backup: Path | None = None) -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces `path` when the block ends without an exception.

    The temporary file has the suffix of `path`, because some writers choose their format by the suffix. The old file at
    `path` moves to `backup`, if `backup` is given.

    Raises:
        RunError: the file cannot be written. The old file is unchanged at `path`, or at `backup`.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_read_umask())
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            if backup is not None:
                with suppress(FileNotFoundError):
                    path.replace(backup)
            temporary.replace(path)
            sync_directory(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically.

    Raises:
        RunError: the file cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync_directory(directory: Path) -> None:
    """Write a directory to disk, so that renamed files survive a power cut.

    Raises:
        OSError: the directory cannot be opened or written.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_umask() -> int:
    """Read the umask of the process: the permissions that new files do not get.

    The only system call that returns the umask also changes the umask. The function then restores the old value.
    """
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
