"""Cache of splits, so that a repeated training does not import scikit-learn.

A cache file has a name that depends on everything that determines the split. An error of the cache never ends a
command: the split is then computed.
"""

import hashlib
import os
import zipfile
from contextlib import suppress
from dataclasses import astuple
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dnn_cli.config.data import Data
from dnn_cli.data.examples import Examples, Split, split_examples
from dnn_cli.errors import RunError
from dnn_cli.host.cache_files import list_old_paths
from dnn_cli.host.directories import find_cache, get_cache_path
from dnn_cli.runs.atomic_write import atomic_write

MAX_CACHE_FILES = 64
"""Maximum number of cache files. The files that were not used for the longest time are removed first."""

_PARTS = ("train", "validation", "test", "reporting")


def load_split(data: Data, examples: Examples) -> Split:
    """Return the split of examples from the cache, or compute and store it.

    Raises:
        UserDataError: a class, a group or a time has too few examples for the split.
    """
    path = get_cache_path("splits", f"{_compute_key(data, examples)}.npz")
    split = _read_split(path)
    if split is None:
        split = split_examples(data, examples)
        _write_split(path, split)
    return split


def _compute_key(data: Data, examples: Examples) -> str:
    """Compute the name of a cache file from everything that determines the split."""
    info = data.info
    settings = (
        # Changed code, or another version of a library, can compute another split.
        _compute_code_digest(), version("scikit-learn"), np.__version__, data.split_off_test_examples, data.test_size,
        data.validation_size, data.folds, data.used_fold, data.split_seed, data.stratify, data.reporting_half,
        data.group, data.time, info.validation_examples, info.is_classification, info.classes, len(examples),
    )  # fmt: skip
    digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogateescape"))
    groups_and_times = (examples.groups, examples.times, examples.fixed_groups, examples.fixed_times)
    for array in (examples.targets if info.is_classification else None, *groups_and_times):
        digest.update(b"none" if array is None else f"{array.dtype}{array.shape}".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:32]


@cache
def _compute_code_digest() -> str:
    """Compute a digest of the code that splits examples."""
    from dnn_cli.data import examples, splitting

    sources = (Path(str(module.__file__)).read_bytes() for module in (examples, splitting))
    return hashlib.sha256(b"".join(sources)).hexdigest()


def _read_split(path: Path) -> Split | None:
    """Read a split from a cache file; `None` if the file is missing or damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            parts = [arrays[name] for name in _PARTS]
    # A damaged file has errors of many kinds.
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError):
        return None
    if any(part.dtype != np.int64 or part.ndim != 1 for part in parts):
        return None
    # The time of the last use decides which files are removed.
    with suppress(OSError):
        os.utime(path)
    return Split(*parts)


def _write_split(path: Path, split: Split) -> None:
    """Write a split into the cache, if the cache can be used, and remove old files."""
    if not find_cache().is_usable:
        return
    with suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            np.savez(temporary, **dict(zip(_PARTS, astuple(split), strict=True)))
        for file in list_old_paths(path.parent.glob("*.npz"), MAX_CACHE_FILES):
            file.unlink(missing_ok=True)
