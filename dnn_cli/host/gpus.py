"""NVIDIA's GPUs of this machine."""

from pathlib import Path

DEVICE_DIRECTORY = Path("/dev")
"""Directory in which Linux creates the device files."""


def list_device_files() -> list[str]:
    """List the device files through which programs access NVIDIA's GPUs."""
    return sorted(str(path) for path in DEVICE_DIRECTORY.glob("nvidia[0-9]*"))
