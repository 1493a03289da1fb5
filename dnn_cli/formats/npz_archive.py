"""The arrays in an .npz file: headers first, and data once the headers are checked.

An .npz file is a zip of .npy files, each a short header and then the bytes of an array.
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
"""Bytes in which a header must end; NumPy itself refuses more than 10,000."""

_COMPRESSION_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""How NumPy packs; no other way is tried."""

_DAMAGED_ZIP_ERRORS = (
    TypeError,
    zipfile.BadZipFile, zlib.error, struct.error,
    OSError, EOFError, ValueError, RuntimeError, OverflowError, MemoryError,
)  # fmt: skip
"""What reading a damaged or forged zip can raise."""


@dataclass(frozen=True)
class ArrayHeader:
    """What an array is, as its header says and its size confirms."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """The size of its data."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class NpzArchive:
    """An open .npz file."""

    path: str
    zip_file: zipfile.ZipFile

    @property
    def names(self) -> tuple[str, ...]:
        """Its arrays."""
        return tuple(name.removesuffix(".npy") for name in self.zip_file.namelist() if name.endswith(".npy"))

    def read_header(self, name: str) -> ArrayHeader:
        """Return the shape and type of an array, from its header alone.

        Raises:
            UserDataError: the header is not valid, needs pickle, or contradicts the size of the data.
        """
        with self.translate_errors(name):
            member = self.zip_file.getinfo(f"{name}.npy")
            if member.compress_type not in _COMPRESSION_METHODS:
                raise UserDataError(f"{self.path}: {name} is packed in an unknown way", "write it with numpy.savez")
            with self.zip_file.open(member) as stream:
                start = io.BytesIO(stream.read(_MAX_HEADER_BYTES))
        shape, dtype = self.parse_header(name, start)
        if dtype.hasobject:
            raise UserDataError(
                f"{self.path}: {name} holds Python objects, which are never loaded",
                "save an array of numbers, or of text with dtype=str",
            )
        header = ArrayHeader(name, shape, dtype)
        if start.tell() + header.nbytes != member.file_size or min(shape, default=0) < 0:
            raise UserDataError(f"{self.path}: {name} has {member.file_size:,} bytes, other than its header promises")
        return header

    def parse_header(self, name: str, start: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and type in the first bytes of an array."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of headers as Python 2 wrote them
                version = npy.read_magic(start)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(start)
        except Exception:  # NumPy takes it for a Python literal, which can go wrong in many ways
            raise UserDataError(f"{self.path}: {name} is no array of NumPy", "write it with numpy.savez") from None
        return shape, dtype

    def read_array(self, header: ArrayHeader) -> NDArray[Any]:
        """Return an array with its data.

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
        """Raise the errors of a damaged zip as errors of the data file."""
        try:
            yield
        except _DAMAGED_ZIP_ERRORS as error:
            raise UserDataError(f"{self.path}: {name} cannot be read: {error}") from None


@contextmanager
def open_archive(path: str) -> Iterator[NpzArchive]:
    """Yield an .npz file for reading.

    Raises:
        UserDataError: the file is missing, or it is no zip.
    """
    with open_regular_file(path) as stream:
        try:
            archive = NpzArchive(path, zipfile.ZipFile(stream))
        except _DAMAGED_ZIP_ERRORS as error:
            raise UserDataError(f"{path} is not an .npz file: {error}", "write it with numpy.savez") from None
        with archive.zip_file:
            yield archive
