"""Who is told how far a long search or reading is."""

from typing import Protocol


class Watcher(Protocol):
    """Is told what a long search for data is doing."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        """`done` of `total` bytes or images; both 0 where nothing is counted."""


def quiet(doing: str, done: int = 0, total: int = 0) -> None:
    """A watcher that does not care."""
