"""The cores and the memory that this process may use: those of the machine, within the limits of its control groups.

A container and a job of a batch system are control groups. Each group has limits of its own, and those of the groups
that contain it apply, too. See https://docs.kernel.org/admin-guide/cgroup-v2.html and …/cgroup-v1/.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

GROUPS, MOUNTS = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")
"""Where Linux lists the control groups of this process, and where their folders are mounted."""


class Mount(NamedTuple):
    """A hierarchy of control groups in the file system."""

    folder: Path
    root: PurePosixPath
    """The group that is at the folder; the container's own, where the engine hides those above."""

    controllers: frozenset[str]
    """The controllers of a hierarchy of version 1, among other options; version 2 has one hierarchy for all."""

    version: int


def available_cores() -> int:
    """Return how many cores this process can keep busy: those of its affinity mask, within its quota.

    A quota of 1.5 cores counts as 2, as in joblib and the Java virtual machine.
    """
    quota = cpu_quota()
    cores = schedulable_cores()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def schedulable_cores() -> int:
    """Return how many cores the affinity mask of this process has; TensorFlow starts as many threads."""
    return len(os.sched_getaffinity(0))


def cpu_quota() -> float | None:
    """Return the lowest CPU quota of the control groups of this process, in cores; None where there is none."""
    quotas = []
    for folder, version in group_folders("cpu"):
        with suppress(OSError, ValueError, IndexError, ZeroDivisionError):
            if version == 2:
                quota, period = (folder / "cpu.max").read_text().split()[:2]
            else:
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if quota != "max" and int(quota) > 0:
                quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_bytes() -> int:
    """Return the memory that this process may use."""
    limit = memory_limit()
    return physical_memory() if limit is None else limit


def physical_memory() -> int:
    """Return the memory of this machine in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def memory_limit() -> int | None:
    """Return the lowest memory limit of the control groups in bytes; None where it is no less than the machine's."""
    limits = []
    for folder, version in group_folders("memory"):
        with suppress(OSError, ValueError):
            limits.append(int((folder / ("memory.max" if version == 2 else "memory.limit_in_bytes")).read_text()))
    limit = min(limits, default=None)
    return limit if limit is not None and 0 < limit < physical_memory() else None


def group_folders(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folders of the groups that limit this process, the innermost first, with the version of each."""
    try:
        groups = [line.split(":", 2) for line in GROUPS.read_text(errors="replace").splitlines()]
        mounts = list(group_mounts())
    except OSError:
        return
    for fields in groups:
        if len(fields) != 3:
            continue
        version, path = 1 if fields[1] else 2, PurePosixPath(fields[2])
        if version == 1 and controller not in fields[1].split(","):
            continue
        mount = next(
            (m for m in mounts if m.version == version and (version == 2 or controller in m.controllers)), None
        )
        if mount is None:
            continue
        inner = path.relative_to(mount.root) if path.is_relative_to(mount.root) else PurePosixPath()
        if ".." in inner.parts:  # a process outside of the groups that it sees
            inner = PurePosixPath()
        for part in (inner, *inner.parents):
            yield mount.folder / part, version


def group_mounts() -> Iterator[Mount]:
    """Yield the mounted hierarchies of control groups.

    Raises:
        OSError: Linux does not list the mounts.
    """
    for line in MOUNTS.read_text(errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) > 4 and len(kind) > 2 and kind[0] in ("cgroup", "cgroup2"):
            yield Mount(
                Path(unescaped(fields[4])),
                PurePosixPath(unescaped(fields[3])),
                frozenset(kind[2].split(",")),
                1 if kind[0] == "cgroup" else 2,
            )


def unescaped(path: str) -> str:
    """Return a path of mountinfo with its spaces, which the kernel writes as octal numbers."""
    return path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
