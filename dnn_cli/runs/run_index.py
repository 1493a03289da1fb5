"""A cache of what the small files of all runs say, so that ten thousand are listed in a second.

The files are the only truth: what is known of one is taken only as long as inode, size and times of the file are
the same. A cache that is lost, damaged, locked or cannot be written costs time and nothing else.
"""

import gc
import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import pydantic_core

import dnn_cli
from dnn_cli.errors import RunError
from dnn_cli.host.directories import get_cache_path
from dnn_cli.runs.annotations import NO_ANNOTATIONS, Annotations
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import ANNOTATIONS_FILE, CONFIG_FILE, METRICS_FILE, RECORD_FILE, Run
from dnn_cli.runs.run_info import (
    RunDetails,
    RunInfo,
    read_details,
    read_run_info,
    read_valid_annotations,
    with_annotations,
)

MIN_INDEXED_RUNS = 50
"""So many runs are read as fast as looked up."""

DATABASE_TIMEOUT = 1.0
"""Seconds to wait for another process that writes it."""

_CREATE_TABLE = """
create table if not exists cached_contents (
    kind text, name text, key text, content blob, sum integer, primary key (kind, name)
)
"""

_ContentKind = Literal["record", "details"]
_CachedContent = tuple[str, bytes]
"""The key of the files it is from, and what they say."""


def get_index_path(root: Path) -> Path:
    """Where what is known of a runs directory is kept: never in it, as it may come from elsewhere."""
    digest = hashlib.sha256(os.fsencode(f"{dnn_cli.__version__} {os.path.realpath(root)}")).hexdigest()
    return get_cache_path("runs", f"{digest[:16]}.sqlite")


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Let no garbage be looked for while many values come into being, which would take as long again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()  # what has come into being stays, and need not be looked through
            gc.enable()


class RunIndex:
    """What is known of the runs in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database_path = get_index_path(root)

    @pause_garbage_collection()
    def read_runs(self, directories: Sequence[Path]) -> list[RunInfo]:
        """Return all runs of the directory with their current records and annotations."""
        if len(directories) < MIN_INDEXED_RUNS:
            return [read_run_info(Run(directory)) for directory in directories]
        cached = self.read_rows("record")
        runs, new_rows = [], {}
        for run in map(Run, directories):
            key = build_status_key(run, RECORD_FILE, ANNOTATIONS_FILE)
            row = cached.pop(run.directory.name, None)
            run_info = _unpack_record(run, row[1]) if row is not None and row[0] == key else None
            if run_info is None:
                run_info = read_run_info(run)
                if (content := _pack_record(run_info)) is not None:
                    new_rows[run.directory.name] = key, content
            runs.append(run_info)
        self.write_rows("record", new_rows, gone=cached)
        return runs

    @pause_garbage_collection()
    def with_details(self, runs: Sequence[RunInfo]) -> list[RunInfo]:
        """Return runs with their current configs and metrics."""
        if len(runs) < MIN_INDEXED_RUNS:
            return [run_info.with_details() for run_info in runs]
        cached = self.read_rows("details")
        detailed_runs, new_rows = [], {}
        for run, run_info in ((run_info.run, run_info) for run_info in runs):
            key = build_status_key(run, CONFIG_FILE, METRICS_FILE)
            row = cached.pop(run.directory.name, None)
            details = _unpack_details(row[1]) if row is not None and row[0] == key else None
            if details is None:
                details = read_details(run)
                if details.error is None and run.directory.parent == self.root:
                    new_rows[run.directory.name] = key, _pack_details(details)
            detailed_runs.append(RunInfo(run, run_info.record, run_info.error, run_info.annotations, details))
        self.write_rows("details", new_rows)
        return detailed_runs

    def read_rows(self, kind: _ContentKind) -> dict[str, _CachedContent]:
        """What is known, by the names of the runs; nothing where there is trouble."""
        if not self.database_path.exists():
            return {}
        query = "select name, key, content, sum from cached_contents where kind = ?"
        try:
            rows = self.run_on_database(lambda database: database.execute(query, (kind,)).fetchall())
            if any(sum_ != _compute_checksum(key, content) for _, key, content, sum_ in rows):
                raise sqlite3.DatabaseError("a disk has changed it")
            return {name: (key, content) for name, key, content, _ in rows}
        except (sqlite3.Error, TypeError, AttributeError, UnicodeError) as error:
            if "locked" not in str(error):  # by another process
                self.delete_database()
            return {}

    def write_rows(self, kind: _ContentKind, new_rows: dict[str, _CachedContent], gone: Iterable[str] = ()) -> None:
        """Remember what is new, and forget runs that are gone."""
        rows = [
            (kind, name, key, content, _compute_checksum(key, content))
            for name, (key, content) in new_rows.items()
            if name.encode(errors="replace").decode() == name  # one that is no text has no place in a database
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
        except (sqlite3.OperationalError, OSError):  # another process has it, or there is no room
            pass
        except sqlite3.Error:
            self.delete_database()

    def run_on_database(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """What a piece of work on the database returns."""
        with closing(sqlite3.connect(self.database_path, timeout=DATABASE_TIMEOUT)) as database:
            database.execute("pragma synchronous = off")  # it can be made again
            return work(database)

    def delete_database(self) -> None:
        """Remove a database that is damaged."""
        with suppress(OSError):
            self.database_path.unlink(missing_ok=True)


def build_status_key(run: Run, *names: str) -> str:
    """A text that is another one once one of the files is another, or is gone."""
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
    """Return a checksum that reveals a change by the disk, which SQLite does not detect."""
    return zlib.crc32(content, zlib.crc32(key.encode()))


def _pack_record(run_info: RunInfo) -> bytes | None:
    """What to remember of a run; nothing of one that is broken, or may go on."""
    if run_info.record is None or run_info.record.status == "running":
        return None
    try:
        record = run_info.run.read_raw_record()
    except RunError:
        return None
    if record.status == "running":  # its process is gone; its epochs are those of metrics.csv
        return None
    annotations = read_valid_annotations(run_info.run)
    annotations_json = annotations.model_dump_json() if annotations != NO_ANNOTATIONS else ""
    return f"{record.model_dump_json()}\0{annotations_json}".encode()


def _unpack_record(run: Run, content: bytes) -> RunInfo | None:
    """A run of which this was remembered; `None` where it was no record."""
    record, _, annotations_json = content.partition(b"\0")
    try:
        run_info = RunInfo(run, Record.model_validate_json(record))
        return (
            with_annotations(run_info, Annotations.model_validate_json(annotations_json))
            if annotations_json
            else run_info
        )
    except ValueError:
        return None


def _pack_details(details: RunDetails) -> bytes:
    """What to remember of a config and metrics."""
    header = json.dumps([details.variant_digest, details.seed, details.columns])
    return b"\0".join([header.encode(), (details.config_json or "").encode(), details.metric_bytes])


def _unpack_details(content: bytes) -> RunDetails | None:
    """A config and metrics of which this was remembered; `None` where it was something else."""
    try:
        header, text, values = content.split(b"\0", 2)
        variant_digest, seed, columns = pydantic_core.from_json(header)
    except ValueError:
        return None
    return RunDetails(text.decode(), variant_digest, seed, tuple(columns), values)
