"""What XLA compiled, kept for the next run of the same network.

TensorFlow can keep its programs in a directory, and trusts every byte of it: with a cut file it trains nothing and
says nothing. So a process works in a directory of its own, filled with what a digest vouches for; what is new in it
is kept when the training is over. Without a place to write, or with a damaged one, a run takes longer and no more.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dnn_cli.host import folders
from dnn_cli.host.processor import cpu_line
from dnn_cli.spec.experiment import Experiment

FLAG = "--tf_xla_persistent_cache_directory"
PREFIX = "dnn-xla-"
"""Of the names of working directories."""

DAY = 86_400
"""Seconds; a process of a younger directory may live where its number is not known here, as in a container."""

MAX_NETWORKS = 100
"""So many networks' programs are kept, some hundred kilobytes each."""

NOT_COMPILED = {
    "name", "seed", "epochs", "early_stopping", "reduce_lr_on_plateau", "model_checkpoint", "diagnostics",
}  # fmt: skip
"""Keys of an experiment that leave no trace in its programs; nor does a learning rate that is a number."""


@contextmanager
def kept_programs(experiment: Experiment) -> Iterator[None]:
    """Let TensorFlow find what was compiled for an experiment before, and keep what it compiles now."""
    working = working_directory()
    if working is None:
        yield
        return
    folder = cache_folder() / network_key(experiment)
    with suppress(OSError):
        load(folder, working)
    try:
        yield
    finally:
        with suppress(OSError):
            save(folder, working)
        with suppress(OSError):
            forget_old(folder.parent)


@cache
def working_directory() -> Path | None:
    """Where this process's TensorFlow keeps its programs, if this was called before its import.

    None where its user has named a place, or where there is none for temporary files.
    """
    flags = flags_of_user()
    if FLAG in flags:
        return None
    try:
        directory = temporary_directory(PREFIX)
    except OSError:
        return None
    OPEN.append(directory)
    os.environ["TF_XLA_FLAGS"] = f"{flags} {FLAG}={directory.name}".strip()
    return Path(directory.name)


def temporary_directory(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """A directory for this process, named by it; what processes that were killed have left is removed.

    Raises:
        OSError: there is no place for one.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        with suppress(OSError):  # of another user, or gone by now
            if owner.isdigit() and not Path(f"/proc/{owner}").exists() and time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left)
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", ignore_cleanup_errors=True)


def flags_of_user() -> str:
    """What XLA is told by its user; the directory of this process, or of a parent, is not of it."""
    return " ".join(flag for flag in os.environ.get("TF_XLA_FLAGS", "").split() if PREFIX not in flag)


OPEN: list[tempfile.TemporaryDirectory[str]] = []
"""Held until the process ends, and then removed."""


def clean_up() -> None:
    """Remove this process's directory, where it ends too suddenly for that to happen by itself."""
    for directory in OPEN:
        directory.cleanup()


def load(folder: Path, working: Path) -> None:
    """Bring what is whole of the kept programs; remove what is not."""
    for path in folder.glob("*.pb"):
        digest, _, name = path.name.partition("-")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            (working / name).write_bytes(content)
        else:
            path.unlink()


def save(folder: Path, working: Path) -> None:
    """Move what is in the working directory to the kept programs, each as a whole and under its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    for path in working.glob("*.pb"):
        content = path.read_bytes()
        path.unlink()
        target = folder / f"{hashlib.sha256(content).hexdigest()}-{path.name}"
        if not target.exists():
            temporary = folder / f".{os.getpid()}-{path.name}"
            temporary.write_bytes(content)
            temporary.replace(target)


def forget_old(kept: Path) -> None:
    """Remove the programs of the networks that were not trained for longest."""
    networks = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for network in networks[MAX_NETWORKS:]:
        shutil.rmtree(network, ignore_errors=True)


def cache_folder() -> Path:
    """Where the programs of all networks are kept."""
    return folders.cache_folder("xla")


def network_key(experiment: Experiment) -> str:
    """What decides which programs a network has: its experiment, the versions, and what the processor can do."""
    versions = [version(name) for name in ("tensorflow", "keras")]
    compiled = {key: value for key, value in experiment.model_dump(mode="json").items() if key not in NOT_COMPILED}
    if isinstance(compiled["optimizer"]["learning_rate"], float):
        compiled["optimizer"]["learning_rate"] = None
    facts = [compiled, versions, cpu_line("flags", "Features")]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
