"""What a training runs on: versions, processors, and the state of the user's own code."""

import os
import platform
import socket
import subprocess
from importlib.metadata import version
from typing import Any

import dnn_cli
from dnn_cli.host.limits import available_cores
from dnn_cli.host.processor import cpu_line
from dnn_cli.runs.record import Process
from dnn_cli.training.programs import flags_of_user

STEERS = (
    "TF_XLA_", "TF_ENABLE_", "TF_NUM_", "TF_DETERMINISTIC_", "TF_FORCE_", "TF_USE_", "XLA_", "KERAS_BACKEND",
    "OMP_", "MKL_", "OPENBLAS_", "CUDA_", "NVIDIA_",
)  # fmt: skip
"""Beginnings of environment variables that can change what numbers come out."""


def versions() -> dict[str, str]:
    """The versions of everything that has an influence on the numbers."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy", "scikit-learn")}
    return {"dnn": dnn_cli.__version__, "python": platform.python_version(), **packages}


def machine() -> dict[str, Any]:
    """The machine, as far as it has an influence on numbers and time; TensorFlow adds its own part."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": cpu_line("model name").partition(":")[2].strip(),
        "cores": available_cores(),
    }


def flags() -> dict[str, str]:
    """What the environment tells TensorFlow."""
    told = {**os.environ, "TF_XLA_FLAGS": flags_of_user()}
    return {name: value for name, value in sorted(told.items()) if name.startswith(STEERS) and value}


def this_process() -> Process:
    """The one that trains."""
    return Process(pid=os.getpid(), host=socket.gethostname())


def git_state() -> dict[str, Any] | None:
    """The commit of the working directory and whether files differ from it; `None` outside a repository."""
    try:
        commit = git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def git(*words: str) -> str:
    """What a command of git prints."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=5)
    return done.stdout.strip()
