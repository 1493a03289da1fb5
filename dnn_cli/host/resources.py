"""Cores, processor and memory that this process may use, within the limits of its control groups.

A container and a job of a batch system are control groups. Each group has its own limits, and the limits of the
enclosing groups also apply. See https://docs.kernel.org/admin-guide/cgroup-v2.html and …/cgroup-v1/.
"""

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

CGROUP_LIST, MOUNT_LIST = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")
"""Files in which Linux lists the control groups of this process, and the mount points of their directories."""


class _CgroupMount(NamedTuple):
    """A hierarchy of control groups, mounted in the file system."""

    directory: Path
    root_group: PurePosixPath
    """Group at the mount point: the container's own group, if the container engine hides the enclosing groups."""

    controllers: frozenset[str]
    """Mount options, which in version 1 include the controllers (such as `memory`) of the hierarchy.

    Version 2 has one hierarchy for all controllers."""

    version: int


def count_available_cores() -> int:
    """Count the cores that this process can keep busy: the cores of its affinity mask, but at most its CPU quota.

    A quota of 1.5 cores counts as 2, as in joblib and the Java virtual machine.
    """
    quota = read_cpu_quota()
    cores = count_schedulable_cores()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def count_schedulable_cores() -> int:
    """Count the cores in the affinity mask of this process. TensorFlow starts one thread for each of these cores."""
    return len(os.sched_getaffinity(0))


def read_cpu_quota() -> float | None:
    """Read the lowest CPU quota of the control groups of this process, in cores. Without a quota, return `None`."""
    quotas = []
    for directory, version in _iter_cgroup_directories("cpu"):
        with suppress(OSError, ValueError, IndexError, ZeroDivisionError):
            if version == 2:
                quota, period = (directory / "cpu.max").read_text().split()[:2]
            else:
                quota, period = ((directory / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            if quota != "max" and int(quota) > 0:
                quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def get_usable_memory() -> int:
    """Return the memory that this process may use, in bytes."""
    limit = read_memory_limit()
    return get_physical_memory() if limit is None else limit


def get_physical_memory() -> int:
    """Return the memory of this machine, in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def read_memory_limit() -> int | None:
    """Read the lowest memory limit of the control groups of this process, in bytes.

    The result is `None` if the limit is missing, or at least as large as the machine's memory.
    """
    limits = []
    for directory, version in _iter_cgroup_directories("memory"):
        with suppress(OSError, ValueError):
            limits.append(int((directory / ("memory.max" if version == 2 else "memory.limit_in_bytes")).read_text()))
    limit = min(limits, default=None)
    return limit if limit is not None and 0 < limit < get_physical_memory() else None


def _iter_cgroup_directories(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the directory and the version of each control group that limits this process, the innermost group first.

    Args:
        controller: The limited resource: `cpu` or `memory`.
    """
    try:
        groups = [line.split(":", 2) for line in CGROUP_LIST.read_text(errors="replace").splitlines()]
        mounts = list(_iter_cgroup_mounts())
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
        inner = path.relative_to(mount.root_group) if path.is_relative_to(mount.root_group) else PurePosixPath()
        # The process is outside of the groups that it sees.
        if ".." in inner.parts:
            inner = PurePosixPath()
        for part in (inner, *inner.parents):
            yield mount.directory / part, version


def _iter_cgroup_mounts() -> Iterator[_CgroupMount]:
    """Yield the mounted hierarchies of control groups.

    Raises:
        OSError: Linux does not list the mounts.
    """
    for line in MOUNT_LIST.read_text(errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) > 4 and len(kind) > 2 and kind[0] in ("cgroup", "cgroup2"):
            yield _CgroupMount(
                Path(_unescape_path(fields[4])),
                PurePosixPath(_unescape_path(fields[3])),
                frozenset(kind[2].split(",")),
                1 if kind[0] == "cgroup" else 2,
            )


def _unescape_path(path: str) -> str:
    """Decode the octal escapes that the kernel writes into mountinfo for spaces, tabs and backslashes of a path."""
    return path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


_MODEL_NAME_NOISE = re.compile(r"\((?:R|TM|r|tm)\)|\b(?:CPU|Processor|\d+-Core)\b|@.*$")
"""Pattern of the parts to drop from a processor's name: trademark signs, words such as `CPU`, and the clock speed."""


def find_cpuinfo_line(*prefixes: str) -> str:
    """Return the first line of /proc/cpuinfo that begins with one of the prefixes, or an empty text."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(prefixes)), "")


def _read_cpuinfo_value(name: str) -> str:
    """Return the first value of a field of /proc/cpuinfo, such as `model name`, or an empty text."""
    return next((line.partition(":")[2].strip() for line in [find_cpuinfo_line(f"{name}\t", f"{name} ")] if line), "")


def format_processor() -> str:
    """Format the cores and the processor of this machine: `2 cores of AMD EPYC (family 25, model 1)`.

    Reports of speeds contain this text. A virtual machine often hides the model number in the name of the
    processor. Then family and model identify the processor.
    """
    cores = count_available_cores()
    name = " ".join(_MODEL_NAME_NOISE.sub(" ", _read_cpuinfo_value("model name")).split())
    if name and not any(letter.isdigit() for letter in name) and _read_cpuinfo_value("cpu family"):
        name += f" (family {_read_cpuinfo_value('cpu family')}, model {_read_cpuinfo_value('model')})"
    return f"{cores} core{'s' * (cores > 1)} of {name or 'an unknown processor'}"
