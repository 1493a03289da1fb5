"""Cache of the programs that XLA compiled, for the next run of the same network.

TensorFlow loads compiled programs from a directory without a check: with a truncated file, TensorFlow trains
nothing and reports no error. Each process therefore uses its own directory, and loads only programs whose digest is
correct. New programs are saved after the training. If the cache cannot be used, programs are compiled again.
"""

import hashlib
import itertools
import logging
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
from dnn_cli.host.cache_files import list_old_paths

_logger = logging.getLogger(__name__)

_CACHE_FLAG = "--tf_xla_persistent_cache_directory"
_DIRECTORY_PREFIX = "dnn-xla-"
"""Prefix of the names of the working directories of processes."""

_MIN_ABANDONED_SECONDS = 86_400
"""Minimum age in seconds of a working directory that is removed because its process is not found. The process of a
younger directory may run in another container, whose processes are not in /proc here."""

MAX_NETWORKS = 100
"""Maximum number of networks whose programs are kept. A training of a network has about eight programs."""

MAX_PROGRAMS = 64
"""Maximum number of programs that are kept for a network. A process that builds a network again saves other programs
each time. All programs are read before the network is built."""

_NAME_COUNTERS: dict[str, "itertools.count[int]"] = {}
"""Counter of each network that was built in this process, by network digest."""


@contextmanager
def use_cached_programs(experiment: Experiment) -> Iterator[None]:
    """Load the cached programs of an experiment before the block, and save new programs after the block."""
    process_directory = set_up_working_directory()
    if process_directory is None:
        yield
        return
    network_directory = _get_xla_cache_directory() / compute_network_digest(experiment)
    with suppress(OSError):
        program_count = load_programs(network_directory, process_directory)
        _logger.info("XLA cache %s: %d programs loaded", "hit" if program_count else "miss", program_count)
    try:
        yield
    finally:
        with suppress(OSError):
            save_programs(network_directory, process_directory)
        with suppress(OSError):
            evict_old_networks(network_directory.parent)


def number_program_names(network_digest: str) -> None:
    """Make the names of the next programs independent of earlier networks of this process.

    The names of TensorFlow's functions end with a number that counts in the whole process, and the cache key of a
    program contains these names. With a counter for each network, a worker finds the programs of `dnn train` and of
    other workers. A network that is built again continues its counter, so that all numbers stay unique.

    TensorFlow has only a private function for this. If the function is missing, programs are merely compiled again.
    """
    with suppress(ImportError):
        from tensorflow.python.framework import ops

        if network_digest not in _NAME_COUNTERS:
            # TensorFlow's own counter counts from 0, and never reaches the first bit. The last 20 bits are free.
            _NAME_COUNTERS[network_digest] = itertools.count((1 << 60) + (int(network_digest[:10], 16) << 20))
        ops.uid = _NAME_COUNTERS[network_digest].__next__


@cache
def set_up_working_directory() -> Path | None:
    """Create the directory in which TensorFlow keeps the programs of this process, and return its path.

    This function must be called before TensorFlow is imported. The path is `None` if the user has set a directory in
    `TF_XLA_FLAGS`, or if a temporary directory cannot be created.
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
    """Create a temporary directory whose name contains the id of this process.

    Directories with the same prefix are removed if they are old and their processes have ended.

    Raises:
        OSError: the directory cannot be created.
    """
    for abandoned in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        owner = abandoned.name.removeprefix(prefix).partition("-")[0]
        # The directory may belong to another user, or be removed already.
        with suppress(OSError):
            if (
                owner.isdigit()
                and not Path(f"/proc/{owner}").exists()
                and time.time() - abandoned.stat().st_mtime > _MIN_ABANDONED_SECONDS
            ):
                shutil.rmtree(abandoned)
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", ignore_cleanup_errors=True)


def get_user_xla_flags() -> str:
    """Return the XLA flags that the user set, without the directory that `dnn` adds to these flags."""
    return " ".join(flag for flag in os.environ.get("TF_XLA_FLAGS", "").split() if _DIRECTORY_PREFIX not in flag)


_OPEN_DIRECTORIES: list[tempfile.TemporaryDirectory[str]] = []
"""Temporary directories of this process. They are removed when the process ends."""


def remove_working_directories() -> None:
    """Remove the working directory of this process before a sudden exit, which skips the automatic removal."""
    for directory in _OPEN_DIRECTORIES:
        directory.cleanup()


def load_programs(network_directory: Path, process_directory: Path) -> int:
    """Copy the undamaged programs of a network from the cache to the directory of a process, and return their number.

    Damaged programs are deleted from the cache.

    Args:
        network_directory: The directory of the network in the cache.
        process_directory: The directory from which TensorFlow reads in this process.
    """
    program_count = 0
    for path in network_directory.glob("*.pb"):
        digest, _, name = path.name.partition("-")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            (process_directory / name).write_bytes(content)
            program_count += 1
        else:
            path.unlink()
    return program_count


def save_programs(network_directory: Path, process_directory: Path) -> None:
    """Move new programs from the directory of a process to the cache, and keep the `MAX_PROGRAMS` latest programs.

    Files are complete when they appear in the cache, so that another process never reads a part. The name of a file
    begins with the digest of its content.
    """
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
    for old_program in list_old_paths(network_directory.glob("*.pb"), MAX_PROGRAMS):
        old_program.unlink(missing_ok=True)


def evict_old_networks(cache_directory: Path) -> None:
    """Keep the programs of the `MAX_NETWORKS` networks that were trained last, and remove all others."""
    for network in list_old_paths(cache_directory.iterdir(), MAX_NETWORKS):
        shutil.rmtree(network, ignore_errors=True)


def _get_xla_cache_directory() -> Path:
    """Return the directory for the programs of all networks."""
    return directories.get_cache_path("xla")
