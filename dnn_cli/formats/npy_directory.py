"""Arrays in .npy files of one directory, with the interface of an .npz file."""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from numpy.lib import format as npy
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.array_names import parse_array_name
from dnn_cli.formats.npy_header import MAX_HEADER_BYTES, ArrayHeader, parse_array_header
from dnn_cli.formats.safe_open import build_read_error, open_regular_file, stat_regular_file

NPY_SUFFIX = ".npy"


@dataclass(frozen=True)
class NpyDirectory:
    """Arrays in .npy files. The name of an array is the name of its file without the suffix."""

    path: str
    files: Mapping[str, str]
    """Paths of the files by the names of the arrays."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(self.files)

    def read_header(self, name: str) -> ArrayHeader:
        """Read the header of an array, without its data.

        Raises:
            UserDataError: the header is not valid, needs pickle, or contradicts the size of the data.
        """
        size = stat_regular_file(self.files[name]).st_size
        with open_regular_file(self.files[name]) as stream:
            start = stream.read(MAX_HEADER_BYTES)
        return parse_array_header(self.path, name, start, size)

    def read_array(self, header: ArrayHeader) -> NDArray[Any]:
        """Read an array with its data.

        Raises:
            UserDataError: the data is damaged or ends early.
        """
        with warnings.catch_warnings(), open_regular_file(self.files[header.name]) as stream:
            warnings.simplefilter("ignore")
            try:
                array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
            except (ValueError, TypeError, EOFError, MemoryError) as error:
                raise UserDataError(f"{self.path}: {header.name} cannot be read: {error}") from None
        return array

    @contextmanager
    def open_data(self, header: ArrayHeader) -> Iterator[BinaryIO]:
        """Yield a stream of the bytes of an array, without its header.

        Raises:
            UserDataError: the file cannot be read.
        """
        with open_regular_file(self.files[header.name]) as stream:
            stream.seek(header.data_offset)
            yield stream


def open_npy_directory(directory: str) -> NpyDirectory:
    """Return the arrays in the .npy files of a directory.

    Raises:
        UserDataError: the directory cannot be read, or has no .npy files.
    """
    files = list_npy_files(directory)
    if not files:
        raise UserDataError(
            f"{directory} contains no .npy files", "save the arrays with numpy.save as x_train.npy and y_train.npy"
        )
    return NpyDirectory(directory, files)


def open_npy_pair(path: str) -> NpyDirectory:
    """Return the inputs in an .npy file, with the targets of the same split in another file of the directory.

    Raises:
        UserDataError: the name of the file is not that of inputs, or there is not exactly one file of targets.
    """
    stat_regular_file(path)
    directory = os.path.dirname(path) or "."
    files = list_npy_files(directory)
    name = os.path.basename(path)[: -len(NPY_SUFFIX)]
    role, split = parse_array_name(name) or ("", "")
    if role != "inputs":
        raise UserDataError(
            f"{path} does not have the name of an array of inputs",
            "rename the file to X.npy, and the file of its targets to y.npy",
        )
    pairs = [other for other in files if parse_array_name(other) == ("targets", split)]
    if len(pairs) != 1:
        problem = f"has several files of targets: {', '.join(pairs)}" if pairs else "has no file of targets"
        suffix = name[1:] if name[:1] in "xX" else ""
        raise UserDataError(
            f"{path} {problem}", f"save one target for each input as {os.path.join(directory, f'y{suffix}.npy')}"
        )
    return NpyDirectory(directory, {name: path, pairs[0]: files[pairs[0]]})


def open_npy_file(path: str) -> NpyDirectory:
    """Return the array in a single .npy file.

    Raises:
        UserDataError: the file is missing.
    """
    stat_regular_file(path)
    return NpyDirectory(path, {os.path.basename(path)[: -len(NPY_SUFFIX)]: path})


def is_array_path(path: str) -> bool:
    """Return whether a path is that of arrays: an .npz or .npy file, or a directory of only .npy and other files.

    A directory with subdirectories is one of images, even if it also contains .npy files.

    Raises:
        UserDataError: the directory cannot be read.
    """
    if not os.path.isdir(path):
        return path.lower().endswith((".npz", NPY_SUFFIX))
    if not list_npy_files(path):
        return False
    with os.scandir(path) as items:
        return not any(item.is_dir() and not item.name.startswith(".") for item in items)


def list_npy_files(directory: str) -> dict[str, str]:
    """List the paths of the .npy files in a directory, by the names of the files without the suffix.

    Raises:
        UserDataError: the directory cannot be read.
    """
    try:
        with os.scandir(directory) as items:
            names = sorted(item.name for item in items if item.name.endswith(NPY_SUFFIX) and item.is_file())
    # A NUL in the path raises ValueError.
    except (OSError, ValueError) as error:
        raise build_read_error(directory, error) from None
    return {name.removesuffix(NPY_SUFFIX): os.path.join(directory, name) for name in names}
