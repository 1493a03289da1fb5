"""Examples of all splits in one numbering, for checks across splits."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.data.examples import Examples, Split
from dnn_cli.data.row_hashes import hash_rows
from dnn_cli.formats.dataset_contents import SplitName

SPLIT_NAMES: tuple[SplitName, ...] = ("train", "validation", "test")
"""Names of the splits in the order of the split numbers."""

SPLIT_ADJECTIVES = ("training", "validation", "test")
"""Words for the splits in messages."""

TRAINING, VALIDATION, TEST = range(3)

_UNUSED = -1
"""Split number of examples that a fold by time leaves out, because they are later than its validation examples."""

_BLOCK_VALUES = 1_000_000
"""Approximate number of values in a block of inputs. A block of float32 then fits into the cache of a core."""


@dataclass(frozen=True)
class AllExamples:
    """Examples of all splits, numbered from 0: those that are split, then those of a separate test set."""

    examples: Examples
    """Examples outside a separate test set, as `load_examples` returns them."""

    test_set: Examples | None
    """Examples of a separate test set; `None` if the test examples are split off or do not exist."""

    split: Split

    def __len__(self) -> int:
        return len(self.examples) + (len(self.test_set) if self.test_set is not None else 0)

    @cached_property
    def split_numbers(self) -> NDArray[np.int8]:
        """Split of each example as an index of `SPLIT_NAMES`, int8 of shape (n,); negative without a split."""
        numbers = np.full(len(self), _UNUSED, np.int8)
        numbers[len(self.examples) :] = TEST
        numbers[self.split.test] = TEST
        numbers[self.split.train] = TRAINING
        numbers[self.split.validation] = VALIDATION
        # The reporting half is a part of the validation set.
        numbers[self.split.reporting] = VALIDATION
        return numbers

    @cached_property
    def targets(self) -> NDArray[Any]:
        """Targets of all examples, of shape (n,) or (n, targets)."""
        return np.concatenate([part.targets for part in self._parts])

    @property
    def _parts(self) -> tuple[Examples, ...]:
        """Examples that are split, and the separate test set if it exists."""
        return (self.examples,) if self.test_set is None else (self.examples, self.test_set)

    @property
    def _type(self) -> np.dtype[Any]:
        """Common type of all inputs."""
        return np.result_type(*(part.inputs.dtype for part in self._parts))

    def get_rows(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return inputs as rows of shape (n, values), by the numbers of the examples."""
        rows = np.empty((len(numbers), math.prod(self.examples.inputs.shape[1:])), self._type)
        start = 0
        for part in self._parts:
            is_inside = (numbers >= start) & (numbers < start + len(part))
            if is_inside.any():
                rows[is_inside] = part.inputs[numbers[is_inside] - start].reshape(int(is_inside.sum()), -1)
            start += len(part)
        return rows

    def list_numbers(self, split_number: int) -> NDArray[np.int64]:
        """Return the numbers of the examples of a split, in ascending order."""
        return np.flatnonzero(self.split_numbers == split_number)

    def iter_blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield all inputs in blocks of rows, with the number of the first example of each block."""
        size = max(1, _BLOCK_VALUES // max(1, math.prod(self.examples.inputs.shape[1:])))
        offset = 0
        for part in self._parts:
            for start in range(0, len(part), size):
                block = part.inputs[start : start + size]
                yield offset + start, block.reshape(len(block), -1).astype(self._type, copy=False)
            offset += len(part)

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """Hash of the input of each example, uint64 of shape (n,)."""
        return np.concatenate([hash_rows(block) for _, block in self.iter_blocks()])
