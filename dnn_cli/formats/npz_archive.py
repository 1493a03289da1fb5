"""Arrays in an .npz file. Headers are checked before data is read.

An .npz file is a zip file of .npy files. Each .npy file is a short header, then the bytes of an array.
"""

import io
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.safe_open import open_regular_file

_MAX_HEADER_BYTES = 20_000
"""Number of bytes that are read to find the header of an array. NumPy itself refuses a header of more than 10,000
bytes."""

_COMPRESSION_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Compression methods that NumPy uses in .npz files. Other methods are refused."""

_DAMAGED_ZIP_ERRORS = (
    TypeError,
    zipfile.BadZipFile, zlib.error, struct.error,
    OSError, EOFError, ValueError, RuntimeError, OverflowError, MemoryError,
)  # fmt: skip
"""Errors that reading a damaged or forged zip file can raise."""


@dataclass(frozen=True)
class ArrayHeader:
    """Name, shape and dtype of an array, read from its header and checked against the size of the data."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Size of the data, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class NpzArchive:
    """An .npz file that is open for reading."""

    path: str
    zip_file: zipfile.ZipFile

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(name.removesuffix(".npy") for name in self.zip_file.namelist() if name.endswith(".npy"))

    def read_header(self, name: str) -> ArrayHeader:
        """Read the header of an array, without its data.

        Raises:
            UserDataError: the header is not valid, needs pickle, or contradicts the size of the data.
        """
        with self.translate_errors(name):
            member = self.zip_file.getinfo(f"{name}.npy")
            if member.compress_type not in _COMPRESSION_METHODS:
                raise UserDataError(
                    f"{self.path}: {name} has an unknown compression method", "save the array with numpy.savez"
                )
            with self.zip_file.open(member) as stream:
                start = io.BytesIO(stream.read(_MAX_HEADER_BYTES))
        shape, dtype = self.parse_header(name, start)
        if dtype.hasobject:
            raise UserDataError(
                f"{self.path}: {name} contains Python objects, which dnn does not load",
                "save an array of numbers, or of text with dtype=str",
            )
        header = ArrayHeader(name, shape, dtype)
        if start.tell() + header.nbytes != member.file_size or min(shape, default=0) < 0:
            raise UserDataError(f"{self.path}: {name} has {member.file_size:,} bytes, which contradicts its header")
        return header

    def parse_header(self, name: str, start: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Parse the shape and dtype of an array from `start`, the first bytes of its .npy file.

        Raises:
            UserDataError: the bytes are not a header of NumPy.
        """
        try:
            with warnings.catch_warnings():
                # NumPy warns about headers that Python 2 wrote.
                warnings.simplefilter("ignore")
                version = npy.read_magic(start)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(start)
        # NumPy parses the header as a Python literal, which can raise many kinds of errors.
        except Exception:
            raise UserDataError(
                f"{self.path}: {name} is not a NumPy array", "save the array with numpy.savez"
            ) from None
        return shape, dtype

    def read_array(self, header: ArrayHeader) -> NDArray[Any]:
        """Read an array with its data.

        Raises:
            UserDataError: the data is damaged or ends early.
        """
        with self.translate_errors(header.name), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with self.zip_file.open(f"{header.name}.npy") as stream:
                array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        return array

    @contextmanager
    def translate_errors(self, name: str) -> Iterator[None]:
        """Translate errors that a damaged zip file causes in the `with` block into `UserDataError`.

        `name` is the name of the array in the message.
        """
        try:
            yield
        except _DAMAGED_ZIP_ERRORS as error:
            raise UserDataError(f"{self.path}: {name} cannot be read: {error}") from None


@contextmanager
def open_archive(path: str) -> Iterator[NpzArchive]:
    """Yield an .npz file, opened for reading.

    Raises:
        UserDataError: the file is missing, or it is not a zip file.
    """
    with open_regular_file(path) as stream:
        try:
            archive = NpzArchive(path, zipfile.ZipFile(stream))
        except _DAMAGED_ZIP_ERRORS as error:
            raise UserDataError(f"{path} is not an .npz file: {error}", "save the arrays with numpy.savez") from None
        with archive.zip_file:
            yield archive
