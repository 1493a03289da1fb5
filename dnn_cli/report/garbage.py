"""What lies in the trash and what can be freed, as tables and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from dnn_cli.report.runs import entry_document
from dnn_cli.report.tables import table
from dnn_cli.report.words import count
from dnn_cli.runs.address import handle
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.garbage import Garbage
from dnn_cli.runs.trash import Discarded, Failure
from dnn_cli.spec.summary import readable_bytes


def title(entry: Entry) -> str:
    """A run's name and the word that leads to it, which may be one and the same."""
    name, word = entry.record.name if entry.record else entry.run.directory.name, handle(entry)
    return name if name == word else f"{name} {word}"


def trash_table(trash: Sequence[Discarded]) -> Table:
    """A run in the trash a row."""
    rows = [
        [
            handle(one.entry),
            record.name,
            record.status,
            readable_bytes(one.bytes),
            record.started[:16].replace("T", " "),
        ]
        if (record := one.entry.record)
        else [handle(one.entry), one.entry.run.directory.name, "broken", readable_bytes(one.bytes), ""]
        for one in trash
    ]
    return table(["id", "name", "status", "size", "started (UTC)"], rows, right=["size"], flexible=["name"])


def trash_text(trash: Sequence[Discarded]) -> str:
    """How much there is in the trash: `3 runs, 12.00 MB`."""
    return f"{count(len(trash), 'run')}, {total(trash)}"


def garbage_table(garbage: Sequence[Garbage]) -> Table:
    """A thing that can be freed a row."""
    rows = [[one.kind, one.path.as_posix(), readable_bytes(one.bytes)] for one in garbage]
    return table(["kind", "path", "size"], rows, right=["size"], flexible=["path"])


def total(things: Sequence[Garbage] | Sequence[Discarded]) -> str:
    """What things take together."""
    return readable_bytes(sum(one.bytes for one in things))


def trash_document(trash: Sequence[Discarded]) -> dict[str, Any]:
    """What lies in the trash."""
    runs = [{**entry_document(one.entry), "bytes": one.bytes} for one in trash]
    return {"trash": runs, "bytes": sum(one.bytes for one in trash)}


def garbage_document(garbage: Sequence[Garbage]) -> dict[str, Any]:
    """What can be freed."""
    things = [{"kind": one.kind, "path": one.path.as_posix(), "bytes": one.bytes} for one in garbage]
    return {"garbage": things, "bytes": sum(one.bytes for one in garbage)}


def outcome_document(freed: bool, failures: Sequence[Failure]) -> dict[str, Any]:
    """Whether things were deleted, and which of them could not be."""
    return {"freed": freed, "failed": [{"path": str(one.path), "reason": one.reason} for one in failures]}
