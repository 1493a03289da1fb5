"""Lists of texts in a line: the first texts, and the number of the others."""

from collections.abc import Iterable

_MAX_LISTED = 3
"""Largest number of texts that a line lists by default."""


def format_list(texts: Iterable[str], max_listed: int = _MAX_LISTED) -> str:
    """Return the first `max_listed` texts and the number of the others, such as `a, b, c and 2 more`."""
    items = list(texts)
    more = f" and {len(items) - max_listed} more" if len(items) > max_listed else ""
    return ", ".join(items[:max_listed]) + more
