"""Cache of decoded images, so that a directory is decoded only once.

A cache file has a name that depends on everything that determines its content. Its checksum is verified at each
reading. An error of the cache never ends a command: the images are then decoded.
"""

import hashlib
import json
import mmap
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnn_cli.host.directories import find_cache, get_cache_path

MAX_CACHE_BYTES = 10_000_000_000
"""Maximum size of all cache files. The files that were not used for the longest time are removed first."""

_MAX_SHARE_OF_FREE_SPACE = 1 / 4
"""Maximum size of a new cache file, as a share of the free space of its file system."""

_MAGIC = b"dnn images 1\n"
_LENGTH_BYTES = 8
_SUFFIX, _TEMPORARY_SUFFIX = ".images", ".partial"

_MAX_WRITING_SECONDS = 3600
"""Age at which a temporary file is removed, because the process that wrote the file no longer exists."""


@dataclass(frozen=True)
class DecodedImages:
    """Pixels of the images in a directory, without its damaged images."""

    pixels: NDArray[np.uint8]
    """Array of all images that are not damaged, in the order of their files."""

    damaged: tuple[int, ...] = ()
    """Positions of the damaged images among all images of the directory."""


def compute_cache_key(parts: Iterable[object]) -> str:
    """Compute the name of a cache file from everything that determines its content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part!r}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def read_cached_images(key: str) -> DecodedImages | None:
    """Read decoded images from the cache. Return `None` if they are missing or damaged.

    The pixels are memory-mapped and read-only.
    """
    path = _get_cache_file(key)
    try:
        with path.open("rb") as stream:
            mapped = np.frombuffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        images = _parse_cache_file(mapped)
    # A damaged file has errors of many kinds: an empty file, a wrong length, a header that is not JSON.
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    # The time of the last use decides which files are removed.
    with suppress(OSError):
        os.utime(path)
    return images


def write_cached_images(key: str, images: DecodedImages) -> bool:
    """Write decoded images into the cache, and return whether they were written.

    Images are not written if the cache cannot be used, or if its limits are too small.
    """
    path = _get_cache_file(key)
    header = json.dumps({"shape": images.pixels.shape, "damaged": images.damaged}).encode()
    pixels = np.ascontiguousarray(images.pixels).reshape(-1)
    checksum = zlib.crc32(pixels.data, zlib.crc32(header))
    temporary = None
    try:
        if not find_cache().is_usable:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _make_room(path.parent, pixels.nbytes):
            return False
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_TEMPORARY_SUFFIX, delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(_MAGIC)
            for number in (len(header), checksum):
                stream.write(number.to_bytes(_LENGTH_BYTES, "little"))
            stream.write(header)
            stream.write(pixels.data)
        temporary.replace(path)
        return True
    except OSError:
        return False
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _get_cache_file(key: str) -> Path:
    """Return the path of the cache file with a key."""
    return get_cache_path("images", key + _SUFFIX)


def _parse_cache_file(mapped: NDArray[np.uint8]) -> DecodedImages:
    """Return the images in the bytes of a cache file.

    Raises:
        ValueError: the bytes are not a complete cache file. Other errors are those of `json` and NumPy.
    """
    start = len(_MAGIC) + 2 * _LENGTH_BYTES
    header_bytes, checksum = (
        int.from_bytes(mapped[at : at + _LENGTH_BYTES].tobytes(), "little")
        for at in (len(_MAGIC), len(_MAGIC) + _LENGTH_BYTES)
    )
    header, pixels = mapped[start : start + header_bytes], mapped[start + header_bytes :]
    if mapped[: len(_MAGIC)].tobytes() != _MAGIC or zlib.crc32(pixels.data, zlib.crc32(header.data)) != checksum:
        raise ValueError("the cache file is damaged")
    content = json.loads(header.tobytes())
    return DecodedImages(pixels.reshape(content["shape"]), tuple(content["damaged"]))


def _make_room(directory: Path, needed_bytes: int) -> bool:
    """Remove old files until a new file fits into the cache, and return whether the file fits.

    Args:
        directory: The directory of the cache files.
        needed_bytes: The size of the new file.
    """
    if needed_bytes > min(MAX_CACHE_BYTES, shutil.disk_usage(directory).free * _MAX_SHARE_OF_FREE_SPACE):
        return False
    files = []
    for path in directory.iterdir():
        # Another process can remove the file at the same time.
        with suppress(OSError):
            status = path.stat()
            if path.suffix == _SUFFIX:
                files.append((status.st_mtime, status.st_size, path))
            elif path.suffix == _TEMPORARY_SUFFIX and status.st_mtime < time.time() - _MAX_WRITING_SECONDS:
                path.unlink()
    total = needed_bytes + sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= MAX_CACHE_BYTES:
            break
        with suppress(OSError):
            path.unlink()
            total -= size
    return True
