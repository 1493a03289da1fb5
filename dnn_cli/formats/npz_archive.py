"""Arrays in an .npz file. Headers are checked before data is read.

An .npz file is a zip file of .npy files. Each .npy file is a short header, then the bytes of an array.
"""

import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from numpy.lib import format as npy
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.npy_header import MAX_HEADER_BYTES, ArrayHeader, parse_array_header
from dnn_cli.formats.safe_open import open_regular_file

_COMPRESSION_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Compression methods that NumPy uses in .npz files. Other methods are refused."""

_DAMAGED_ZIP_ERRORS = (
    TypeError,
    zipfile.BadZipFile, zlib.error, struct.error,
    OSError, EOFError, ValueError, RuntimeError, OverflowError, MemoryError,
)  # fmt: skip
"""Errors that reading a damaged or forged zip file can raise."""


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
                start = stream.read(MAX_HEADER_BYTES)
        return parse_array_header(self.path, name, start, member.file_size)

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
    def open_data(self, header: ArrayHeader) -> Iterator[BinaryIO]:
        """Yield a stream of the bytes of an array, without its header.

        Raises:
            UserDataError: the data is damaged or ends early.
        """
        with self.translate_errors(header.name), self.zip_file.open(f"{header.name}.npy") as stream:
            stream.read(header.data_offset)
            yield cast(BinaryIO, stream)

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
