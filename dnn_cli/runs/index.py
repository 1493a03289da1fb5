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
from dnn_cli.host.folders import cache_folder
from dnn_cli.runs.entry import Details, Entry, labelled, labels_of, read_details, read_entry
from dnn_cli.runs.labels import NONE, Labels
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import CONFIG, LABELS, METRICS, RECORD, Run

FEW = 50
"""So many runs are read as fast as looked up."""

PATIENCE = 1.0
"""Seconds to wait for another process that writes it."""

TABLE = """
create table if not exists facts (
    kind text, name text, key text, content blob, sum integer, primary key (kind, name)
)
"""

Kind = Literal["record", "details"]
Fact = tuple[str, bytes]
"""The key of the files it is from, and what they say."""


def index_file(root: Path) -> Path:
    """Where what is known of a runs directory is kept: never in it, as it may come from elsewhere."""
    digest = hashlib.sha256(os.fsencode(f"{dnn_cli.__version__} {os.path.realpath(root)}")).hexdigest()
    return cache_folder("runs", f"{digest[:16]}.sqlite")


@contextmanager
def without_collection() -> Iterator[None]:
    """Let no garbage be looked for while many values come into being, which would take as long again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()  # what has come into being stays, and need not be looked through
            gc.enable()


class Index:
    """What is known of the runs in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = index_file(root)

    @without_collection()
    def entries(self, directories: Sequence[Path]) -> list[Entry]:
        """All runs of the directory with their records and labels, as they are now."""
        if len(directories) < FEW:
            return [read_entry(Run(directory)) for directory in directories]
        known = self.read("record")
        found, news = [], {}
        for run in map(Run, directories):
            key = status_key(run, RECORD, LABELS)
            fact = known.pop(run.directory.name, None)
            entry = unpacked_record(run, fact[1]) if fact is not None and fact[0] == key else None
            if entry is None:
                entry = read_entry(run)
                if (content := packed_record(entry)) is not None:
                    news[run.directory.name] = key, content
            found.append(entry)
        self.write("record", news, gone=known)
        return found

    @without_collection()
    def detailed(self, entries: Sequence[Entry]) -> list[Entry]:
        """Runs with their experiments and metrics, as they are now."""
        if len(entries) < FEW:
            return [entry.detailed() for entry in entries]
        known = self.read("details")
        found, news = [], {}
        for run, entry in ((entry.run, entry) for entry in entries):
            key = status_key(run, CONFIG, METRICS)
            fact = known.pop(run.directory.name, None)
            details = unpacked_details(fact[1]) if fact is not None and fact[0] == key else None
            if details is None:
                details = read_details(run)
                if details.trouble is None and run.directory.parent == self.root:
                    news[run.directory.name] = key, packed_details(details)
            found.append(Entry(run, entry.record, entry.broken, entry.labels, details))
        self.write("details", news)
        return found

    def read(self, kind: Kind) -> dict[str, Fact]:
        """What is known, by the names of the runs; nothing where there is trouble."""
        if not self.file.exists():
            return {}
        question = "select name, key, content, sum from facts where kind = ?"
        try:
            rows = self.on_file(lambda database: database.execute(question, (kind,)).fetchall())
            if any(sum_ != checksum(key, content) for _, key, content, sum_ in rows):
                raise sqlite3.DatabaseError("a disk has changed it")
            return {name: (key, content) for name, key, content, _ in rows}
        except (sqlite3.Error, TypeError, AttributeError, UnicodeError) as error:
            if "locked" not in str(error):  # by another process
                self.forget()
            return {}

    def write(self, kind: Kind, news: dict[str, Fact], gone: Iterable[str] = ()) -> None:
        """Remember what is new, and forget runs that are gone."""
        rows = [
            (kind, name, key, content, checksum(key, content))
            for name, (key, content) in news.items()
            if name.encode(errors="replace").decode() == name  # one that is no text has no place in a database
        ]
        forgotten = [(name,) for name in gone]
        if not rows and not forgotten:
            return

        def work(database: sqlite3.Connection) -> None:
            with database:
                database.execute(TABLE)
                database.executemany("delete from facts where name = ?", forgotten)
                database.executemany("insert or replace into facts values (?, ?, ?, ?, ?)", rows)

        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.on_file(work)
        except (sqlite3.OperationalError, OSError):  # another process has it, or there is no room
            pass
        except sqlite3.Error:
            self.forget()

    def on_file(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """What a piece of work on the database returns."""
        with closing(sqlite3.connect(self.file, timeout=PATIENCE)) as database:
            database.execute("pragma synchronous = off")  # it can be made again
            return work(database)

    def forget(self) -> None:
        """Remove a database that is damaged."""
        with suppress(OSError):
            self.file.unlink(missing_ok=True)


def status_key(run: Run, *names: str) -> str:
    """A text that is another one once one of the files is another, or is gone."""
    folder, keys = os.fspath(run.directory), []
    for name in names:
        try:
            found = os.stat(f"{folder}/{name}")
        except OSError as error:
            keys.append(f"error {error.errno}")
        else:
            keys.append(f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}")
    return ", ".join(keys)


def checksum(key: str, content: bytes) -> int:
    """Tells what a disk has changed, which SQLite does not look for."""
    return zlib.crc32(content, zlib.crc32(key.encode()))


def packed_record(entry: Entry) -> bytes | None:
    """What to remember of a run; nothing of one that is broken, or may go on."""
    if entry.record is None or entry.record.status == "running":
        return None
    try:
        record = entry.run.parse_record()
    except RunError:
        return None
    if record.status == "running":  # its process is gone; what metrics.csv tells belongs to it, too
        return None
    labels = labels_of(entry.run)
    said = labels.model_dump_json() if labels != NONE else ""
    return f"{record.model_dump_json()}\0{said}".encode()


def unpacked_record(run: Run, content: bytes) -> Entry | None:
    """A run of which this was remembered; `None` where it was no record."""
    record, _, said = content.partition(b"\0")
    try:
        entry = Entry(run, Record.model_validate_json(record))
        return labelled(entry, Labels.model_validate_json(said)) if said else entry
    except ValueError:
        return None


def packed_details(details: Details) -> bytes:
    """What to remember of a config and metrics."""
    header = json.dumps([details.alike, details.seed, details.columns])
    return b"\0".join([header.encode(), (details.text or "").encode(), details.values])


def unpacked_details(content: bytes) -> Details | None:
    """A config and metrics of which this was remembered; `None` where it was something else."""
    try:
        header, text, values = content.split(b"\0", 2)
        alike, seed, columns = pydantic_core.from_json(header)
    except ValueError:
        return None
    return Details(text.decode(), alike, seed, tuple(columns), values)
