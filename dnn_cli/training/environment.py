"""The environment of a training: versions, processor, environment variables, and git commit of the user's code."""

import os
import platform
import socket
import subprocess
from functools import cache
from importlib.metadata import version
from typing import Any

import dnn_cli
from dnn_cli.host.resources import count_available_cores, find_cpuinfo_line
from dnn_cli.runs.record import Process
from dnn_cli.training.xla_cache import get_user_xla_flags

_VARIABLE_PREFIXES = (
    "TF_XLA_", "TF_ENABLE_", "TF_DISABLE_", "TF_NUM_", "TF_OVERRIDE_", "TF_DETERMINISTIC_", "TF_FORCE_", "TF_USE_",
    "TF_SET_ONEDNN_", "TF_ONEDNN_", "TF_AUTO_MIXED_", "TF_FP16_", "TF_MATMUL_", "TF_CUDNN_", "XLA_", "KERAS_BACKEND",
    "ONEDNN_", "DNNL_", "OMP_", "MKL_", "OPENBLAS_", "CUDA_", "NVIDIA_",
)  # fmt: skip
"""Prefixes of environment variables that can change numerical results."""

_GIT_COMMAND = (
    # Without the option, a git that is killed after the time limit leaves a lock, and later commands of git fail.
    "git", "--no-optional-locks", "-c", "status.aheadBehind=false", "status", "--porcelain=v2", "--branch",
    "--untracked-files=no",
)  # fmt: skip
"""Command that prints the commit and the modified files. The walk through the commits ahead of a remote branch is
omitted."""

_COMMIT_HEADER, _NO_COMMIT = "# branch.oid ", "(initial)"
"""Beginning of the line of `_GIT_COMMAND` with the commit, and the commit of a repository without commits."""


@cache
def read_versions() -> dict[str, str]:
    """Return the versions of `dnn`, Python and the packages that influence numerical results."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy", "scikit-learn")}
    return {"dnn": dnn_cli.__version__, "python": platform.python_version(), **packages}


@cache
def describe_machine() -> dict[str, Any]:
    """Return the operating system, the processor and the number of cores, which influence results and time.

    Properties that TensorFlow reports, such as the name of the GPU, are in `Device.details`.
    """
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": find_cpuinfo_line("model name").partition(":")[2].strip(),
        "cores": count_available_cores(),
    }


def list_environment_variables() -> dict[str, str]:
    """Return the environment variables that can change what TensorFlow computes."""
    environment = {**os.environ, "TF_XLA_FLAGS": get_user_xla_flags()}
    return {name: value for name, value in sorted(environment.items()) if name.startswith(_VARIABLE_PREFIXES) and value}


def get_current_process() -> Process:
    """Return the process id and the host of this process."""
    return Process(pid=os.getpid(), host=socket.gethostname())


def read_git_state() -> dict[str, Any] | None:
    """Return the git commit of the working directory, and whether tracked files are modified.

    The result is `None` outside of a repository, and in a repository without commits.
    """
    try:
        process = subprocess.run(_GIT_COMMAND, capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = process.stdout.splitlines()
    commits = [line.removeprefix(_COMMIT_HEADER) for line in lines if line.startswith(_COMMIT_HEADER)]
    if commits in ([], [_NO_COMMIT]):
        return None
    return {"commit": commits[0], "dirty": not all(line.startswith("# ") for line in lines)}
