"""Checks of storage: datasets on this machine, caches, the directory of runs, and the schema file."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Any

from dnn_cli.config.datasets import DATASETS, EmbeddedDataset, IdxDataset
from dnn_cli.config.network_summary import format_bytes
from dnn_cli.data.dataset_sources import iter_sources, read_dataset_files
from dnn_cli.doctor.sections import Problem, Section
from dnn_cli.errors import DataError, RunError
from dnn_cli.formats.dataset_contents import ignore_progress
from dnn_cli.host.directories import find_cache, find_keras_directory
from dnn_cli.report.text import format_count, format_duration
from dnn_cli.runs.store import Store
from dnn_cli.runs.trash import compute_tree_bytes
from dnn_cli.runs.worker_logs import list_worker_logs

MIN_FREE_DISK, MIN_USABLE_DISK = 2_000_000_000, 50_000_000
"""Limits of free disk space, in bytes.

If less than the first limit is free, space may run out soon. If less than the second limit is free, no run can be
written.
"""

_MAX_NAMED_LOGS = 3
"""Maximum number of worker logs that the report names."""

_SHARED_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "fuse", "lustre", "9p", "afs", "beegfs", "gpfs")
"""Types of file systems that several machines can share. File locks may not work on these file systems."""


def inspect_data() -> Section:
    """Return the section of the report about datasets that are stored on this machine. Nothing is downloaded."""
    values: dict[str, Any] = {}
    texts, problems = {}, []
    for name, dataset in DATASETS.items():
        if isinstance(dataset, IdxDataset):
            values[name], damaged = _find_dataset_source(dataset)
            texts[name] = values[name] or "not on this machine; a training downloads the dataset"
            problems += [
                Problem(reason, "delete the damaged files; dnn then uses another source") for reason in damaged
            ]
    values["scikit-learn"] = [name for name, dataset in DATASETS.items() if isinstance(dataset, EmbeddedDataset)]
    texts["scikit-learn"] = ", ".join(values["scikit-learn"])
    return Section("data", values, tuple(problems), texts, has_literal_names=True)


def _find_dataset_source(dataset: IdxDataset) -> tuple[str | None, list[str]]:
    """Return the first source on this machine that holds an undamaged dataset, and messages about damaged sources.

    A source is a directory, such as Keras's cache. The first value is the name of the source, or `None` if each source
    is missing or damaged.
    """
    damaged: list[str] = []
    local = takewhile(
        lambda source: not source.name.startswith(("http", "apt")),
        iter_sources(dataset, ignore_progress),
    )
    for source in local:
        try:
            with tempfile.TemporaryDirectory(prefix="dnn-") as directory:
                path = source.fetch(Path(directory))
                read_dataset_files(dataset, path)
                return source.name if str(path).startswith(directory) else f"{source.name}, {path}", damaged
        except (DataError, OSError) as error:
            reason = str(error)
            if "damaged" in reason or "cannot be read" in reason:
                damaged.append(reason)
    return None, damaged


def inspect_caches() -> Section:
    """Return the section of the report about the caches. Caches only save time, and can all be deleted."""
    cache_directory, keras_directory = find_cache(), find_keras_directory()
    try:
        parts = {path.name: compute_tree_bytes(path) for path in sorted(cache_directory.directory.iterdir())}
    except OSError:
        parts = {}
    total, keras_bytes = sum(parts.values()), compute_tree_bytes(keras_directory)
    values = {
        "path": str(cache_directory.directory) if cache_directory.is_usable else None, "bytes": total, "parts": parts,
        "temporary": cache_directory.reason or None, "keras": str(keras_directory), "keras_bytes": keras_bytes,
    }  # fmt: skip
    problems = []
    if not cache_directory.is_usable:
        problems.append(
            Problem(f"no cache can be used: {cache_directory.reason}", "set XDG_CACHE_HOME to a writable directory")
        )
    held = ", ".join(f"{name} {format_bytes(size)}" for name, size in parts.items())
    reason = (
        f"; temporary, because {cache_directory.reason}; set XDG_CACHE_HOME to another directory"
        if cache_directory.reason
        else ""
    )
    path = f"{cache_directory.directory}  {format_bytes(total)}{f'  ({held})' if held else ''}; safe to delete{reason}"
    texts = {
        "path": path if cache_directory.is_usable else "none",
        "bytes": "",
        "parts": "",
        "temporary": "",
        "keras": f"{keras_directory}  {format_bytes(keras_bytes)}",
        "keras_bytes": "",
    }
    return Section("caches", values, tuple(problems), texts)


def inspect_runs(root: Path) -> Section:
    """Return the section of the report about the directory of runs.

    The section describes the contents of the directory, and whether new runs can be written there.
    """
    problems = []
    nearest = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free, kind = shutil.disk_usage(nearest).free, _find_file_system(nearest)
    states: Counter[str] = Counter()
    broken: dict[str, str] = {}
    try:
        store = Store(root)
        store.check_writable()
        for run in store.list_runs():
            states[run.record.status if run.record else "broken"] += 1
            if run.error:
                broken[run.run.directory.name] = run.error
    except RunError as error:
        problems.append(
            Problem(error.message, error.suggestion or "use another directory with --runs-dir", stops_training=True)
        )
    if broken:
        name, reason = next(iter(broken.items()))
        more = f"; {format_count(len(broken) - 1, 'more broken run')}" if len(broken) > 1 else ""
        problems.append(
            Problem(
                f"run {name} is broken: {reason}{more}", "list the runs with dnn runs; remove a run with dnn runs rm"
            )
        )
    if free < MIN_FREE_DISK:
        problems.append(
            Problem(
                f"{format_bytes(free)} are free on the disk of {nearest}",
                "free disk space with dnn runs gc and dnn runs purge",
                stops_training=free < MIN_USABLE_DISK,
            )
        )
    if (lock_error := find_lock_error(nearest)) is not None:
        problems.append(
            Problem(
                f"files in {nearest} cannot be locked: {lock_error}; dnn writes process ids to files instead",
                "use --runs-dir with a local disk: other machines cannot check whether a process is alive",
            )
        )
    size = compute_tree_bytes(root)
    log_ages = {str(log.path): round(time.time() - log.changed_at) for log in list_worker_logs(root)[:_MAX_NAMED_LOGS]}
    values = {
        "path": str(root.absolute()), "runs": dict(states), "bytes": size, "broken": broken, "free_bytes": free,
        "file_system": kind, "shared": kind in _SHARED_FILE_SYSTEMS, "worker_logs": log_ages,
    }  # fmt: skip
    status_counts = ", ".join(f"{number} {status}" for status, number in states.items())
    texts = {
        "runs": f"{sum(states.values())}{f' ({status_counts})' if status_counts else ''}",
        "bytes": format_bytes(size),
        "broken": "",
        "free_bytes": f"{format_bytes(free)} on {kind or 'this disk'}",
        "file_system": "",
        "shared": "yes: other machines can use this file system" if kind in _SHARED_FILE_SYSTEMS else "",
        "worker_logs": "; ".join(
            f"{path}, {format_duration(max(0, seconds))} old" for path, seconds in log_ages.items()
        ),
    }
    return Section("runs", values, tuple(problems), texts)


def _find_file_system(path: Path) -> str | None:
    """Return the type of the file system that holds a path, such as `ext4`; `None` if the type is unknown."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines()]
    except OSError:
        return None
    real = os.path.realpath(path)
    over = [(mount[1], mount[2]) for mount in mounts if len(mount) > 2 and _is_below_mount(mount[1], real)]
    return max(over, key=lambda pair: len(pair[0]), default=(None, None))[1]


def _is_below_mount(mount: str, path: str) -> bool:
    """Return whether a path equals a mount point or is below the mount point."""
    return mount == "/" or path == mount or path.startswith(f"{mount}/")


def find_lock_error(directory: Path) -> str | None:
    """Return the reason why files in a directory cannot be locked; `None` if locks work.

    The check locks the directory itself.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    # Another process holds the lock, so locks work.
    except BlockingIOError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return None


def inspect_schema() -> Section:
    """Check whether files with the JSON Schema of configs match this version, and return the section about these files.

    The files `schema.json` and `configs/schema.json` are checked if they exist.
    """
    from dnn_cli.config.json_schema import build_json_schema

    values: dict[str, Any] = {}
    problems = []
    for path in (Path("schema.json"), Path("configs/schema.json")):
        if path.is_file():
            try:
                values[str(path)] = json.loads(path.read_text(encoding="utf-8")) == json.loads(
                    json.dumps(build_json_schema())
                )
            except (OSError, ValueError):
                values[str(path)] = False
            if not values[str(path)]:
                problems.append(Problem(f"{path} is not the schema of this version of dnn", f"dnn schema -o {path}"))
    texts = {name: "current" if good else "from another version" for name, good in values.items()}
    return Section("schema", values, tuple(problems), texts, has_literal_names=True)
