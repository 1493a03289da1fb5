"""The trash of a runs directory: to remove a run is one rename, to restore it another; only a purge deletes."""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.address import has_separator, is_run_directory, resolve_one
from dnn_cli.runs.entry import Entry, read_entry
from dnn_cli.runs.files import sync_directory
from dnn_cli.runs.lock import UnknownHolder, held, is_held
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import MADE_NAME, Store, is_run_name


@dataclass(frozen=True)
class Discarded:
    """A run in the trash, and what it takes of the disk."""

    entry: Entry
    bytes: int


@dataclass(frozen=True)
class Failure:
    """What could not be deleted, and why."""

    path: Path
    reason: str


class Trash:
    """What was removed from one directory of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / ".trash"

    def is_there(self) -> bool:
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

    def entries(self) -> list[Entry]:
        """Every run in the trash, the latest first."""
        return [entry for entry in Store(self.directory).entries() if is_ours(entry)] if self.is_there() else []

    def contents(self, addresses: Sequence[str] = ()) -> list[Discarded]:
        """The runs in the trash that are named, or all where none is, with their sizes.

        Raises:
            UsageError: an address leads to none, or to several.
        """
        entries = self.entries()
        chosen = [self.the_one(address, entries) for address in addresses] if addresses else entries
        return [Discarded(entry, tree_bytes(entry.run.directory)) for entry in distinct(chosen)]

    def remove(self, addresses: Sequence[str]) -> list[Entry]:
        """Move runs into the trash, all or none; they are returned as they lie there.

        Raises:
            UsageError: an address leads to none, to several, or out of the runs directory.
            RunError: one is being trained, or cannot be moved.
        """
        self.is_there()
        entries = Store(self.root).entries()
        chosen = distinct([self.meant(address, entries) for address in addresses])
        for entry in chosen:
            if not is_ours(entry):
                raise UsageError(f"{entry.run.directory} is no run", "remove it by other means")
        return move(chosen, self.directory, "dnn runs purge, with its name, deletes the one in the trash")

    def restore(self, addresses: Sequence[str]) -> list[Entry]:
        """Move runs back out of the trash, all or none; they are returned as they lie then.

        Raises:
            UsageError: an address leads to none, or to several.
            RunError: a run of that directory is there again, or one cannot be moved.
        """
        entries = self.entries()
        chosen = distinct([self.the_one(address, entries) for address in addresses])
        return move(chosen, self.root, "give that directory another name first")

    def purge(self, discarded: Sequence[Discarded]) -> list[Failure]:
        """Delete runs in the trash for good; what cannot be deleted stops no other."""
        self.is_there()
        failures = []
        for path in (one.entry.run.directory for one in discarded):
            try:
                with untrained(Run(path)):
                    delete(path)
            except RunError as error:
                failures.append(Failure(path, error.message))
            except OSError as error:
                if os.path.lexists(path):  # or another process was faster
                    failures.append(Failure(path, f"{path} cannot be deleted: {error.strerror or error}"))
        return failures

    def the_one(self, address: str, entries: Sequence[Entry]) -> Entry:
        """The run in the trash with an address."""
        if not entries:
            raise UsageError(f"no run {address} in the trash of {self.root}", "the trash is empty")
        return resolve_one(address, entries, f"the trash of {self.root}")

    def meant(self, address: str, entries: list[Entry]) -> Entry:
        """Return the run to remove: the only run of the address, and a child of the runs directory."""
        if has_separator(address) and os.path.lexists(address):
            return read_entry(self.child(address))
        return resolve_one(address, entries, str(self.root))

    def child(self, address: str) -> Run:
        """The run at a path, if it lies in the runs directory itself."""
        path = Path(address)
        if path.name in ("", ".."):  # only what it leads to has a name
            path = path.resolve()
        if path.parent.resolve() != self.root.resolve() or not is_run_name(path):
            raise UsageError(f"{address} is no run in {self.root}", "only runs there can be removed; see --runs-dir")
        return Run(self.root / path.name)


def is_ours(entry: Entry) -> bool:
    """Whether a directory has the name of a run, or a run in it; anything else is not to be deleted."""
    directory = entry.run.directory
    return MADE_NAME.fullmatch(directory.name) is not None or is_run_directory(str(directory))


def distinct(entries: Sequence[Entry]) -> list[Entry]:
    """Runs without those that are named twice."""
    return list({entry.run.directory: entry for entry in entries}.values())


def move(entries: Sequence[Entry], destination: Path, hint: str) -> list[Entry]:
    """Give runs another parent, all or none, by a rename each; `hint` is for a name that is taken there."""
    for entry in entries:
        with untrained(entry.run):
            target = destination / entry.run.directory.name
            if os.path.lexists(target):
                raise RunError(f"{target} is there already", hint)
    moved: list[tuple[Path, Path]] = []
    try:
        destination.mkdir(exist_ok=True)
        for entry in entries:
            source, target = entry.run.directory, destination / entry.run.directory.name
            with untrained(entry.run):
                source.rename(target)
            moved.append((source, target))
        for folder in {place.parent for pair in moved for place in pair}:
            sync_directory(folder)
    except (OSError, RunError) as error:
        for source, target in reversed(moved):
            with suppress(OSError):
                target.rename(source)
        if isinstance(error, RunError):
            raise
        raise RunError(f"nothing can be moved to {destination}: {error.strerror or error}") from error
    return [replace(entry, run=Run(destination / entry.run.directory.name)) for entry in entries]


@contextmanager
def untrained(run: Run) -> Iterator[None]:
    """Keep trainings away from a run as long as the block lasts.

    A run without a log is left without one, and a link is only looked through: nothing is made where it leads.

    Raises:
        RunError: it is being trained.
    """
    with ExitStack() as stack:
        try:
            lockable = not run.directory.is_symlink() and os.path.lexists(run.log)
            if lockable:
                stack.enter_context(held(run.log))
            busy = not lockable and is_held(run.log)
        except UnknownHolder as error:
            raise RunError(f"{error.who} may be training {run.directory}", error.hint) from None
        except BlockingIOError:
            busy = True
        except OSError:  # a log that is not for us to lock, or no file at all
            busy = is_held(run.log)
        if busy:
            raise RunError(f"{run.directory} is being trained", "stop that training first, or let it end")
        yield


def delete(path: Path) -> None:
    """Delete a file, a link but not what it leads to, or a directory with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def tree_bytes(path: Path) -> int:
    """What a file or a directory with all in it takes, as far as it can be read; no link is followed."""
    total, waiting = 0, [path]
    while waiting:
        with suppress(OSError):
            found = (current := waiting.pop()).lstat()
            if stat.S_ISDIR(found.st_mode):
                waiting += current.iterdir()
            else:
                total += found.st_size
    return total
