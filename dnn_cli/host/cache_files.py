"""Files of caches with a largest number of entries."""

from collections.abc import Iterable
from pathlib import Path


def list_old_paths(paths: Iterable[Path], limit: int) -> list[Path]:
    """Return the paths of a cache that exceed the limit: all except the `limit` that were changed last."""
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)[limit:]
