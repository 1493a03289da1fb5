"""Trashed runs and unused files, as tables and as JSON."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from dnn_cli.config.network_summary import format_bytes
from dnn_cli.report.runs_table import build_run_info_document
from dnn_cli.report.tables import build_table
from dnn_cli.report.text import format_count
from dnn_cli.runs.address import get_short_address
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.trash import TrashedRun, TrashFailure
from dnn_cli.runs.unused_files import UnusedFiles


def format_name_and_address(run_info: RunInfo) -> str:
    """Return the name of a run and its id, which is a short address; if the id is unknown, the directory name."""
    name, address = (
        run_info.record.name if run_info.record else run_info.run.directory.name,
        get_short_address(run_info),
    )
    return name if name == address else f"{name} {address}"


def build_trash_table(trash: Sequence[TrashedRun]) -> Table:
    """Build a table with a row for each trashed run."""
    rows = [
        [
            get_short_address(trashed_run.run_info),
            record.name,
            record.status,
            format_bytes(trashed_run.byte_count),
            record.started[:16].replace("T", " "),
        ]
        if (record := trashed_run.run_info.record)
        else [
            get_short_address(trashed_run.run_info),
            trashed_run.run_info.run.directory.name,
            "broken",
            format_bytes(trashed_run.byte_count),
            "",
        ]
        for trashed_run in trash
    ]
    return build_table(["id", "name", "status", "size", "started (UTC)"], rows, right=["size"], flexible=["name"])


def format_trash_size(trash: Sequence[TrashedRun]) -> str:
    """Return the number of trashed runs and their size, such as `3 runs, 12.00 MB`."""
    return f"{format_count(len(trash), 'run')}, {format_total_size(trash)}"


def build_unused_files_table(unused_files: Sequence[UnusedFiles]) -> Table:
    """Build a table with a row for each directory or file that can be deleted."""
    rows = [[item.kind, item.path.as_posix(), format_bytes(item.byte_count)] for item in unused_files]
    return build_table(["kind", "path", "size"], rows, right=["size"], flexible=["path"])


def format_total_size(items: Sequence[UnusedFiles] | Sequence[TrashedRun]) -> str:
    """Return the total size of trashed runs or unused files as text."""
    return format_bytes(sum(item.byte_count for item in items))


def build_trash_document(trash: Sequence[TrashedRun]) -> dict[str, Any]:
    """Build the JSON document of the trash."""
    runs = [{**build_run_info_document(trashed_run.run_info), "bytes": trashed_run.byte_count} for trashed_run in trash]
    return {"trash": runs, "bytes": sum(trashed_run.byte_count for trashed_run in trash)}


def build_unused_files_document(unused_files: Sequence[UnusedFiles]) -> dict[str, Any]:
    """Build the JSON document of the unused files."""
    items = [{"kind": item.kind, "path": item.path.as_posix(), "bytes": item.byte_count} for item in unused_files]
    return {"garbage": items, "bytes": sum(item.byte_count for item in unused_files)}


def build_deletion_document(freed: bool, failures: Sequence[TrashFailure]) -> dict[str, Any]:
    """Build the JSON document of a deletion of trashed runs or unused files.

    Args:
        freed: Whether files were deleted to free disk space; `False` if the user did not confirm the deletion.
        failures: The paths that could not be deleted, with the reasons.
    """
    return {"freed": freed, "failed": [{"path": str(failure.path), "reason": failure.reason} for failure in failures]}
