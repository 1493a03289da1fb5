"""A directory of runs: make one, list them, find one by its address."""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from dnn_cli.errors import RunError, UsageError, nearest
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.files import sync_directory, write_text
from dnn_cli.runs.index import Index
from dnn_cli.runs.lock import held
from dnn_cli.runs.record import EVALUATE, NO_SCORES, TEST, Membership, Record
from dnn_cli.runs.run import Run
from dnn_cli.spec.metrics import lower_is_better
from dnn_cli.spec.names import slug

ADDRESSES = (
    "a run is addressed by its id or its beginning, its directory, its name, @1 (the latest) or best:val_accuracy"
)
STAMP = "%Y%m%d-%H%M%S"
MADE_NAME = re.compile(r"\.?\d{8}-\d{6}-.+-[0-9a-f]{8}", re.DOTALL)
"""The name that a store gives to a run, with a dot in front as long as it is being made."""

ELSEWHERE = "name another place with --runs-dir"


class Store:
    """The runs in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Refuse a directory in which no run can be made, before anything takes time.

        Raises:
            RunError: it is one.
        """
        nearest = next(path for path in (self.root, *self.root.absolute().parents) if os.path.lexists(path))
        if not nearest.is_dir():
            raise RunError(f"no run can be made in {self.root}: {nearest} is no directory", ELSEWHERE)
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise RunError(f"no run can be made in {self.root}: {nearest} cannot be written", ELSEWHERE)

    @contextmanager
    def new_run(self, name: str, config: str, first: Callable[[str], Record]) -> Iterator[Run]:
        """A new run, locked as long as the block lasts.

        It appears with its config and its first record, which is made for its id, or not at all.

        Raises:
            RunError: the directory cannot be written.
        """
        with ExitStack() as stack:
            with self.appearing(name) as (run_id, hidden, final):
                stack.enter_context(held(hidden.log))
                write_text(hidden.config, config)
                hidden.write_record(first(run_id))
            yield final

    def adopt(self, name: str, run_id: str, fill: Callable[[Run], None]) -> Run:
        """A run that was trained elsewhere, under the id that it has there.

        Raises:
            RunError: it cannot be written, or `fill` raises it; nothing is there then.
        """
        with self.appearing(name, run_id) as (_, hidden, final), held(hidden.log):
            fill(hidden)
        return final

    @contextmanager
    def appearing(self, name: str, run_id: str | None = None) -> Iterator[tuple[str, Run, Run]]:
        """An id, a hidden run to fill, and what it is once the block ends well; else nothing is left of it.

        Raises:
            RunError: the directory cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            run_id, final = self.name_for(name, run_id)
            hidden = Run(self.root / f".{final.name}")
            hidden.directory.mkdir()
            try:
                yield run_id, hidden, Run(final)
                hidden.directory.rename(final)
                sync_directory(self.root)
            except BaseException:
                shutil.rmtree(hidden.directory, ignore_errors=True)
                raise
        except OSError as error:
            raise RunError(f"no run can be made in {self.root}: {error.strerror}", ELSEWHERE) from None
        except RunError as error:
            raise RunError(f"no run can be made: {error.message}", ELSEWHERE) from None

    def name_for(self, name: str, run_id: str | None = None) -> tuple[str, Path]:
        """An id, and the directory for it: its name is later than all others, even if the clock has jumped back."""
        now, taken = datetime.now(timezone.utc), [path.name.lstrip(".") for path in self.root.iterdir()]
        latest = max((stamp for other in taken if (stamp := stamp_of(other))), default=now)
        stamp = now if latest <= now else latest + timedelta(seconds=1)
        new_ids = iter(lambda: secrets.token_hex(4), "")
        run_id = run_id or next(new for new in new_ids if not any(new in other for other in taken))
        return run_id, self.root / f"{stamp:{STAMP}}-{slug(name)}-{run_id}"

    def entries(self) -> list[Entry]:
        """Every run, the latest first."""
        try:
            with os.scandir(self.root) as found:
                directories = [self.root / one.name for one in found if is_run_name(one)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.root} cannot be listed: {error.strerror}", "") from None
        return sorted(Index(self.root).entries(directories), key=age, reverse=True)

    def detailed(self, entries: Sequence[Entry]) -> list[Entry]:
        """Runs with their experiments and metrics, for work that looks at many."""
        return Index(self.root).detailed(entries)

    def find(self, address: str) -> Run:
        """The run with an address.

        Raises:
            UsageError: none or several have it.
        """
        if not address:  # which is the beginning of every id
            raise UsageError("the address of a run is empty", ADDRESSES)
        if is_run_directory(address):
            return Run(Path(address))
        entries = self.entries()
        if not entries:
            raise UsageError(f"no run {address}: there is no run in {self.root}", "dnn train makes one")
        if address.startswith("@"):
            return self.numbered(address, entries)
        if address.startswith("best:"):
            return best(address.removeprefix("best:"), entries)
        named = [entry.run for entry in entries if entry.record and entry.record.name == address]
        begun = [e.run for e in entries if e.run.directory.name == address or run_id(e.run).startswith(address)]
        if named:
            return named[0]
        if len(begun) == 1:
            return begun[0]
        if begun:
            raise UsageError(f"{address} is the beginning of {len(begun)} runs", "give more of the id")
        names = {entry.record.name for entry in entries if entry.record}
        raise UsageError(f"no run {address} in {self.root}", nearest(address, names) or ADDRESSES)

    def find_all(self, address: str) -> list[Run]:
        """The runs with an address: those of a sweep, or one.

        Raises:
            UsageError: none has it.
        """
        if not address.startswith("sweep:"):
            return [self.find(address)]
        wanted, entries = address.removeprefix("sweep:"), self.entries()
        known = {one.id: one for entry in entries if entry.record for one in entry.record.sweeps}
        meant = [one for one in known if one.startswith(wanted)] if wanted else []
        if len(meant) != 1:
            listed = ", ".join(f"{one.id} ({one.name})" for one in list(known.values())[:5]) or "there is none"
            raise UsageError(f"no sweep {wanted}" if not meant else f"{wanted} begins {len(meant)} sweeps", listed)
        return [e.run for e in entries if membership(e, meant[0])]

    def numbered(self, address: str, entries: list[Entry]) -> Run:
        number = address.removeprefix("@")
        if not (number.isascii() and number.isdigit() and len(number) < 10 and 1 <= int(number) <= len(entries)):
            raise UsageError(f"no run {address}: there are @1 to @{len(entries)}", ADDRESSES)
        return entries[int(number) - 1].run


def membership(entry: Entry, sweep: str) -> Membership | None:
    """What a run knows of a sweep, if it belongs to it."""
    return next((one for one in entry.record.sweeps if one.id == sweep), None) if entry.record else None


def stamp_of(name: str) -> datetime | None:
    """When a run began, by the name of its directory; `None` where it does not say."""
    try:
        stamp = datetime.strptime(name[:15], STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return stamp if stamp.year < datetime.max.year else None  # after which there is nothing


def age(entry: Entry) -> tuple[str, str]:
    """Sorts runs by when they started; the directory's name knows it to the second."""
    name = entry.run.directory.name
    return name[:15], entry.record.started if entry.record else ""


def best(metric: str, entries: list[Entry]) -> Run:
    """The completed run that reached the best value of a score in any epoch."""
    reached = [(values, entry.run) for entry in entries if (values := reached_by(entry, metric))]
    if not reached:
        known = {name for e in entries if e.record for name in e.record.results.best or () if name not in NO_SCORES}
        if metric.startswith(TEST):
            raise UsageError(f"no completed run has the test score {metric}", EVALUATE)
        raise UsageError(
            f"no completed run has the metric {metric}", nearest(metric, known) or ", ".join(sorted(known))
        )
    choose = min if lower_is_better(metric) else max
    return choose(reached, key=lambda pair: choose(pair[0]))[1]


def reached_by(entry: Entry, metric: str) -> list[float]:
    """The values of a score, an epoch each; none unless the run is whole and has it."""
    if entry.record is None or entry.record.status != "completed" or metric in NO_SCORES:
        return []
    if metric.startswith(TEST):
        return [float(score) for name, score in entry.record.test_scores().items() if name == metric]
    try:
        return [float(row[metric]) for row in entry.run.read_metrics() if metric in row]
    except RunError:
        return []


def is_run_directory(address: str) -> bool:
    """Whether an address is the path of a run."""
    try:
        return any((Path(address) / name).is_file() for name in ("run.json", "config.yaml"))
    except (OSError, ValueError):
        return False


def run_id(run: Run) -> str:
    """The eight hex digits at the end of a directory's name."""
    return run.directory.absolute().name.rpartition("-")[2]


def is_run_name(path: "Path | os.DirEntry[str]") -> bool:
    """Whether something in the runs directory is a run: a directory, or a link to one, that is not hidden."""
    return not path.name.startswith(".") and (path.is_symlink() or path.is_dir())
