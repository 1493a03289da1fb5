"""Whole numbers in an array of targets, which can be classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import MAX_CLASSES

REGRESSION_HINT = "use task: regression to predict numbers"


def are_whole(numbers: NDArray[Any]) -> bool:
    """Return whether all numbers are whole and finite."""
    return numbers.dtype.kind != "f" or bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all())


def check_whole(array_name: str, numbers: NDArray[Any]) -> None:
    """Raise an error if a number is not whole, so that it cannot be a class."""
    # The comparison is false for nan.
    if numbers.dtype.kind == "f" and not (numbers == np.floor(numbers)).all():
        first = int(np.argmin(numbers == np.floor(numbers)))
        raise UserDataError(
            f"{array_name}[{first}] is {numbers[first]}, not a whole number, so it cannot be a class", REGRESSION_HINT
        )
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        first = int(np.argmin(np.isfinite(numbers)))
        raise UserDataError(f"{array_name}[{first}] is {numbers[first]}, which cannot be a class", REGRESSION_HINT)


def number_distinct_values(numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the distinct whole numbers in ascending order, and the position of each number in them."""
    low, high = numbers.min(), numbers.max()
    # Counting is much faster than sorting.
    if low >= 0 and high < MAX_CLASSES:
        whole_numbers = numbers.astype(np.int64)
        is_present = np.bincount(whole_numbers) > 0
        positions = (np.cumsum(is_present) - 1).astype(np.int32)
        return np.flatnonzero(is_present), positions[whole_numbers]
    distinct, indices = np.unique(numbers, return_inverse=True)
    return distinct, indices.reshape(-1).astype(np.int32)
