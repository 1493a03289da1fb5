"""The machine: processor, memory, and graphics processors as the system knows them."""

import os
import subprocess
from pathlib import Path
from typing import Any

from dnn_cli.doctor.findings import Problem, Section
from dnn_cli.host.limits import (
    available_cores,
    cpu_quota,
    memory_bytes,
    memory_limit,
    physical_memory,
    schedulable_cores,
)
from dnn_cli.host.processor import cpu_line
from dnn_cli.spec.summary import readable_bytes

FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve")
"""What of a processor matters to TensorFlow, in the words of /proc/cpuinfo."""

NVIDIA, AMD = "0x10de", "0x1002"
LITTLE = 1_500_000_000
"""Bytes of memory below which a training may have none left."""


def look_at_machine() -> Section:
    """Processor and memory."""
    line = cpu_line("flags", "Features").partition(":")[2].split()
    free = meminfo("MemAvailable")
    cores, quota = available_cores(), cpu_quota()
    facts: dict[str, Any] = {
        "processor": cpu_line("model name").partition(":")[2].strip() or None,
        "cores": cores,
        "cores_of_machine": os.cpu_count(),
        "cpu_quota": quota,
        "features": [name for name in FEATURES if name in line],
        "memory_bytes": physical_memory(),
        "free_bytes": free,
        "limit_bytes": (limit := memory_limit()),
    }
    problems = []
    room = min(size for size in (free, memory_bytes()) if size is not None)
    if room < LITTLE:
        problems.append(
            Problem(f"{readable_bytes(room)} of memory are free, and a training may need more", "end other programs")
        )
    if os.uname().machine == "x86_64" and line and "avx" not in line:
        problems.append(
            Problem(
                "the processor has no AVX, without which TensorFlow's wheels do not start",
                "another machine",
                stops=True,
            )
        )
    texts = {
        "cores": cores_text(cores, quota),
        "cores_of_machine": "",
        "cpu_quota": "",
        "features": " ".join(facts["features"]),
        "memory_bytes": ", ".join(
            filter(
                None,
                [
                    readable_bytes(physical_memory()),
                    f"{readable_bytes(free)} free" if free is not None else "",
                    f"at most {readable_bytes(limit)} for this program" if limit is not None else "",
                ],
            )
        ),
        "free_bytes": "",
        "limit_bytes": "",
    }
    return Section("machine", facts, tuple(problems), texts)


def meminfo(name: str) -> int | None:
    """A line of /proc/meminfo in bytes."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def cores_text(cores: int, quota: float | None) -> str:
    """Return the cores that this process may use, and what withholds the others."""
    whole = os.cpu_count()
    if cores == whole:
        return str(cores)
    is_quota = quota is not None and cores < schedulable_cores()
    why = f"the control group has a quota of {quota:g}" if is_quota else "the affinity mask leaves out the others"
    return f"{cores} of {whole}: {why}"


def cards(vendor: str) -> int:
    """How many graphics processors of a vendor are plugged in, whatever drivers there are."""
    found = 0
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            is_display = (device / "class").read_text().strip().startswith(("0x0300", "0x0302", "0x0380"))
            found += is_display and (device / "vendor").read_text().strip() == vendor
        except OSError:
            continue
    return found


def nvidia_smi() -> tuple[list[str], str | None]:
    """The GPUs that NVIDIA's driver knows, and why they are not known."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return [], "nvidia-smi is not installed"
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"nvidia-smi: {error}"
    lines = [line.strip() for line in (done.stdout or done.stderr).splitlines() if line.strip()]
    return ([], lines[0] if lines else f"nvidia-smi ends with {done.returncode}") if done.returncode else (lines, None)


def device_files() -> list[str]:
    """The files through which programs reach NVIDIA's GPUs."""
    return sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
