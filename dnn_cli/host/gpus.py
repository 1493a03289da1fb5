"""NVIDIA's GPUs that trainings on this machine use. The search imports no TensorFlow and takes about a millisecond."""

import os
import re
import subprocess
from pathlib import Path

from dnn_cli.host.cuda_libraries import find_missing_libraries, read_cuda_version

VISIBLE_GPUS_VARIABLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable with the GPUs that CUDA uses, as numbers or as unique names, separated by commas."""

NO_GPU = "-1"
"""Value of CUDA_VISIBLE_DEVICES that hides all GPUs."""

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


def list_training_gpus() -> list[str]:
    """List the visible GPUs if TensorFlow can use GPUs, otherwise return an empty list.

    TensorFlow can use GPUs if TensorFlow is built with CUDA, and if all of CUDA's libraries exist.
    """
    visible_gpus = list_visible_gpus()
    return visible_gpus if visible_gpus and read_cuda_version() and not find_missing_libraries() else []


def read_gpu_memory() -> int | None:
    """Return the memory of the smallest GPU in bytes; `None` if nvidia-smi cannot be run."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        return min(int(line) for line in output.split()) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def hide_gpus() -> None:
    """Hide all GPUs from trainings in this process."""
    os.environ[VISIBLE_GPUS_VARIABLE] = NO_GPU
