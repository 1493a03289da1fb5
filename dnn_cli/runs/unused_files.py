"""Unused files in a runs directory: leftovers of processes that died, and checkpoints of completed runs.

Links are never followed, and files that a training may use are never deleted.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path

from dnn_cli.errors import RunError
from dnn_cli.runs.atomic_write import TEMPORARY_NAME
from dnn_cli.runs.lock import is_locked
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import read_run_info
from dnn_cli.runs.store import RUN_NAME_PATTERN, parse_stamp
from dnn_cli.runs.trash import TrashFailure, block_training, compute_tree_bytes, delete_path

LAST_CHECKPOINT = "last checkpoint"
"""Kind of unused file: the last checkpoint of a completed run. Only a training for more epochs needs this file."""

_MIN_UNFINISHED_AGE = timedelta(minutes=1)
"""An unfinished run counts as unused if it is older than this duration.

A process that creates a run first creates the directory and then takes the lock. A younger run may be between the two
steps."""


@dataclass(frozen=True)
class UnusedFiles:
    """A file or directory to delete: kind (such as `temporary file`), path in the runs directory, and size in bytes."""

    kind: str
    path: Path
    byte_count: int


def find_unused_files(root: Path, *, checkpoints: bool = False) -> list[UnusedFiles]:
    """Return all unused files in a runs directory.

    Args:
        root: The runs directory.
        checkpoints: Whether to include last checkpoints, which only a longer training of a completed run needs.

    Raises:
        RunError: the directory cannot be listed.
    """
    try:
        children = sorted(root.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{root} cannot be listed: {error.strerror}") from error
    unused_files: list[UnusedFiles] = []
    for child in children:
        if _is_cleanable_directory(child) and not is_locked(Run(child).log):
            unused_files += sorted(_iter_unused_files(root, child, checkpoints=checkpoints), key=lambda item: item.path)
    return unused_files


def delete_unused_files(root: Path, unused_files: Sequence[UnusedFiles]) -> list[TrashFailure]:
    """Delete those of the files that are still unused, and return the failures; deletion continues after a failure."""
    failures = []
    for name, group in groupby(unused_files, key=lambda item: item.path.parts[0]):
        items, directory = list(group), root / name
        try:
            with block_training(Run(directory)):
                still_unused = (
                    set(_iter_unused_files(root, directory, checkpoints=True))
                    if _is_cleanable_directory(directory)
                    else set()
                )
                for item in items:
                    failures += _delete_if_unused(root / item.path, item in still_unused)
        except RunError as error:
            failures += [TrashFailure(root / item.path, error.message) for item in items]
    return failures


def remove_temporary_files(run: Run) -> None:
    """Delete the temporary files that a dead process left in a run. The caller holds the lock of the run."""
    for path in _list_regular_files(run.directory) | _list_regular_files(run.checkpoints):
        if TEMPORARY_NAME.fullmatch(path.name):
            with suppress(OSError):
                delete_path(path)


def _delete_if_unused(path: Path, is_unused: bool) -> list[TrashFailure]:
    """Delete an unused file or directory, and return an empty list or the failure.

    The deletion fails if the path is no longer unused, or cannot be deleted.

    Args:
        path: The path to delete.
        is_unused: Whether the path is still unused. Otherwise, the path is not deleted.
    """
    try:
        if is_unused:
            delete_path(path)
        elif os.path.lexists(path):
            return [TrashFailure(path, f"{path} was not deleted, because it has changed")]
    except OSError as error:
        if os.path.lexists(path):
            return [TrashFailure(path, f"{path} cannot be deleted: {error.strerror or error}")]
    return []


def _is_cleanable_directory(path: Path) -> bool:
    """Return whether unused files in a directory may be deleted.

    The directory must be named like a run, or like an unfinished run older than `_MIN_UNFINISHED_AGE`. A link to a
    directory does not count.
    """
    try:
        if path.is_symlink() or not path.is_dir():
            return False
        return _is_unfinished_run(path) or (
            not path.name.startswith(".") and RUN_NAME_PATTERN.fullmatch(path.name) is not None
        )
    except OSError:
        return False


def _is_unfinished_run(path: Path) -> bool:
    """Return whether the name of a directory is that of an unfinished run older than `_MIN_UNFINISHED_AGE`."""
    started = parse_stamp(path.name.removeprefix("."))
    if started is None or not path.name.startswith(".") or not RUN_NAME_PATTERN.fullmatch(path.name):
        return False
    return datetime.now(timezone.utc) - started > _MIN_UNFINISHED_AGE


def _iter_unused_files(root: Path, directory: Path, *, checkpoints: bool) -> Iterator[UnusedFiles]:
    """Yield the unused files in one directory, in any order. The caller has checked that no process trains there."""
    if directory.name.startswith("."):
        yield UnusedFiles("unfinished run", directory.relative_to(root), compute_tree_bytes(directory))
        return
    run = Run(directory)
    checkpoint_files = _list_regular_files(run.checkpoints)
    for path, size in (_list_regular_files(directory) | checkpoint_files).items():
        if TEMPORARY_NAME.fullmatch(path.name):
            yield UnusedFiles("temporary file", path.relative_to(root), size)
    spare = {run.previous_checkpoint: "previous checkpoint"} | (
        {run.last_checkpoint: LAST_CHECKPOINT} if checkpoints else {}
    )
    present = spare.keys() & checkpoint_files.keys()
    if present and _is_completed_run(run):
        for path in present:
            yield UnusedFiles(spare[path], path.relative_to(root), checkpoint_files[path])


def _is_completed_run(run: Run) -> bool:
    """Return whether the record of a run is readable and has the status `completed`."""
    record = read_run_info(run).record
    return record is not None and record.status == "completed"


def _list_regular_files(directory: Path) -> dict[Path, int]:
    """Return the regular files in a directory with their sizes in bytes; empty for a link or unreadable directory."""
    try:
        if directory.is_symlink():
            return {}
        statuses = {path: path.lstat() for path in directory.iterdir()}
    except OSError:
        return {}
    return {path: status.st_size for path, status in statuses.items() if stat.S_ISREG(status.st_mode)}
