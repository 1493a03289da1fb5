"""Checks of the machine: its processor, its memory, and the GPUs that the operating system lists."""

import os
import subprocess
from pathlib import Path
from typing import Any

from dnn_cli.config.network_summary import format_bytes
from dnn_cli.doctor.sections import Problem, Section
from dnn_cli.host.resources import (
    count_available_cores,
    count_schedulable_cores,
    find_cpuinfo_line,
    get_physical_memory,
    get_usable_memory,
    read_cpu_quota,
    read_memory_limit,
)

_CPU_FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")
"""Processor features that TensorFlow uses, by their names in /proc/cpuinfo."""

NVIDIA_VENDOR, AMD_VENDOR = "0x10de", "0x1002"
_MIN_FREE_MEMORY = 1_500_000_000
"""If less memory than this number of bytes is free, `dnn doctor` reports a problem."""


def inspect_machine() -> Section:
    """Return the section of the report about the processor and the memory."""
    cpu_flags = find_cpuinfo_line("flags", "Features").partition(":")[2].split()
    free = _read_meminfo("MemAvailable")
    cores, quota = count_available_cores(), read_cpu_quota()
    values: dict[str, Any] = {
        "processor": find_cpuinfo_line("model name").partition(":")[2].strip() or None,
        "cores": cores,
        "cores_of_machine": os.cpu_count(),
        "cpu_quota": quota,
        "features": [name for name in _CPU_FEATURES if name in cpu_flags],
        "memory_bytes": get_physical_memory(),
        "free_bytes": free,
        "limit_bytes": (limit := read_memory_limit()),
    }
    problems = []
    free_memory = min(size for size in (free, get_usable_memory()) if size is not None)
    if free_memory < _MIN_FREE_MEMORY:
        problems.append(
            Problem(
                f"{format_bytes(free_memory)} of memory are free; a training may need more",
                "raise the memory limit of the container" if free_memory == limit else "end other programs",
            )
        )
    if os.uname().machine == "x86_64" and cpu_flags and "avx" not in cpu_flags:
        problems.append(
            Problem(
                "the processor has no AVX instructions, but TensorFlow's packages need AVX",
                "use another machine",
                stops_training=True,
            )
        )
    texts = {
        "cores": _format_cores(cores, quota),
        "cores_of_machine": "",
        "cpu_quota": "",
        "features": " ".join(values["features"]),
        "memory_bytes": ", ".join(
            filter(
                None,
                [
                    format_bytes(get_physical_memory()),
                    f"{format_bytes(free)} free" if free is not None else "",
                    f"limit of {format_bytes(limit)} for this program" if limit is not None else "",
                ],
            )
        ),
        "free_bytes": "",
        "limit_bytes": "",
    }
    return Section("machine", values, tuple(problems), texts)


def _read_meminfo(name: str) -> int | None:
    """Read a value of /proc/meminfo, such as `MemAvailable`, in bytes; return `None` if the value is missing."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _format_cores(cores: int, quota: float | None) -> str:
    """Format the number of cores that this process may use, such as `16`.

    If the machine has more cores, add their number and the reason: `8 of 16: the control group has a CPU quota of 8`.

    Args:
        cores: The number of cores that this process may use.
        quota: The CPU quota of the control group as a number of cores; `None` without a quota.
    """
    total = os.cpu_count()
    if cores == total:
        return str(cores)
    is_quota = quota is not None and cores < count_schedulable_cores()
    reason = (
        f"the control group has a CPU quota of {quota:g}" if is_quota else "the affinity mask excludes the other cores"
    )
    return f"{cores} of {total}: {reason}"


def count_display_cards(vendor: str) -> int:
    """Count the installed graphics processors of a vendor, with or without a driver.

    `vendor` is a PCI vendor id: `0x10de` is NVIDIA, `0x1002` is AMD.
    """
    count = 0
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            is_display = (device / "class").read_text().strip().startswith(("0x0300", "0x0302", "0x0380"))
            count += is_display and (device / "vendor").read_text().strip() == vendor
        except OSError:
            continue
    return count


def query_nvidia_smi() -> tuple[list[str], str | None]:
    """Return the GPUs that nvidia-smi lists, as one line each, and the reason if nvidia-smi fails.

    The reason is `None` if nvidia-smi succeeds. If nvidia-smi fails, the list is empty.
    """
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return [], "nvidia-smi is not installed"
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"nvidia-smi: {error}"
    lines = [line.strip() for line in (done.stdout or done.stderr).splitlines() if line.strip()]
    return (
        ([], lines[0] if lines else f"nvidia-smi ended with exit code {done.returncode}")
        if done.returncode
        else (lines, None)
    )
