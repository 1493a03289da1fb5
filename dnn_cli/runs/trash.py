"""The trash of a runs directory. A rename moves a run into the trash or out of the trash; only a purge deletes runs."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.address import has_path_separator, is_run_directory, resolve_single_run
from dnn_cli.runs.atomic_write import sync_directory
from dnn_cli.runs.lock import UnknownLockHolder, hold_lock, is_locked
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo, read_run_info
from dnn_cli.runs.store import RUN_NAME_PATTERN, Store, is_visible_directory


@dataclass(frozen=True)
class TrashedRun:
    """A run in the trash, and its size on disk in bytes."""

    run_info: RunInfo
    byte_count: int


@dataclass(frozen=True)
class TrashFailure:
    """A path that could not be deleted, and the reason."""

    path: Path
    reason: str


class Trash:
    """The trash of one runs directory: its subdirectory `.trash` with the removed runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / ".trash"

    def is_present(self) -> bool:
        """Return whether the trash directory exists.

        Raises:
            RunError: the path cannot be read, is not a directory, or is a link, which could lead elsewhere.
        """
        try:
            mode = self.directory.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise RunError(f"{self.directory} cannot be read: {error.strerror}") from error
        if not stat.S_ISDIR(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "not a directory"
            raise RunError(
                f"{self.directory} is {kind}, but the trash must be a directory", f"rename {self.directory.name}"
            )
        return True

    def list_runs(self) -> list[RunInfo]:
        """Return all runs in the trash, the latest first.

        Raises:
            RunError: the trash cannot be read.
        """
        return (
            [run_info for run_info in Store(self.directory).list_runs() if _is_deletable_run(run_info)]
            if self.is_present()
            else []
        )

    def list_trashed_runs(self, addresses: Sequence[str] = ()) -> list[TrashedRun]:
        """Return the runs in the trash with these addresses, and their sizes.

        Without addresses, return all runs in the trash.

        Raises:
            UsageError: an address names no run, or several runs.
            RunError: the trash cannot be read.
        """
        runs = self.list_runs()
        chosen = [self.resolve_trashed_run(address, runs) for address in addresses] if addresses else runs
        return [
            TrashedRun(run_info, compute_tree_bytes(run_info.run.directory)) for run_info in _remove_duplicates(chosen)
        ]

    def remove(self, addresses: Sequence[str]) -> list[RunInfo]:
        """Move runs into the trash, and return the runs at their new paths. After an error, no run is moved.

        Raises:
            UsageError: an address names no run, or several runs, or is a path outside the runs directory.
            RunError: a run is being trained, or cannot be moved.
        """
        self.is_present()
        runs = Store(self.root).list_runs()
        chosen = _remove_duplicates([self.resolve_run(address, runs) for address in addresses])
        for run_info in chosen:
            if not _is_deletable_run(run_info):
                raise UsageError(f"{run_info.run.directory} is not a run", "remove the directory without dnn")
        return _move_runs(chosen, self.directory, "delete the run in the trash with dnn runs purge")

    def restore(self, addresses: Sequence[str]) -> list[RunInfo]:
        """Move runs out of the trash, and return the runs at their new paths. After an error, no run is moved.

        Raises:
            UsageError: an address names no run, or several runs.
            RunError: the runs directory already has a directory with the name of a run, or a run cannot be moved.
        """
        runs = self.list_runs()
        chosen = _remove_duplicates([self.resolve_trashed_run(address, runs) for address in addresses])
        return _move_runs(chosen, self.root, "rename the existing directory first")

    def purge(self, trashed_runs: Sequence[TrashedRun]) -> list[TrashFailure]:
        """Delete runs in the trash, and return the failures; deletion continues after a failure.

        Raises:
            RunError: the trash cannot be read.
        """
        self.is_present()
        failures = []
        for path in (trashed_run.run_info.run.directory for trashed_run in trashed_runs):
            try:
                with block_training(Run(path)):
                    delete_path(path)
            except RunError as error:
                failures.append(TrashFailure(path, error.message))
            except OSError as error:
                # A path that is gone was deleted by another process.
                if os.path.lexists(path):
                    failures.append(TrashFailure(path, f"{path} cannot be deleted: {error.strerror or error}"))
        return failures

    def resolve_trashed_run(self, address: str, runs: Sequence[RunInfo]) -> RunInfo:
        """Return the only run in the trash with an address.

        Raises:
            UsageError: the address names no run, or several runs.
        """
        if not runs:
            raise UsageError(f"no run {address} in the trash of {self.root}", "the trash is empty")
        return resolve_single_run(address, runs, f"the trash of {self.root}")

    def resolve_run(self, address: str, runs: list[RunInfo]) -> RunInfo:
        """Return the run to remove: the only run with an address. The run must be directly inside the runs directory.

        Raises:
            UsageError: the address names no run, or several runs, or is a path outside the runs directory.
        """
        if has_path_separator(address) and os.path.lexists(address):
            return read_run_info(self.get_child_run(address))
        return resolve_single_run(address, runs, str(self.root))

    def get_child_run(self, address: str) -> Run:
        """Return the run at a path, which must be directly inside the runs directory.

        Raises:
            UsageError: the path is outside the runs directory, or is not a run.
        """
        path = Path(address)
        # Such a path has a name only after it is resolved.
        if path.name in ("", ".."):
            path = path.resolve()
        if path.parent.resolve() != self.root.resolve() or not is_visible_directory(path):
            raise UsageError(f"{address} is not a run in {self.root}", "set the directory of the run with --runs-dir")
        return Run(self.root / path.name)


def _is_deletable_run(run_info: RunInfo) -> bool:
    """Return whether a directory may be deleted, because it has the name of a run or contains a run."""
    directory = run_info.run.directory
    return RUN_NAME_PATTERN.fullmatch(directory.name) is not None or is_run_directory(str(directory))


def _remove_duplicates(runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Return the runs in their order, without runs whose directory is repeated."""
    return list({run_info.run.directory: run_info for run_info in runs}.values())


def _move_runs(runs: Sequence[RunInfo], destination: Path, hint: str) -> list[RunInfo]:
    """Move runs to another directory by one rename for each run. After an error, no run is moved.

    Args:
        runs: The runs to move.
        destination: The new parent directory.
        hint: The suggestion for a directory name that the destination already has.

    Raises:
        RunError: a run is being trained or cannot be moved, or the destination already has its directory name.
    """
    for run_info in runs:
        with block_training(run_info.run):
            target = destination / run_info.run.directory.name
            if os.path.lexists(target):
                raise RunError(f"{target} already exists", hint)
    moved: list[tuple[Path, Path]] = []
    try:
        destination.mkdir(exist_ok=True)
        for run_info in runs:
            source, target = run_info.run.directory, destination / run_info.run.directory.name
            with block_training(run_info.run):
                source.rename(target)
            moved.append((source, target))
        for directory in {path.parent for pair in moved for path in pair}:
            sync_directory(directory)
    except (OSError, RunError) as error:
        for source, target in reversed(moved):
            with suppress(OSError):
                target.rename(source)
        if isinstance(error, RunError):
            raise
        raise RunError(f"the runs cannot be moved to {destination}: {error.strerror or error}") from error
    return [replace(run_info, run=Run(destination / run_info.run.directory.name)) for run_info in runs]


@contextmanager
def block_training(run: Run) -> Iterator[None]:
    """Hold the lock of a run while the block runs, so that no process can train the run.

    The function creates no files. For a run without a log, and for a link, the function only reads the state of the
    lock.

    Raises:
        RunError: the run is being trained, or may be trained by a process of unknown state.
    """
    with ExitStack() as stack:
        try:
            can_lock = not run.directory.is_symlink() and os.path.lexists(run.log)
            if can_lock:
                stack.enter_context(hold_lock(run.log))
            is_busy = not can_lock and is_locked(run.log)
        except UnknownLockHolder as error:
            raise RunError(f"{error.holder} may be training {run.directory}", error.hint) from None
        except BlockingIOError:
            is_busy = True
        except OSError:
            # The log cannot be opened for writing, or is not a regular file.
            is_busy = is_locked(run.log)
        if is_busy:
            raise RunError(f"{run.directory} is being trained", "stop the training, or wait until it ends")
        yield


def delete_path(path: Path) -> None:
    """Delete a file, a directory with its content, or a link without its target.

    Raises:
        OSError: the path cannot be deleted.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def compute_tree_bytes(path: Path) -> int:
    """Return the size of a file or of a directory with its content, in bytes.

    Unreadable parts count as 0. A link counts with its own size and is not followed.
    """
    total, waiting = 0, [path]
    while waiting:
        with suppress(OSError):
            status = (current := waiting.pop()).lstat()
            if stat.S_ISDIR(status.st_mode):
                waiting += current.iterdir()
            else:
                total += status.st_size
    return total
