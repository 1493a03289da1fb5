"""Files that appear whole or not at all: a temporary file, fsync, rename, fsync of the directory."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dnn_cli.errors import RunError

TEMPORARY_NAME = re.compile(r"\.[^.]+-[a-z0-9_]{8}\.(yaml|json|csv|keras|npz)")
"""The name of a file in a run that is still being written."""


@contextmanager
def atomic_write(path: Path, backup: Path | None = None) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of `path` once the block ends well.

    The temporary path has the suffix of `path`, as some writers choose their format by it. What `path` was before
    is then at `backup`, if one is named.

    Raises:
        RunError: the file could not be written; `path` is as it was before, or at `backup`.
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
    """Write UTF-8 text whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync_directory(directory: Path) -> None:
    """Make what was renamed in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_umask() -> int:
    """The process's umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
