"""The index of a store: a cache of the small files of all runs, with which 10,000 runs are listed in a second.

The index never replaces the files. The cached content of a file is used only while the inode, size and times of the
file are unchanged. An index that is lost, damaged, locked or cannot be written only costs time.
"""

import gc
import hashlib
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import dnn_cli
from dnn_cli.host.directories import get_cache_path
from dnn_cli.runs.cached_contents import ContentReader, pack_details, pack_record
from dnn_cli.runs.run import ANNOTATIONS_FILE, CONFIG_FILE, METRICS_FILE, RECORD_FILE, Run
from dnn_cli.runs.run_info import RunInfo, read_details, read_run_info

_logger = logging.getLogger(__name__)

MIN_INDEXED_RUNS = 50
"""Smallest number of runs for which the index is used. Fewer runs are read equally fast without the index."""

DATABASE_TIMEOUT = 1.0
"""Seconds to wait for another process that writes the database."""

_CREATE_TABLE = """
create table if not exists cached_contents (
    kind text, name text, key text, content blob, sum integer, primary key (kind, name)
)
"""

_ContentKind = Literal["record", "details"]
_CachedContent = tuple[str, bytes]
"""Status key of files of a run (their inodes, sizes and times), and the content of these files as bytes."""


def get_index_path(root: Path) -> Path:
    """Return the path of the database that holds the index of a runs directory.

    The database is in the user's cache directory. A database inside the runs directory could come from another machine
    or user.
    """
    digest = hashlib.sha256(os.fsencode(f"{dnn_cli.__version__} {os.path.realpath(root)}")).hexdigest()
    return get_cache_path("runs", f"{digest[:16]}.sqlite")


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause Python's garbage collection while the block creates many values.

    Garbage collection would double the duration of the block.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # The created values stay alive: later collections can skip them.
            gc.freeze()
            gc.enable()


def keep_until_exit(value: object) -> None:
    """Keep a value until the process ends, without the time to free each of its parts.

    Freeing the values of 10,000 runs takes a tenth of a command. The system frees the memory of an ended process at
    once. At its exit, Python frees neither cycles nor objects that `gc.freeze` has moved out of sight.
    """
    cycle: list[object] = [value]
    cycle.append(cycle)
    gc.freeze()


class RunIndex:
    """The index of the runs in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database_path = get_index_path(root)

    @pause_garbage_collection()
    def read_runs(self, directories: Sequence[Path]) -> list[RunInfo]:
        """Read the runs of these directories with their current records and annotations."""
        if len(directories) < MIN_INDEXED_RUNS:
            _logger.info("runs read: %d in %s, without the index", len(directories), self.root)
            return [read_run_info(Run(directory)) for directory in directories]
        cached, reader = self.read_rows("record"), ContentReader()
        runs, new_rows, index_hits = [], {}, 0
        for run in map(Run, directories):
            key = build_status_key(run, RECORD_FILE, ANNOTATIONS_FILE)
            row = cached.pop(run.directory.name, None)
            run_info = reader.unpack_record(run, row[1]) if row is not None and row[0] == key else None
            index_hits += run_info is not None
            if run_info is None:
                run_info = read_run_info(run)
                if (content := pack_record(run_info)) is not None:
                    new_rows[run.directory.name] = key, content
            runs.append(run_info)
        self.write_rows("record", new_rows, gone=cached)
        _logger.info("runs read: %d in %s, of which the index has %d", len(runs), self.root, index_hits)
        return runs

    @pause_garbage_collection()
    def with_details(self, runs: Sequence[RunInfo]) -> list[RunInfo]:
        """Return runs with their current configs and metrics."""
        if len(runs) < MIN_INDEXED_RUNS:
            return [run_info.with_details() for run_info in runs]
        cached, reader = self.read_rows("details"), ContentReader()
        detailed_runs, new_rows = [], {}
        for run, run_info in ((run_info.run, run_info) for run_info in runs):
            key = build_status_key(run, CONFIG_FILE, METRICS_FILE)
            row = cached.pop(run.directory.name, None)
            details = reader.unpack_details(row[1]) if row is not None and row[0] == key else None
            if details is None:
                details = read_details(run, run_info.record)
                if details.error is None and run.directory.parent == self.root:
                    new_rows[run.directory.name] = key, pack_details(details)
            detailed_runs.append(RunInfo(run, run_info.record, run_info.error, run_info.annotations, details))
        self.write_rows("details", new_rows)
        _logger.info(
            "details of runs read: %d in %s, of which %d are new in the index", len(runs), self.root, len(new_rows)
        )
        return detailed_runs

    def read_rows(self, kind: _ContentKind) -> dict[str, _CachedContent]:
        """Read the cached contents of one kind, by the directory names of their runs.

        The result is empty if the database is missing, damaged or locked.
        """
        if not self.database_path.exists():
            return {}
        query = "select name, key, content, sum from cached_contents where kind = ?"
        try:
            rows = self.run_on_database(lambda database: database.execute(query, (kind,)).fetchall())
            if any(sum_ != _compute_checksum(key, content) for _, key, content, sum_ in rows):
                raise sqlite3.DatabaseError("a disk has changed it")
            return {name: (key, content) for name, key, content, _ in rows}
        except (sqlite3.Error, TypeError, AttributeError, UnicodeError) as error:
            # A database that another process has locked is intact.
            if "locked" not in str(error):
                self.delete_database()
            return {}

    def write_rows(self, kind: _ContentKind, new_rows: dict[str, _CachedContent], gone: Iterable[str] = ()) -> None:
        """Write new contents to the database, and delete contents of runs that no longer exist.

        Args:
            kind: The kind of the new contents.
            new_rows: The new contents, by the directory names of their runs.
            gone: The directory names of runs that no longer exist.
        """
        rows = [
            (kind, name, key, content, _compute_checksum(key, content))
            for name, (key, content) in new_rows.items()
            # SQLite stores only names that are valid Unicode text.
            if name.encode(errors="replace").decode() == name
        ]
        forgotten = [(name,) for name in gone]
        if not rows and not forgotten:
            return

        def write_all(database: sqlite3.Connection) -> None:
            with database:
                database.execute(_CREATE_TABLE)
                database.executemany("delete from cached_contents where name = ?", forgotten)
                database.executemany("insert or replace into cached_contents values (?, ?, ?, ?, ?)", rows)

        try:
            self.database_path.parent.mkdir(parents=True, exist_ok=True)
            self.run_on_database(write_all)
        except (sqlite3.OperationalError, OSError):
            # Another process has locked the database, or the disk is full.
            pass
        except sqlite3.Error:
            self.delete_database()

    def run_on_database(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run a function on the open database, and return its result.

        Raises:
            sqlite3.Error: the database is damaged or locked, or cannot be opened.
        """
        with closing(sqlite3.connect(self.database_path, timeout=DATABASE_TIMEOUT)) as database:
            # A database that a power cut damages can be built again.
            database.execute("pragma synchronous = off")
            return work(database)

    def delete_database(self) -> None:
        """Delete the database, which is damaged."""
        with suppress(OSError):
            self.database_path.unlink(missing_ok=True)


def build_status_key(run: Run, *names: str) -> str:
    """Return a key that changes whenever one of the named files of a run changes or disappears."""
    directory, keys = os.fspath(run.directory), []
    for name in names:
        try:
            status = os.stat(f"{directory}/{name}")
        except OSError as error:
            keys.append(f"error {error.errno}")
        else:
            keys.append(f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}")
    return ", ".join(keys)


def _compute_checksum(key: str, content: bytes) -> int:
    """Return a checksum that reveals damage on the disk, which SQLite does not detect."""
    return zlib.crc32(content, zlib.crc32(key.encode()))
