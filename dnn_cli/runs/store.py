"""A directory of runs: make one, list them, find one by its address."""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from dnn_cli.config.identifiers import make_slug
from dnn_cli.errors import AmbiguousAddressError, RunError, UsageError
from dnn_cli.runs.address import (
    SWEEP_PREFIX,
    find_sweep_runs,
    get_only_run,
    has_path_separator,
    is_run_directory,
    resolve_address,
)
from dnn_cli.runs.atomic_write import sync_directory, write_text
from dnn_cli.runs.lock import hold_lock
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_index import RunIndex
from dnn_cli.runs.run_info import RunInfo

_STAMP_FORMAT = "%Y%m%d-%H%M%S"
RUN_NAME_PATTERN = re.compile(r"\.?\d{8}-\d{6}-.+-[0-9a-f]{8}", re.DOTALL)
"""The name that a store gives to a run, with a dot in front as long as it is being made."""

_RUNS_DIR_HINT = "name another place with --runs-dir"


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
            raise RunError(f"no run can be made in {self.root}: {nearest} is no directory", _RUNS_DIR_HINT)
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise RunError(f"no run can be made in {self.root}: {nearest} cannot be written", _RUNS_DIR_HINT)

    @contextmanager
    def create_run(self, name: str, config: str, build_record: Callable[[str], Record]) -> Iterator[Run]:
        """A new run, locked as long as the block lasts.

        It appears with its config and its first record, which is made for its id, or not at all.

        Raises:
            RunError: the directory cannot be written.
        """
        with ExitStack() as stack:
            with self.create_atomically(name) as (run_id, hidden, final):
                stack.enter_context(hold_lock(hidden.log))
                write_text(hidden.config, config)
                hidden.write_record(build_record(run_id))
            yield final

    def import_run(self, name: str, run_id: str, fill_run: Callable[[Run], None]) -> Run:
        """A run that was trained elsewhere, under the id that it has there.

        Raises:
            RunError: it cannot be written, or `fill_run` raises it; nothing is there then.
        """
        with self.create_atomically(name, run_id) as (_, hidden, final), hold_lock(hidden.log):
            fill_run(hidden)
        return final

    @contextmanager
    def create_atomically(self, name: str, run_id: str | None = None) -> Iterator[tuple[str, Run, Run]]:
        """An id, a hidden run to fill, and what it is once the block ends well; else nothing is left of it.

        Raises:
            RunError: the directory cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            run_id, final = self.choose_directory(name, run_id)
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
            raise RunError(f"no run can be made in {self.root}: {error.strerror}", _RUNS_DIR_HINT) from None
        except RunError as error:
            raise RunError(f"no run can be made: {error.message}", _RUNS_DIR_HINT) from None

    def choose_directory(self, name: str, run_id: str | None = None) -> tuple[str, Path]:
        """An id, and the directory for it: its name is later than all others, even if the clock has jumped back."""
        now, existing_names = datetime.now(timezone.utc), [path.name.lstrip(".") for path in self.root.iterdir()]
        latest = max((stamp for other in existing_names if (stamp := parse_stamp(other))), default=now)
        stamp = now if latest <= now else latest + timedelta(seconds=1)
        new_ids = iter(lambda: secrets.token_hex(4), "")
        run_id = run_id or next(new for new in new_ids if not any(new in other for other in existing_names))
        return run_id, self.root / f"{stamp:{_STAMP_FORMAT}}-{make_slug(name)}-{run_id}"

    def list_runs(self) -> list[RunInfo]:
        """Every run, the latest first."""
        try:
            with os.scandir(self.root) as scan:
                directories = [self.root / item.name for item in scan if is_visible_directory(item)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.root} cannot be listed: {error.strerror}", "") from None
        return sorted(RunIndex(self.root).read_runs(directories), key=_get_start_key, reverse=True)

    def with_details(self, runs: Sequence[RunInfo]) -> list[RunInfo]:
        """Return runs with their configs and metrics, which the index caches."""
        return RunIndex(self.root).with_details(runs)

    def find(self, address: str) -> Run:
        """Return the run with an address; of several runs of one experiment with the name, the latest.

        Raises:
            AmbiguousAddressError: the name is that of several experiments, or the id is that of several runs.
            UsageError: no run has the address.
        """
        return self.find_all(address, sweeps=False)[0]

    def find_only(self, address: str) -> Run:
        """Return the run with an address.

        Raises:
            AmbiguousAddressError: several runs have the address, even if they are of one experiment.
            UsageError: no run has the address.
        """
        return get_only_run(address, self.find_matches(address), str(self.root)).run

    def find_all(self, address: str, *, sweeps: bool = True) -> list[Run]:
        """Return the runs with an address: those of a sweep, those of a name that are of one experiment, or one run.

        The latest run is the first.

        Raises:
            AmbiguousAddressError: the name is that of several experiments, or the id is that of several runs.
            UsageError: no run has the address.
        """
        if sweeps and address.startswith(SWEEP_PREFIX):
            return [run_info.run for run_info in find_sweep_runs(address, self.list_runs())]
        return [run_info.run for run_info in self.find_matches(address)]

    def find_matches(self, address: str) -> list[RunInfo]:
        """Return the runs with an address other than that of a sweep, the latest first.

        A path leads to a run in any directory. A word without a separator is a path only where no run has the word as
        its name or id, so that a directory of the same name hides no run.

        Raises:
            AmbiguousAddressError: the name is that of several experiments, or the id is that of several runs.
            UsageError: no run has the address.
        """
        at_path = [RunInfo(Run(Path(address)), None)] if address and is_run_directory(address) else []
        if at_path and has_path_separator(address):
            return at_path
        try:
            return resolve_address(address, self.list_runs(), str(self.root), self.with_details)
        except AmbiguousAddressError:
            raise
        except UsageError:
            if at_path:
                return at_path
            raise


def parse_stamp(name: str) -> datetime | None:
    """When a run began, by the name of its directory; `None` where it does not say."""
    try:
        stamp = datetime.strptime(name[:15], _STAMP_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return stamp if stamp.year < datetime.max.year else None  # after which there is nothing


def _get_start_key(run_info: RunInfo) -> tuple[str, str]:
    """Sorts runs by when they started; the directory's name knows it to the second."""
    name = run_info.run.directory.name
    return name[:15], run_info.record.started if run_info.record else ""


def is_visible_directory(path: "Path | os.DirEntry[str]") -> bool:
    """Whether something in the runs directory is a run: a directory, or a link to one, that is not hidden."""
    return not path.name.startswith(".") and (path.is_symlink() or path.is_dir())
