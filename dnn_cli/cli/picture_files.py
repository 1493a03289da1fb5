"""Paths of pictures that commands write."""

import os
from pathlib import Path

from dnn_cli.errors import UsageError


def check_picture_path(path: Path, *, force: bool | None) -> None:
    """Check that a picture can be written to a path.

    With `force`, an existing file is accepted. `None` is that of a command without an option that replaces files.

    The check precedes the reading of the runs, which takes time.

    Raises:
        UsageError: the suffix is not that of a picture, the path exists already, or its directory does not exist.
    """
    from dnn_cli.report.chart_files import CHART_SUFFIXES

    if path.is_dir():
        raise UsageError(f"{path} is a directory", f"choose a file, for example {path / 'curves.svg'}")
    if path.suffix[1:].lower() not in CHART_SUFFIXES:
        more = "; dnn report writes HTML" if path.suffix in (".html", ".htm") else ""
        suffixes_text = ", ".join(f".{suffix}" for suffix in CHART_SUFFIXES)
        raise UsageError(f"{path} does not end in {suffixes_text}", f"for example: {path.with_suffix('.svg')}{more}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a file", "choose another path")
    if os.path.lexists(path) and not force:
        replace_text = "" if force is None else "use --force to replace it, or "
        raise UsageError(f"{path} already exists", f"{replace_text}choose another path with -o")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} does not exist", "create the directory, or choose another path")
