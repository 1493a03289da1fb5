"""Sources of the files of a built-in dataset: directories on this machine, mirrors, and a Debian package.

Files of every source are checked against the digests in `config.datasets`. Checked files are saved in the cache of
`dnn`. The cache contains either all files of a dataset or no file.
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
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from dnn_cli.config.datasets import IdxDataset, IdxFile
from dnn_cli.errors import DataError
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.formats.idx import to_idx
from dnn_cli.host import directories

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 30
"""Timeouts of downloads, in seconds: for the connection to a mirror, and for each wait for more bytes."""

_MAX_ATTEMPTS = 2


class _DownloadProgress:
    """Object that the download library pooch uses as its progress bar.

    The object forwards the number of downloaded bytes to a progress reporter.
    """

    def __init__(self, report_progress: ReadProgress, doing: str) -> None:
        self.report_progress = report_progress
        self.doing = doing
        self.total = 0
        self.done = 0

    def update(self, count: int) -> None:
        self.done += count
        self.report_progress(self.doing, min(self.done, self.total), self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Do nothing, because the progress reporter is still used after the download."""


def _download_files(dataset: IdxDataset, mirror: str, report_progress: ReadProgress, directory: Path) -> Path:
    """Download every file of a dataset from one mirror into a directory, and return the directory.

    The files stay compressed with gzip, as on the mirror.

    Raises:
        DataError: the mirror does not answer, or does not have a file.
    """
    import pooch
    import requests

    for file in dataset.files:
        target = directory / f"{file.name}.gz"
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            download_progress = _DownloadProgress(report_progress, f"downloading {target.name}")
            report_progress(download_progress.doing)
            fetch = pooch.HTTPDownloader(
                progressbar=download_progress, chunk_size=1 << 16, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
            )
            try:
                fetch(f"{mirror}/{target.name}", str(target), None)
                break
            except requests.HTTPError as error:
                raise DataError(f"HTTP status {error.response.status_code} for {target.name}") from None
            except requests.RequestException as error:
                if attempt == _MAX_ATTEMPTS:
                    raise DataError(f"cannot be reached ({type(error).__name__})") from None
    return directory


_FileContents = dict[str, bytes]
"""Decompressed content of every file of a dataset, by file name."""

_CACHE_NAME = "the cache of dnn"
SYSTEM_DIRECTORY = Path("/usr/share/datasets")

_MAX_CONTENT_BYTES = 200_000_000
"""Maximum size of a decompressed file, in bytes. The limit stops a decompression bomb early."""


@dataclass(frozen=True)
class _DatasetSource:
    """Source from which the files of a dataset can be fetched, such as a mirror."""

    name: str
    fetch: Callable[[Path], Path]
    """Function that returns the directory of the dataset's files. Its argument is an empty directory, in which the
    function can store files."""


def get_dataset_cache_directory(dataset: IdxDataset) -> Path:
    """Return the directory in which `dnn` keeps the decompressed files of a dataset."""
    return directories.get_cache_path(dataset.directory_name)


def load_dataset_files(
    dataset: IdxDataset, path: str | None = None, report_progress: ReadProgress = ignore_progress
) -> _FileContents:
    """Load the content of a dataset's files from `path`, or by default from the first source that has the files.

    Files from a source other than the cache are then saved in the cache. Files from `path` are not saved.

    Raises:
        DataError: the files cannot be read from `path`, or from any source. The message gives the reason for each
            source.
    """
    if path is not None:
        try:
            return read_dataset_files(dataset, Path(path))
        except DataError as error:
            raise DataError(
                f"data.path: {error.message}",
                f"the directory must contain {', '.join(file.name for file in dataset.files)}, each plain or as .gz",
            ) from None
    reasons = []
    for source in iter_sources(dataset, report_progress):
        try:
            with tempfile.TemporaryDirectory(prefix="dnn-") as temporary:
                contents = read_dataset_files(dataset, source.fetch(Path(temporary)))
        except (DataError, OSError) as error:
            reasons.append(f"{source.name}: {error.message if isinstance(error, DataError) else error.strerror}")
            continue
        if source.name != _CACHE_NAME:
            _write_to_cache(get_dataset_cache_directory(dataset), contents)
        return contents
    raise DataError(
        f"{dataset.directory_name} cannot be loaded from any source:\n"
        + "\n".join(f"  {reason}" for reason in reasons),
        "use data.dataset=digits, which needs no download",
    )


def iter_sources(dataset: IdxDataset, report_progress: ReadProgress) -> Iterator[_DatasetSource]:
    """Yield every source of a dataset: directories on this machine, then mirrors, then a Debian package to download."""
    yield _DatasetSource(_CACHE_NAME, lambda _: get_dataset_cache_directory(dataset))
    usual_cache, _ = directories.get_standard_cache_path()
    # The usual cache differs if it cannot be written, but can still be readable.
    if usual_cache is not None and usual_cache != directories.find_cache().directory:
        yield _DatasetSource(f"the cache in {usual_cache}", lambda _: Path(usual_cache, dataset.directory_name))
    keras_home = directories.find_keras_directory()
    yield _DatasetSource("Keras's cache", lambda _: keras_home / "datasets" / dataset.directory_name)
    if dataset.keras_archive:
        archive = keras_home / "datasets" / dataset.keras_archive
        yield _DatasetSource(
            f"Keras's {dataset.keras_archive}", lambda directory: _extract_keras_archive(dataset, archive, directory)
        )
    if dataset.debian_package:
        yield _DatasetSource(
            f"the package {dataset.debian_package}", lambda _: SYSTEM_DIRECTORY / dataset.directory_name
        )
    for mirror in dataset.mirrors:
        yield _DatasetSource(mirror, partial(_download_files, dataset, mirror, report_progress))
    if (package := dataset.debian_package) and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        yield _DatasetSource(
            "apt-get download", lambda directory: _download_package(dataset, package, directory, report_progress)
        )


def read_dataset_files(dataset: IdxDataset, directory: Path) -> _FileContents:
    """Read and check the content of every file of a dataset in one directory.

    Raises:
        DataError: a file is missing, cannot be read, or lacks the digest in `config.datasets`.
    """
    return {file.name: _read_dataset_file(file, directory) for file in dataset.files}


def _read_dataset_file(file: IdxFile, directory: Path) -> bytes:
    """Read and check the content of one file, plain or compressed.

    Raises:
        DataError: the file is missing, cannot be read, or lacks the digest in `config.datasets`.
    """
    plain, zipped = directory / file.name, directory / f"{file.name}.gz"
    try:
        with _open_content(plain, zipped) as stream:
            content = stream.read(_MAX_CONTENT_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{file.name} does not exist in {directory}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file.name} in {directory} cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DataError(f"{file.name} in {directory} is damaged or a different file: its SHA-256 digest is wrong")
    return content


def _open_content(plain: Path, zipped: Path) -> BinaryIO:
    """Open the plain file, or the .gz file if there is no plain file. Reading returns decompressed content.

    Some servers decompress a .gz file without changing its name. Such a file is read unchanged.
    """
    if plain.is_file():
        return plain.open("rb")
    with zipped.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(zipped)) if is_gzip else zipped.open("rb")


def _write_to_cache(cache: Path, contents: _FileContents) -> None:
    """Write the files of a dataset to the directory `cache`, so that the cache has either all files or no file.

    If the cache cannot be written, it stays unchanged and no error is raised.
    """
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


def _extract_keras_archive(dataset: IdxDataset, archive: Path, directory: Path) -> Path:
    """Write the four arrays of Keras's .npz archive as the original IDX files, and return the directory of these files.

    Raises:
        DataError: the archive is missing or cannot be read.
    """
    import numpy as np

    try:
        with np.load(archive, allow_pickle=False) as arrays:
            for file, name in zip(dataset.files, ("x_train", "y_train", "x_test", "y_test"), strict=True):
                (directory / file.name).write_bytes(to_idx(arrays[name]))
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(
            f"{archive} {'does not exist' if not archive.exists() else f'cannot be read: {error}'}"
        ) from None
    return directory


def _download_package(dataset: IdxDataset, package: str, directory: Path, report_progress: ReadProgress) -> Path:
    """Download and unpack the Debian package of a dataset, and return the directory of the dataset's files.

    The download needs no root rights and leaves the system unchanged.

    Raises:
        DataError: `apt-get` or `dpkg-deb` failed.
    """
    for part in ("lists/partial", "cache/archives/partial"):
        (directory / part).mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={directory / 'lists'}", "-o", f"Dir::Cache={directory / 'cache'}"]
    report_progress("apt-get update")
    _run_command([*apt, "update"], directory)
    report_progress(f"apt-get download {package}")
    _run_command([*apt, "download", package], directory)
    for archive in directory.glob("*.deb"):
        report_progress(f"unpacking {package}")
        _run_command(["dpkg-deb", "--extract", str(archive), str(directory / "unpacked")], directory)
    return directory / "unpacked" / SYSTEM_DIRECTORY.relative_to("/") / dataset.directory_name


def _run_command(arguments: list[str], directory: Path) -> None:
    """Run a command of the Linux distribution, such as apt-get, in a directory.

    Raises:
        DataError: the command failed, or took more than 300 s. The message has the last line of output.
    """
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        process = subprocess.run(
            arguments,
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{arguments[0]} did not finish within 300 s") from None
    if process.returncode:
        lines = (process.stderr or process.stdout).strip().splitlines() or [f"exit {process.returncode}"]
        raise DataError(f"{arguments[0]}: {lines[-1]}")
