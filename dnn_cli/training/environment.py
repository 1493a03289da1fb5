"""What a training runs on: versions, processors, and the state of the user's own code."""

import os
import platform
import subprocess
from importlib.metadata import version
from typing import Any

import dnn_cli


def versions() -> dict[str, str]:
    """The versions of everything that has an influence on the numbers."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy", "scikit-learn")}
    return {"dnn": dnn_cli.__version__, "python": platform.python_version(), **packages}


def machine() -> dict[str, Any]:
    """The machine, as far as it has an influence on numbers and time; TensorFlow adds its own part."""
    return {"system": platform.platform(), "machine": platform.machine(), "cores": len(os.sched_getaffinity(0))}


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
