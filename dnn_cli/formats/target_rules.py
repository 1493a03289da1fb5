"""Rule that distinguishes class numbers from measurements among whole numbers. Tables and arrays share this rule."""

MAX_OBVIOUS_CLASSES = 20
"""Targets with at most this number of distinct whole numbers are classes, not measurements such as prices.

In a table with at most this number of examples, every example may also have a different class."""


def are_measurements(count: int, lowest: int, highest: int) -> bool:
    """Return whether distinct whole numbers are measurements such as prices, ages or years, not class numbers.

    Many numbers are class numbers only if they run from 0 or 1 without gaps.

    Args:
        count: The number of distinct whole numbers.
        lowest: The lowest of them.
        highest: The highest of them.
    """
    return count > MAX_OBVIOUS_CLASSES and (lowest not in (0, 1) or highest - lowest >= count)
