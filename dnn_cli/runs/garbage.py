"""What a runs directory holds that nobody needs: leftovers of processes that died, and checkpoints of completed runs.

No link is ever followed, and nothing is deleted that a training could be using.
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
from dnn_cli.runs.entry import read_entry
from dnn_cli.runs.files import TEMPORARY
from dnn_cli.runs.lock import is_held
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import MADE_NAME, stamp_of
from dnn_cli.runs.trash import Failure, delete, tree_bytes, untrained

LAST = "last checkpoint"
"""The kind of garbage without which a completed run cannot be trained further."""

BEGINNING = timedelta(minutes=1)
"""A run this young may be in the instant between its directory and its lock."""


@dataclass(frozen=True)
class Garbage:
    """One thing to delete: what it is, where in the runs directory, and how large."""

    kind: str
    path: Path
    bytes: int


def find_garbage(root: Path, *, checkpoints: bool = False) -> list[Garbage]:
    """All that can go; `checkpoints`: and that which only training completed runs further would need.

    Raises:
        RunError: the directory cannot be listed.
    """
    try:
        children = sorted(root.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{root} cannot be listed: {error.strerror}") from error
    found: list[Garbage] = []
    for child in children:
        if may_hold_garbage(child) and not is_held(Run(child).log):
            found += sorted(garbage_of(root, child, checkpoints=checkpoints), key=lambda one: one.path)
    return found


def free(root: Path, garbage: Sequence[Garbage]) -> list[Failure]:
    """Delete what was found, as far as it is garbage still; what cannot be deleted stops nothing else."""
    failures = []
    for name, group in groupby(garbage, key=lambda one: one.path.parts[0]):
        items, directory = list(group), root / name
        try:
            with untrained(Run(directory)):
                still = set(garbage_of(root, directory, checkpoints=True)) if may_hold_garbage(directory) else set()
                for one in items:
                    failures += free_one(root / one.path, one in still)
        except RunError as error:
            failures += [Failure(root / one.path, error.message) for one in items]
    return failures


def sweep(run: Run) -> None:
    """Delete what a process that died left half-written in a run, whose lock the caller holds."""
    for path in regular_files(run.directory) | regular_files(run.checkpoints):
        if TEMPORARY.fullmatch(path.name):
            with suppress(OSError):
                delete(path)


def free_one(path: Path, is_garbage: bool) -> list[Failure]:
    """Delete one thing; the reason, if it stays."""
    try:
        if is_garbage:
            delete(path)
        elif os.path.lexists(path):
            return [Failure(path, f"{path} has changed meanwhile and is left")]
    except OSError as error:
        if os.path.lexists(path):
            return [Failure(path, f"{path} cannot be deleted: {error.strerror or error}")]
    return []


def may_hold_garbage(path: Path) -> bool:
    """Whether a path in the runs directory is a run, or one that was never made whole; neither a link nor too young."""
    try:
        if path.is_symlink() or not path.is_dir():
            return False
        return is_half_made(path) or (not path.name.startswith(".") and MADE_NAME.fullmatch(path.name) is not None)
    except OSError:
        return False


def is_half_made(path: Path) -> bool:
    """Whether a directory's name says that a run began to be made in it, and long enough ago to be done."""
    begun = stamp_of(path.name.removeprefix("."))
    if begun is None or not path.name.startswith(".") or not MADE_NAME.fullmatch(path.name):
        return False
    return datetime.now(timezone.utc) - begun > BEGINNING


def garbage_of(root: Path, directory: Path, *, checkpoints: bool) -> Iterator[Garbage]:
    """The garbage in one directory, in no order; that nobody trains there is for the caller to know."""
    if directory.name.startswith("."):
        yield Garbage("half-made run", directory.relative_to(root), tree_bytes(directory))
        return
    run = Run(directory)
    checkpoint_files = regular_files(run.checkpoints)
    for path, size in (regular_files(directory) | checkpoint_files).items():
        if TEMPORARY.fullmatch(path.name):
            yield Garbage("temporary file", path.relative_to(root), size)
    spare = {run.previous_checkpoint: "previous checkpoint"} | ({run.last_checkpoint: LAST} if checkpoints else {})
    there = spare.keys() & checkpoint_files.keys()
    if there and is_completed(run):
        for path in there:
            yield Garbage(spare[path], path.relative_to(root), checkpoint_files[path])


def is_completed(run: Run) -> bool:
    """Whether a readable record says that a run is completed."""
    record = read_entry(run).record
    return record is not None and record.status == "completed"


def regular_files(folder: Path) -> dict[Path, int]:
    """The sizes of the files in a folder; none where it is a link, cannot be read, or is not there."""
    try:
        if folder.is_symlink():
            return {}
        sizes = {path: path.lstat() for path in folder.iterdir()}
    except OSError:
        return {}
    return {path: found.st_size for path, found in sizes.items() if stat.S_ISREG(found.st_mode)}
