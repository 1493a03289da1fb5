"""What Linux tells of the processor."""

from pathlib import Path


def cpu_line(*beginnings: str) -> str:
    """The first line of /proc/cpuinfo that begins so; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(beginnings)), "")
