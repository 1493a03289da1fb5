"""The trash of a runs directory: to remove a run is one rename, to restore it another; only a purge deletes."""

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
    """A run in the trash, and what it takes of the disk."""

    run_info: RunInfo
    byte_count: int


@dataclass(frozen=True)
class TrashFailure:
    """What could not be deleted, and why."""

    path: Path
    reason: str


class Trash:
    """What was removed from one directory of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / ".trash"

    def is_present(self) -> bool:
        """Whether there is a trash.

        Raises:
            RunError: something else has its name, and a link would lead out of the runs directory.
        """
        try:
            mode = self.directory.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise RunError(f"{self.directory} cannot be read: {error.strerror}") from error
        if not stat.S_ISDIR(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "no directory"
            raise RunError(f"{self.directory} is {kind}, and nothing is trusted to it", "give it another name")
        return True

    def list_runs(self) -> list[RunInfo]:
        """Every run in the trash, the latest first."""
        return (
            [run_info for run_info in Store(self.directory).list_runs() if _is_deletable_run(run_info)]
            if self.is_present()
            else []
        )

    def list_trashed_runs(self, addresses: Sequence[str] = ()) -> list[TrashedRun]:
        """The runs in the trash that are named, or all where none is, with their sizes.

        Raises:
            UsageError: an address leads to none, or to several.
        """
        runs = self.list_runs()
        chosen = [self.resolve_trashed_run(address, runs) for address in addresses] if addresses else runs
        return [
            TrashedRun(run_info, compute_tree_bytes(run_info.run.directory)) for run_info in _remove_duplicates(chosen)
        ]

    def remove(self, addresses: Sequence[str]) -> list[RunInfo]:
        """Move runs into the trash, all or none; they are returned as they lie there.

        Raises:
            UsageError: an address leads to none, to several, or out of the runs directory.
            RunError: one is being trained, or cannot be moved.
        """
        self.is_present()
        runs = Store(self.root).list_runs()
        chosen = _remove_duplicates([self.resolve_run(address, runs) for address in addresses])
        for run_info in chosen:
            if not _is_deletable_run(run_info):
                raise UsageError(f"{run_info.run.directory} is no run", "remove it by other means")
        return _move_runs(chosen, self.directory, "dnn runs purge, with its name, deletes the one in the trash")

    def restore(self, addresses: Sequence[str]) -> list[RunInfo]:
        """Move runs back out of the trash, all or none; they are returned as they lie then.

        Raises:
            UsageError: an address leads to none, or to several.
            RunError: a run of that directory is there again, or one cannot be moved.
        """
        runs = self.list_runs()
        chosen = _remove_duplicates([self.resolve_trashed_run(address, runs) for address in addresses])
        return _move_runs(chosen, self.root, "give that directory another name first")

    def purge(self, trashed_runs: Sequence[TrashedRun]) -> list[TrashFailure]:
        """Delete runs in the trash for good; what cannot be deleted stops no other."""
        self.is_present()
        failures = []
        for path in (trashed_run.run_info.run.directory for trashed_run in trashed_runs):
            try:
                with block_training(Run(path)):
                    delete_path(path)
            except RunError as error:
                failures.append(TrashFailure(path, error.message))
            except OSError as error:
                if os.path.lexists(path):  # or another process was faster
                    failures.append(TrashFailure(path, f"{path} cannot be deleted: {error.strerror or error}"))
        return failures

    def resolve_trashed_run(self, address: str, runs: Sequence[RunInfo]) -> RunInfo:
        """The run in the trash with an address."""
        if not runs:
            raise UsageError(f"no run {address} in the trash of {self.root}", "the trash is empty")
        return resolve_single_run(address, runs, f"the trash of {self.root}")

    def resolve_run(self, address: str, runs: list[RunInfo]) -> RunInfo:
        """Return the run to remove: the only run of the address, and a child of the runs directory."""
        if has_path_separator(address) and os.path.lexists(address):
            return read_run_info(self.get_child_run(address))
        return resolve_single_run(address, runs, str(self.root))

    def get_child_run(self, address: str) -> Run:
        """The run at a path, if it lies in the runs directory itself."""
        path = Path(address)
        if path.name in ("", ".."):  # only what it leads to has a name
            path = path.resolve()
        if path.parent.resolve() != self.root.resolve() or not is_visible_directory(path):
            raise UsageError(f"{address} is no run in {self.root}", "only runs there can be removed; see --runs-dir")
        return Run(self.root / path.name)


def _is_deletable_run(run_info: RunInfo) -> bool:
    """Whether a directory has the name of a run, or a run in it; anything else is not to be deleted."""
    directory = run_info.run.directory
    return RUN_NAME_PATTERN.fullmatch(directory.name) is not None or is_run_directory(str(directory))


def _remove_duplicates(runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Runs without those that are named twice."""
    return list({run_info.run.directory: run_info for run_info in runs}.values())


def _move_runs(runs: Sequence[RunInfo], destination: Path, hint: str) -> list[RunInfo]:
    """Give runs another parent, all or none, by a rename each; `hint` is for a name that is taken there."""
    for run_info in runs:
        with block_training(run_info.run):
            target = destination / run_info.run.directory.name
            if os.path.lexists(target):
                raise RunError(f"{target} is there already", hint)
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
        raise RunError(f"nothing can be moved to {destination}: {error.strerror or error}") from error
    return [replace(run_info, run=Run(destination / run_info.run.directory.name)) for run_info in runs]


@contextmanager
def block_training(run: Run) -> Iterator[None]:
    """Keep trainings away from a run as long as the block lasts.

    A run without a log is left without one, and a link is only looked through: nothing is made where it leads.

    Raises:
        RunError: it is being trained.
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
        except OSError:  # a log that is not for us to lock, or no file at all
            is_busy = is_locked(run.log)
        if is_busy:
            raise RunError(f"{run.directory} is being trained", "stop that training first, or let it end")
        yield


def delete_path(path: Path) -> None:
    """Delete a file, a link but not what it leads to, or a directory with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def compute_tree_bytes(path: Path) -> int:
    """What a file or a directory with all in it takes, as far as it can be read; no link is followed."""
    total, waiting = 0, [path]
    while waiting:
        with suppress(OSError):
            status = (current := waiting.pop()).lstat()
            if stat.S_ISDIR(status.st_mode):
                waiting += current.iterdir()
            else:
                total += status.st_size
    return total
