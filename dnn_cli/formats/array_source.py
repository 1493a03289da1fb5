"""Sources of arrays with one interface: an .npz file, a directory of .npy files, or an .npy file of inputs."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.npy_directory import NPY_SUFFIX, open_npy_directory, open_npy_pair
from dnn_cli.formats.npy_header import ArrayHeader
from dnn_cli.formats.npz_archive import open_archive

_FIRST_BLOCK_BYTES, _MAX_BLOCK_BYTES = 1 << 18, 1 << 23
"""Sizes of the first block and of later blocks that `iter_values` reads. A small first block is read quickly."""


class ArraySource(Protocol):
    """File or directory with named arrays, open for reading."""

    @property
    def path(self) -> str:
        """Path of the file or directory."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""

    def read_header(self, name: str) -> ArrayHeader:
        """Read the header of an array, without its data.

        Raises:
            UserDataError: the header is not valid, needs pickle, or contradicts the size of the data.
        """

    def read_array(self, header: ArrayHeader) -> NDArray[Any]:
        """Read an array with its data.

        Raises:
            UserDataError: the data is damaged or ends early.
        """

    def open_data(self, header: ArrayHeader) -> AbstractContextManager[BinaryIO]:
        """Yield a stream of the bytes of an array, without its header.

        Raises:
            UserDataError: the data is damaged or ends early.
        """


@contextmanager
def open_array_source(path: str) -> Iterator[ArraySource]:
    """Yield the arrays at a path, open for reading.

    Args:
        path: The path of an .npz file, of a directory of .npy files, or of the .npy file of inputs whose targets are in
            another .npy file of the same directory.

    Raises:
        UserDataError: the path is missing, or has no arrays.
    """
    if os.path.isdir(path):
        yield open_npy_directory(path)
    elif path.lower().endswith(NPY_SUFFIX):
        yield open_npy_pair(path)
    else:
        with open_archive(path) as archive:
            yield archive


def iter_values(source: ArraySource, header: ArrayHeader) -> Iterator[NDArray[Any]]:
    """Yield the values of an array of numbers in blocks, as flat arrays in the order of the file.

    Raises:
        UserDataError: the data is damaged or ends early.
    """
    remaining, block_bytes = header.nbytes, _FIRST_BLOCK_BYTES
    with source.open_data(header) as stream:
        while remaining:
            size = min(remaining, block_bytes // header.dtype.itemsize * header.dtype.itemsize)
            block = stream.read(size)
            if len(block) != size:
                raise UserDataError(f"{source.path}: {header.name} ends early")
            yield np.frombuffer(block, header.dtype)
            remaining -= size
            block_bytes = _MAX_BLOCK_BYTES
