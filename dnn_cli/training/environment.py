"""What a training runs on: processors, versions, and the state of the user's own code."""

import os
import platform
import subprocess
from importlib.metadata import version
from typing import Any

import tensorflow as tf

import dnn_cli


def prepare_device() -> str:
    """Make the processor ready, and say which it is.

    On a GPU, memory is taken as needed instead of all at once, and operations that add up in a random
    order are switched off, so that equal experiments stay equal.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def versions() -> dict[str, str]:
    """The versions of everything that has an influence on the numbers."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy", "scikit-learn")}
    return {"dnn": dnn_cli.__version__, "python": platform.python_version(), **packages}


def machine(device: str) -> dict[str, Any]:
    """The machine, as far as it has an influence on numbers and time."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "device": device,
        "cores": len(os.sched_getaffinity(0)),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
    }


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
