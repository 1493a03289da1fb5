"""NVIDIA's GPUs of this machine."""

import os
import re
from pathlib import Path

VISIBLE_GPUS_VARIABLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable with the GPUs that CUDA uses, as numbers or as unique names, separated by commas."""

DEVICE_DIRECTORY = Path("/dev")
"""Directory in which Linux creates the device files."""

_UNIQUE_NAME = re.compile(r"(GPU|MIG)-")


def list_device_files() -> list[str]:
    """List the device files through which programs access NVIDIA's GPUs."""
    return sorted(str(path) for path in DEVICE_DIRECTORY.glob("nvidia[0-9]*"))


def list_visible_gpus() -> list[str]:
    """List the GPUs that CUDA shows to this process, as values for CUDA_VISIBLE_DEVICES.

    Like CUDA, the search ends at the first value of CUDA_VISIBLE_DEVICES that names no GPU.
    """
    count = len(list_device_files())
    variable = os.environ.get(VISIBLE_GPUS_VARIABLE)
    if variable is None or not count:
        return [str(index) for index in range(count)]
    visible_gpus: list[str] = []
    for name in map(str.strip, variable.split(",")):
        is_index = name.isdecimal() and int(name) < count
        if name in visible_gpus or not (is_index or _UNIQUE_NAME.match(name)):
            break
        visible_gpus.append(name)
    return visible_gpus
