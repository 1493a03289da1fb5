"""Hashes of the rows of an array, by which equal rows are found."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def hash_rows(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row, uint64 of shape (n,). Equal rows of one type have equal hashes.

    Different rows have equal hashes with a chance of about 2**-64.
    """
    # The bytes of -0.0 and 0.0 differ, although the numbers are equal.
    if rows.dtype.kind == "f":
        rows = rows + rows.dtype.type(0)
    row_bytes = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    word_bytes = row_bytes.shape[1] // 8 * 8
    last_words = np.zeros((len(rows), 8), np.uint8)
    last_words[:, : row_bytes.shape[1] - word_bytes] = row_bytes[:, word_bytes:]
    factors = np.random.default_rng(0).integers(1, 2**63, word_bytes // 8 + 1, dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    hashes: NDArray[np.uint64] = last_words.view(np.uint64)[:, 0] * factors[-1]
    if word_bytes:
        body = np.ascontiguousarray(row_bytes[:, :word_bytes]).view(np.uint64)
        for start in range(0, len(rows), 4096):
            block = body[start : start + 4096]
            hashes[start : start + 4096] += (_mix_bits(block) * factors[:-1]).sum(1, dtype=np.uint64)
    return hashes


def _mix_bits(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each word XORed with the same word shifted right by 29 bits, which mixes high bits into low bits."""
    mixed_words: NDArray[np.uint64] = words ^ (words >> np.uint64(29))
    return mixed_words
