"""Where the bytes of a dataset are found: on disk, on the mirrors, or in the distribution's package.

Whatever the source, the content is checked against the digests in `spec.datasets`, and kept in the cache
of `dnn` whole or not at all.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from dnn_cli.data.download import download
from dnn_cli.data.idx import to_idx
from dnn_cli.errors import DataError
from dnn_cli.formats.watcher import Watcher, quiet
from dnn_cli.host import folders
from dnn_cli.spec.datasets import IdxDataset, IdxFile

Contents = dict[str, bytes]
"""The decompressed content of every file of a dataset, by its name."""

CACHE = "the cache of dnn"
SYSTEM = Path("/usr/share/datasets")

MAX_CONTENT = 200_000_000
"""Bytes a file may hold when unpacked, so that a bomb ends early."""


@dataclass(frozen=True)
class Source:
    """A place to look, and how to bring the files from there into a folder."""

    name: str
    fetch: Callable[[Path], Path]
    """Takes an empty folder it may use, returns the folder that holds the files."""


def cache_folder(dataset: IdxDataset) -> Path:
    """Where `dnn` keeps the decompressed files of a dataset."""
    return folders.cache_folder(dataset.folder)


def find_contents(dataset: IdxDataset, path: str | None = None, watch: Watcher = quiet) -> Contents:
    """The content of a dataset's files: from `path` where given, else from the first source that has it.

    Raises:
        DataError: no source has it; names each with its reason.
    """
    if path is not None:
        try:
            return read_folder(dataset, Path(path))
        except DataError as error:
            raise DataError(
                f"data.path: {error.message}",
                f"the folder needs {', '.join(file.name for file in dataset.files)}, each plain or with .gz",
            ) from None
    reasons = []
    for source in sources(dataset, watch):
        try:
            with tempfile.TemporaryDirectory(prefix="dnn-") as temporary:
                contents = read_folder(dataset, source.fetch(Path(temporary)))
        except (DataError, OSError) as error:
            reasons.append(f"{source.name}: {error.message if isinstance(error, DataError) else error.strerror}")
            continue
        if source.name != CACHE:
            keep(cache_folder(dataset), contents)
        return contents
    raise DataError(
        f"{dataset.folder} is nowhere to be found:\n" + "\n".join(f"  {reason}" for reason in reasons),
        "data.dataset=digits trains the same config without any download",
    )


def sources(dataset: IdxDataset, watch: Watcher) -> Iterator[Source]:
    """Every place to look, nearest first."""
    yield Source(CACHE, lambda _: cache_folder(dataset))
    usual, _ = folders.usual_cache()
    if usual is not None and usual != folders.cache().folder:  # it cannot be written, but perhaps read
        yield Source(f"the cache in {usual}", lambda _: Path(usual, dataset.folder))
    keras_home = folders.keras_folder()
    yield Source("Keras's cache", lambda _: keras_home / "datasets" / dataset.folder)
    if dataset.archive:
        archive = keras_home / "datasets" / dataset.archive
        yield Source(f"Keras's {dataset.archive}", lambda folder: from_archive(dataset, archive, folder))
    if dataset.package:
        yield Source(f"the package {dataset.package}", lambda _: SYSTEM / dataset.folder)
    for mirror in dataset.mirrors:
        yield Source(mirror, lambda folder, mirror=mirror: download(dataset, mirror, folder, watch))  # type: ignore[misc]
    if (package := dataset.package) and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        yield Source("apt-get download", lambda folder: from_package(dataset, package, folder, watch))


def read_folder(dataset: IdxDataset, folder: Path) -> Contents:
    """The checked content of every file of a dataset in one folder.

    Raises:
        DataError: a file is missing, cannot be read, or is not what its digest says.
    """
    return {file.name: read_file(file, folder) for file in dataset.files}


def read_file(file: IdxFile, folder: Path) -> bytes:
    """The checked content of one file, plain or zipped."""
    plain, zipped = folder / file.name, folder / f"{file.name}.gz"
    try:
        with open_content(plain, zipped) as stream:
            content = stream.read(MAX_CONTENT + 1)
    except FileNotFoundError:
        raise DataError(f"no {file.name} in {folder}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file.name} in {folder} cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DataError(f"{file.name} in {folder} is damaged or another file: its SHA-256 is not the expected one")
    return content


def open_content(plain: Path, zipped: Path) -> BinaryIO:
    """A file for reading, unzipped on the way if it is zipped; a server may have unzipped a .gz already."""
    if plain.is_file():
        return plain.open("rb")
    with zipped.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(zipped)) if is_gzip else zipped.open("rb")


def keep(cache: Path, contents: Contents) -> None:
    """Put the files into the cache as one folder, in one step; a cache that cannot be written is no harm."""
    temporary = None
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{cache.name}-", dir=cache.parent))
        for name, content in contents.items():
            (temporary / name).write_bytes(content)
        if cache.is_symlink():
            cache.unlink()
        elif cache.exists():
            cache.rename(temporary / "damaged")
        temporary.rename(cache)
        shutil.rmtree(cache / "damaged", ignore_errors=True)
    except OSError:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def from_archive(dataset: IdxDataset, archive: Path, folder: Path) -> Path:
    """The arrays of Keras's one file as the four files they were made from."""
    import numpy as np

    try:
        with np.load(archive, allow_pickle=False) as arrays:
            for file, name in zip(dataset.files, ("x_train", "y_train", "x_test", "y_test"), strict=True):
                (folder / file.name).write_bytes(to_idx(arrays[name]))
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{archive} {'is not there' if not archive.exists() else f'cannot be read: {error}'}") from None
    return folder


def from_package(dataset: IdxDataset, package: str, folder: Path, watch: Watcher) -> Path:
    """The distribution's package, downloaded and unpacked here, without root and without touching the system."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
    watch("apt-get update")
    command([*apt, "update"], folder)
    watch(f"apt-get download {package}")
    command([*apt, "download", package], folder)
    for archive in folder.glob("*.deb"):
        watch(f"unpacking {package}")
        command(["dpkg-deb", "--extract", str(archive), str(folder / "unpacked")], folder)
    return folder / "unpacked" / SYSTEM.relative_to("/") / dataset.folder


def command(words: list[str], folder: Path) -> None:
    """Run a command of the distribution.

    Raises:
        DataError: it failed, with its last line.
    """
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{words[0]} did not end within 300 s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise DataError(f"{words[0]}: {lines[-1]}")
