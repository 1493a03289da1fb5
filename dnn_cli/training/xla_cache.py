"""Cache of the programs that XLA compiled, for the next run of the same network.

TensorFlow can load compiled programs from a directory, but does not check them: with a truncated file it trains nothing
and reports no error. Each process therefore uses a directory of its own, and loads only programs whose digest is right.
New programs are saved when the training is over. If the cache cannot be used, programs are compiled again.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.host import directories

_CACHE_FLAG = "--tf_xla_persistent_cache_directory"
_DIRECTORY_PREFIX = "dnn-xla-"
"""Prefix of the names of working directories."""

_MIN_ABANDONED_SECONDS = 86_400
"""Seconds; a process of a younger directory may live where its number is not known here, as in a container."""

MAX_NETWORKS = 100
"""So many networks' programs are kept, some hundred kilobytes each."""


@contextmanager
def use_cached_programs(experiment: Experiment) -> Iterator[None]:
    """Let TensorFlow find what was compiled for an experiment before, and keep what it compiles now."""
    process_directory = set_up_working_directory()
    if process_directory is None:
        yield
        return
    network_directory = _get_xla_cache_directory() / compute_network_digest(experiment)
    with suppress(OSError):
        load_programs(network_directory, process_directory)
    try:
        yield
    finally:
        with suppress(OSError):
            save_programs(network_directory, process_directory)
        with suppress(OSError):
            evict_old_networks(network_directory.parent)


@cache
def set_up_working_directory() -> Path | None:
    """Create the directory in which TensorFlow keeps the programs of this process, and return its path.

    This is called before the import of TensorFlow. The path is `None` where the user has set another directory, or
    where no temporary directory can be created.
    """
    flags = get_user_xla_flags()
    if _CACHE_FLAG in flags:
        return None
    try:
        directory = create_process_directory(_DIRECTORY_PREFIX)
    except OSError:
        return None
    _OPEN_DIRECTORIES.append(directory)
    os.environ["TF_XLA_FLAGS"] = f"{flags} {_CACHE_FLAG}={directory.name}".strip()
    return Path(directory.name)


def create_process_directory(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """Create a directory whose name holds the number of this process, and remove those of killed processes.

    Raises:
        OSError: no directory can be created.
    """
    for abandoned in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        owner = abandoned.name.removeprefix(prefix).partition("-")[0]
        with suppress(OSError):  # of another user, or gone by now
            if (
                owner.isdigit()
                and not Path(f"/proc/{owner}").exists()
                and time.time() - abandoned.stat().st_mtime > _MIN_ABANDONED_SECONDS
            ):
                shutil.rmtree(abandoned)
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", ignore_cleanup_errors=True)


def get_user_xla_flags() -> str:
    """Return the XLA flags that the user set, without the directory of this process or of a parent process."""
    return " ".join(flag for flag in os.environ.get("TF_XLA_FLAGS", "").split() if _DIRECTORY_PREFIX not in flag)


_OPEN_DIRECTORIES: list[tempfile.TemporaryDirectory[str]] = []
"""Held until the process ends, and then removed."""


def remove_working_directories() -> None:
    """Remove this process's directory, where it ends too suddenly for that to happen by itself."""
    for directory in _OPEN_DIRECTORIES:
        directory.cleanup()


def load_programs(network_directory: Path, process_directory: Path) -> None:
    """Bring what is whole of the kept programs; remove what is not."""
    for path in network_directory.glob("*.pb"):
        digest, _, name = path.name.partition("-")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            (process_directory / name).write_bytes(content)
        else:
            path.unlink()


def save_programs(network_directory: Path, process_directory: Path) -> None:
    """Move what is in the working directory to the kept programs, each as a whole and under its digest."""
    network_directory.mkdir(parents=True, exist_ok=True)
    os.utime(network_directory)
    for path in process_directory.glob("*.pb"):
        content = path.read_bytes()
        path.unlink()
        target = network_directory / f"{hashlib.sha256(content).hexdigest()}-{path.name}"
        if not target.exists():
            temporary = network_directory / f".{os.getpid()}-{path.name}"
            temporary.write_bytes(content)
            temporary.replace(target)


def evict_old_networks(cache_directory: Path) -> None:
    """Remove the programs of the networks that were not trained for longest."""
    networks = sorted(cache_directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for network in networks[MAX_NETWORKS:]:
        shutil.rmtree(network, ignore_errors=True)


def _get_xla_cache_directory() -> Path:
    """Where the programs of all networks are kept."""
    return directories.get_cache_path("xla")
