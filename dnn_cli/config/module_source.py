"""Source files of modules with the user's code, found and read without an import.

A module `a.b` is the file `a/b.py` or `a/b/__init__.py` in the current directory of the command or, after this
directory, in a directory of Python's import path.
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from dnn_cli.errors import UsageError
from dnn_cli.host.regular_file import FileTooLargeError, NotRegularFileError, read_regular_file

_MAX_BYTES = 10_000_000
"""Largest size of a source file, in bytes."""


@dataclass(frozen=True)
class ModuleSource:
    """Source file of a module: its path, its content and its SHA-256."""

    module: str
    path: Path
    content: bytes

    @property
    def is_package(self) -> bool:
        """Whether the module is a package: a directory with `__init__.py`."""
        return self.path.name == "__init__.py"

    @property
    def digest(self) -> str:
        """SHA-256 of the content, as 64 hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


def find_module_source(module: str, directory: str) -> ModuleSource:
    """Find and read the source file of a module. No code runs.

    Args:
        module: The name of the module, such as `mylayers` or `project.layers`.
        directory: The directory that is searched before the directories of Python's import path.

    Raises:
        UsageError: there is no such file, or it cannot be read.
    """
    steps = module.split(".")
    for root in (directory, *sys.path):
        base = Path(root or directory, *steps)
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if os.path.isfile(path):
                return ModuleSource(module, path, _read_source(path))
    file = os.path.join(*steps) + ".py"
    raise UsageError(
        f"the module {module} does not exist in {directory} or in the directories of Python's import path",
        f"run the command in the directory that contains {file}, or add this directory to PYTHONPATH",
    )


def _read_source(path: Path) -> bytes:
    """Read a source file.

    Raises:
        UsageError: the file cannot be read, or is too large.
    """
    try:
        return read_regular_file(path, _MAX_BYTES)
    except (OSError, FileTooLargeError, NotRegularFileError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "check the file and its permissions") from None
