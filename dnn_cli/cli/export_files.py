"""Files of exported models: checks of their paths before an export, and their replacement by new files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnn_cli.errors import RunError, UsageError
from dnn_cli.export.export_formats import ExportFormat


def check_export_path(path: Path, sidecar: Path, export_format: ExportFormat, *, force: bool) -> None:
    """Check that an exported model can be written to a path. The check precedes the export, which takes time.

    Args:
        path: The path of the exported model.
        sidecar: The path of the JSON file that describes the input and output of the exported model.
        export_format: The format of the exported model.
        force: Whether existing files of an earlier export are replaced.

    Raises:
        UsageError: the suffix is wrong, the directory is missing, or a path exists already. With `force`, an existing
            export is accepted.
    """
    suffix = export_format.suffix
    if not path.name:
        raise UsageError(f"-o {path} is not the path of a file", f"use -o network{suffix}")
    if export_format.directory_marker is None and path.suffix != suffix:
        raise UsageError(
            f"{path} does not end in {suffix}, the suffix of {export_format.name}",
            f"use -o {path.with_suffix(suffix)}",
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} does not exist", "create the directory, or choose another path with -o")
    for existing_path in (path, sidecar):
        if not os.path.lexists(existing_path):
            continue
        if not force:
            raise UsageError(
                f"{existing_path} already exists", "use --force to replace it, or choose another path with -o"
            )
        is_directory = existing_path.is_dir() and not existing_path.is_symlink()
        is_exported_directory = (
            existing_path is path
            and export_format.directory_marker is not None
            and (existing_path / export_format.directory_marker).is_file()
        )
        if is_directory != is_exported_directory and (
            is_directory or (existing_path is path and export_format.directory_marker is not None)
        ):
            raise UsageError(f"{existing_path} is not an export and is not replaced", "choose another path with -o")


@contextmanager
def replace_atomically(path: Path, sidecar: Path) -> Iterator[tuple[Path, Path]]:
    """Yield temporary paths for an exported model and its sidecar, the JSON file that describes the model.

    When the block ends without an error, the new files replace `path` and `sidecar`. After an error, the temporary
    files are deleted and an old export stays.

    Raises:
        RunError: a file cannot be written.
    """
    try:
        temporary_directory = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        new, old = temporary_directory / "new", temporary_directory / "old"
        try:
            new.mkdir()
            yield new / path.name, new / sidecar.name
            if path.is_dir() and not path.is_symlink():
                path.rename(old)
            (new / path.name).replace(path)
            (new / sidecar.name).replace(sidecar)
        except BaseException:
            if old.exists() and not path.exists():
                old.rename(path)
            raise
        finally:
            shutil.rmtree(temporary_directory, ignore_errors=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def format_export_size(path: Path) -> str:
    """Return the size of an exported file or directory as text, in kB or MB."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    return f"{size / 1e3:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"
