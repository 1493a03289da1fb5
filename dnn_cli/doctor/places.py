"""Places: where data is found, what caches hold, and the directory of runs."""

import fcntl
import json
import os
import shutil
import tempfile
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Any

from dnn_cli.data.sources import read_folder, sources
from dnn_cli.doctor.findings import Problem, Section
from dnn_cli.errors import DataError, RunError
from dnn_cli.formats.watcher import quiet
from dnn_cli.host.folders import cache, keras_folder
from dnn_cli.runs.store import Store
from dnn_cli.runs.trash import tree_bytes
from dnn_cli.spec.datasets import DATASETS, IdxDataset
from dnn_cli.spec.summary import readable_bytes

LITTLE, NONE = 2_000_000_000, 50_000_000
"""Free bytes of a disk that are soon used up, and with which no run can be written."""

SLOW_TO_LOCK = ("nfs", "nfs4", "cifs", "smb3", "fuse", "lustre", "9p", "afs", "beegfs", "gpfs")
"""Kinds of file systems that other machines see, too, and on which locks may not work."""


def look_at_data() -> Section:
    """Where datasets are that would else be downloaded; nothing is."""
    facts: dict[str, Any] = {}
    texts, problems = {}, []
    for name, dataset in DATASETS.items():
        if isinstance(dataset, IdxDataset):
            facts[name], damaged = found_at(dataset)
            texts[name] = facts[name] or "not on this machine; training on it downloads it"
            problems += [Problem(reason, "delete that, and it is taken from elsewhere") for reason in damaged]
    facts["scikit-learn"] = [name for name, dataset in DATASETS.items() if not isinstance(dataset, IdxDataset)]
    texts["scikit-learn"] = ", ".join(facts["scikit-learn"])
    return Section("data", facts, tuple(problems), texts, literal=True)


def found_at(dataset: IdxDataset) -> tuple[str | None, list[str]]:
    """The nearest place on this machine that holds a dataset, and what is damaged before that."""
    damaged: list[str] = []
    local = takewhile(
        lambda one: not one.name.startswith("http") and not one.name.startswith("apt"), sources(dataset, quiet)
    )
    for source in local:
        try:
            with tempfile.TemporaryDirectory(prefix="dnn-") as folder:
                place = source.fetch(Path(folder))
                read_folder(dataset, place)
                return source.name if str(place).startswith(folder) else f"{source.name}, {place}", damaged
        except (DataError, OSError) as error:
            reason = str(error)
            if "damaged" in reason or "cannot be read" in reason:
                damaged.append(reason)
    return None, damaged


def look_at_caches() -> Section:
    """What is kept to be faster next time; all of it can be deleted."""
    found, keras = cache(), keras_folder()
    try:
        parts = {path.name: tree_bytes(path) for path in sorted(found.folder.iterdir())}
    except OSError:
        parts = {}
    total, of_keras = sum(parts.values()), tree_bytes(keras)
    facts = {
        "path": str(found.folder) if found.is_usable else None, "bytes": total, "parts": parts,
        "temporary": found.reason or None, "keras": str(keras), "keras_bytes": of_keras,
    }  # fmt: skip
    problems = []
    if not found.is_usable:
        problems.append(Problem(f"there is no cache: {found.reason}", "name a folder in XDG_CACHE_HOME"))
    held = ", ".join(f"{name} {readable_bytes(size)}" for name, size in parts.items())
    why = f"; temporary, because {found.reason}; XDG_CACHE_HOME names another folder" if found.reason else ""
    path = f"{found.folder}  {readable_bytes(total)}{f'  ({held})' if held else ''}; rm -r empties it{why}"
    texts = {
        "path": path if found.is_usable else "none",
        "bytes": "",
        "parts": "",
        "temporary": "",
        "keras": f"{keras}  {readable_bytes(of_keras)}",
        "keras_bytes": "",
    }
    return Section("caches", facts, tuple(problems), texts)


def look_at_runs(root: Path) -> Section:
    """The directory of runs: what is in it, and whether more can be written there."""
    problems = []
    nearest = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free, kind = shutil.disk_usage(nearest).free, file_system(nearest)
    states: Counter[str] = Counter()
    broken: dict[str, str] = {}
    try:
        store = Store(root)
        store.check_writable()
        for entry in store.entries():
            states[entry.record.status if entry.record else "broken"] += 1
            if entry.broken:
                broken[entry.run.directory.name] = entry.broken
    except RunError as error:
        problems.append(Problem(error.message, error.hint or "name another place with --runs-dir", stops=True))
    if broken:
        name, reason = next(iter(broken.items()))
        more = f", and {len(broken) - 1} more: dnn runs" if len(broken) > 1 else ""
        problems.append(Problem(f"run {name} is broken: {reason}{more}", "dnn runs rm removes a run"))
    if free < LITTLE:
        problems.append(
            Problem(
                f"{readable_bytes(free)} are free on the disk of {nearest}",
                "dnn runs gc and dnn runs purge free some",
                stops=free < NONE,
            )
        )
    if (trouble := lock_trouble(nearest)) is not None:
        problems.append(
            Problem(
                f"files in {nearest} cannot be locked: {trouble}; dnn names its processes in files there instead",
                "a directory on a local disk, with --runs-dir: other machines cannot see whether such a process lives",
            )
        )
    size = tree_bytes(root)
    facts = {
        "path": str(root.absolute()), "runs": dict(states), "bytes": size, "broken": broken, "free_bytes": free,
        "file_system": kind, "shared": kind in SLOW_TO_LOCK,
    }  # fmt: skip
    told = ", ".join(f"{number} {status}" for status, number in states.items())
    texts = {
        "runs": f"{sum(states.values())}{f' ({told})' if told else ''}",
        "bytes": readable_bytes(size),
        "broken": "",
        "free_bytes": f"{readable_bytes(free)} on {kind or 'this disk'}",
        "file_system": "",
        "shared": "other machines see it, too" if kind in SLOW_TO_LOCK else "",
    }
    return Section("runs", facts, tuple(problems), texts)


def file_system(path: Path) -> str | None:
    """The kind of the file system that holds a path, in Linux's words."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines()]
    except OSError:
        return None
    real = os.path.realpath(path)
    over = [(mount[1], mount[2]) for mount in mounts if len(mount) > 2 and is_over(mount[1], real)]
    return max(over, key=lambda pair: len(pair[0]), default=(None, None))[1]


def is_over(mount: str, path: str) -> bool:
    """Whether a path is below a mount point."""
    return mount == "/" or path == mount or path.startswith(f"{mount}/")


def lock_trouble(folder: Path) -> str | None:
    """Why the kernel locks nothing in a folder; it is looked at through the folder itself, and nothing is written."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except BlockingIOError:  # somebody has it, so it works
        return None
    except OSError as error:
        return error.strerror or str(error)
    return None


def look_at_schema() -> Section:
    """Whether the schema for editors, where there is one, is that of this version."""
    from dnn_cli.spec.schema import json_schema

    facts: dict[str, Any] = {}
    problems = []
    for path in (Path("schema.json"), Path("configs/schema.json")):
        if path.is_file():
            try:
                facts[str(path)] = json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(json_schema()))
            except (OSError, ValueError):
                facts[str(path)] = False
            if not facts[str(path)]:
                problems.append(Problem(f"{path} is not the schema of this version of dnn", f"dnn schema -o {path}"))
    texts = {name: "current" if good else "another" for name, good in facts.items()}
    return Section("schema", facts, tuple(problems), texts, literal=True)
