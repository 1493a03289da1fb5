"""IDX format of MNIST and its successors: a header of sizes, then one byte for each value."""

import math

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import DataError


def parse_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """Parse the bytes of an IDX file into an array of uint8, without a copy.

    The header is two zero bytes, 8 for uint8, the number of axes, and the size of each axis as a big-endian uint32
    (yann.lecun.com/exdb/mnist).

    Args:
        content: The bytes of the file.
        name: The name of the file in messages.

    Raises:
        DataError: the bytes are not an IDX file of uint8, or their number contradicts the header.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{name} is not an IDX file of bytes")
    axes = content[3]
    start = 4 + 4 * axes
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{name} has {len(content):,} bytes, but its header of the shape {shape} requires {expected:,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def to_idx(array: NDArray[np.uint8]) -> bytes:
    """Convert an array of uint8 into the bytes of an IDX file."""
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + np.ascontiguousarray(array, np.uint8).tobytes()
