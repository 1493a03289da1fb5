"""The store: a directory in which runs are created, listed and found by their addresses."""

import logging
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
from dnn_cli.runs.pair_record import COMPARISONS_DIRECTORY
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_index import RunIndex
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.study_roles import STUDIES_DIRECTORY, STUDY_PREFIX, find_reported_runs, find_study_runs

_logger = logging.getLogger(__name__)

_STAMP_FORMAT = "%Y%m%d-%H%M%S"
RUN_NAME_PATTERN = re.compile(r"\.?\d{8}-\d{6}-.+-[0-9a-f]{8}", re.DOTALL)
"""Pattern of the directory name that a store gives to a run, such as `20261128-004615-digits-4a23b9c1`.

The name begins with a dot until the directory has a config and a record."""

_RUNS_DIR_HINT = "use another directory with --runs-dir"


class Store:
    """A directory of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Raise an error if runs cannot be created in the directory. Commands check this before long computations.

        Raises:
            RunError: the nearest path that exists is not a directory, or cannot be written.
        """
        nearest = next(path for path in (self.root, *self.root.absolute().parents) if os.path.lexists(path))
        if not nearest.is_dir():
            raise RunError(f"runs cannot be created in {self.root}: {nearest} is not a directory", _RUNS_DIR_HINT)
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise RunError(f"runs cannot be created in {self.root}: {nearest} cannot be written", _RUNS_DIR_HINT)

    @contextmanager
    def create_run(self, name: str, config: str, build_record: Callable[[str], Record]) -> Iterator[Run]:
        """Yield a new run, which is locked while the block runs.

        The run appears together with its config and its first record, or not at all.

        Args:
            name: The name of the run.
            config: The resolved config as YAML.
            build_record: A function that takes the id of the run and returns the first record.

        Raises:
            RunError: the directory cannot be written.
        """
        with ExitStack() as stack:
            with self.create_atomically(name) as (run_id, hidden, final):
                stack.enter_context(hold_lock(hidden.log))
                write_text(hidden.config, config)
                hidden.write_record(build_record(run_id))
            _logger.info("run created: %s", final.directory)
            yield final

    def import_run(self, name: str, run_id: str, fill_run: Callable[[Run], None]) -> Run:
        """Add a run that was trained in another directory or on another machine. The run keeps its id.

        Args:
            name: The name of the run.
            run_id: The id of the run.
            fill_run: A function that writes the files of the run into a new run directory.

        Raises:
            RunError: the run cannot be written, or `fill_run` raises the error. The store then stays unchanged.
        """
        with self.create_atomically(name, run_id) as (_, hidden, final), hold_lock(hidden.log):
            fill_run(hidden)
        return final

    @contextmanager
    def create_atomically(self, name: str, run_id: str | None = None) -> Iterator[tuple[str, Run, Run]]:
        """Yield the id of a new run, a hidden directory that the block fills, and the final directory.

        At the end of the block, the hidden directory is renamed to the final directory. An exception in the block
        deletes the hidden directory.

        Args:
            name: The name of the run.
            run_id: The id of the run; `None` creates a new id.

        Raises:
            RunError: the directory cannot be written, or the block raises the error.
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
            raise RunError(f"runs cannot be created in {self.root}: {error.strerror}", _RUNS_DIR_HINT) from None
        except RunError as error:
            raise RunError(f"the run cannot be created: {error.message}", _RUNS_DIR_HINT) from None

    def choose_directory(self, name: str, run_id: str | None = None) -> tuple[str, Path]:
        """Return the id and the directory of a new run. The id is new unless `run_id` is given.

        The time in the directory name is never before the time of another run, even if the clock was set back. Thus the
        new run is always the latest.
        """
        now, existing_names = datetime.now(timezone.utc), [path.name.lstrip(".") for path in self.root.iterdir()]
        latest = max((stamp for other in existing_names if (stamp := parse_stamp(other))), default=now)
        stamp = now if latest <= now else latest + timedelta(seconds=1)
        new_ids = iter(lambda: secrets.token_hex(4), "")
        run_id = run_id or next(new for new in new_ids if not any(new in other for other in existing_names))
        return run_id, self.root / f"{stamp:{_STAMP_FORMAT}}-{make_slug(name)}-{run_id}"

    def list_runs(self) -> list[RunInfo]:
        """Return all runs, the latest first.

        Raises:
            RunError: the directory cannot be listed.
        """
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
        """Find the run with an address. If several runs of one experiment have the address, return the latest.

        Raises:
            AmbiguousAddressError: several experiments have the name, or several runs have the id.
            UsageError: no run has the address.
        """
        return self.find_all(address, sweeps=False)[0]

    def find_only(self, address: str) -> Run:
        """Return the only run with an address.

        Raises:
            AmbiguousAddressError: several runs have the address, even if all of them are runs of one experiment.
            UsageError: no run has the address.
        """
        return get_only_run(address, self.find_matches(address), str(self.root)).run

    def find_all(self, address: str, *, sweeps: bool = True, reported: bool = False) -> list[Run]:
        """Return the runs with an address: the runs of a sweep or study, the runs of one experiment, or one run.

        The latest run is the first.

        Args:
            address: The address.
            sweeps: Whether the address of a sweep or study (`sweep:ID`, `study:ID`) is accepted.
            reported: Whether the address of a study names only the final runs of its tuned arm.

        Raises:
            AmbiguousAddressError: several experiments have the name, or several runs have the id.
            UsageError: no run has the address.
        """
        if sweeps and address.startswith(STUDY_PREFIX):
            find = find_reported_runs if reported else find_study_runs
            return [run_info.run for run_info in find(address, self.list_runs(), self.root)]
        if sweeps and address.startswith(SWEEP_PREFIX):
            return [run_info.run for run_info in find_sweep_runs(address, self.list_runs())]
        return [run_info.run for run_info in self.find_matches(address)]

    def find_matches(self, address: str) -> list[RunInfo]:
        """Return the runs that an address names, the latest first. Addresses of sweeps and studies are not accepted.

        Several runs are returned only if they differ only in seed and names. An address with a path separator is the
        path of a run in any directory. Another address is an id, a name or `best:METRIC`. If no run has this address,
        it is a path.

        Raises:
            AmbiguousAddressError: several experiments have the name, or several runs have the id.
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
    """Parse the time at the beginning of a directory name, at which the run started; `None` without a time."""
    try:
        stamp = datetime.strptime(name[:15], _STAMP_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    # A later time must exist: `choose_directory` adds one second.
    return stamp if stamp.year < datetime.max.year else None


def _get_start_key(run_info: RunInfo) -> tuple[str, str]:
    """Return a key that sorts runs by start: the second in the directory name, then the exact time in the record."""
    name = run_info.run.directory.name
    return name[:15], run_info.record.started if run_info.record else ""


def is_visible_directory(path: "Path | os.DirEntry[str]") -> bool:
    """Return whether a path in the runs directory is a directory or a link that can be a run.

    Its name does not begin with a dot, and is not that of the directories of studies and pair records.
    """
    is_reserved = path.name.startswith(".") or path.name in (STUDIES_DIRECTORY, COMPARISONS_DIRECTORY)
    return not is_reserved and (path.is_symlink() or path.is_dir())
