"""Header of an array in the .npy format: shape and dtype, checked before the data of the array is read."""

import io
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy

from dnn_cli.errors import UserDataError

MAX_HEADER_BYTES = 20_000
"""Number of bytes that are read to find the header of an array. NumPy itself refuses a header of more than 10,000
bytes."""


@dataclass(frozen=True)
class ArrayHeader:
    """Name, shape and dtype of an array, read from its header and checked against the size of the data."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data_offset: int
    """Number of bytes in front of the data."""

    @property
    def nbytes(self) -> int:
        """Size of the data, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def parse_array_header(file: str, name: str, start: bytes, size: int) -> ArrayHeader:
    """Parse the header of an array and check it.

    Args:
        file: The path of the file that contains the array, for messages.
        name: The name of the array.
        start: The first bytes of the array in the .npy format.
        size: The number of bytes of the header and the data.

    Raises:
        UserDataError: the header is not valid, needs pickle, or contradicts the size of the data.
    """
    stream = io.BytesIO(start)
    try:
        with warnings.catch_warnings():
            # NumPy warns about headers that Python 2 wrote.
            warnings.simplefilter("ignore")
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(stream)
    # NumPy parses the header as a Python literal, which can raise many kinds of errors.
    except Exception:
        raise UserDataError(
            f"{file}: {name} is not a NumPy array", "save the array with numpy.save or numpy.savez"
        ) from None
    if dtype.hasobject:
        raise UserDataError(
            f"{file}: {name} contains Python objects, which dnn does not load",
            "save an array of numbers, or of text with dtype=str",
        )
    header = ArrayHeader(name, shape, dtype, stream.tell())
    if header.data_offset + header.nbytes != size or min(shape, default=0) < 0:
        raise UserDataError(f"{file}: {name} has {size:,} bytes, which contradicts its header")
    return header
