"""Ways in which a training ends before its last epoch, and requests to end it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Diverged(Exception):
    """A loss or a weight is not finite. The text says which one and when."""


class Interrupted(Exception):
    """A stop request ended the training. The text is the reason; the last checkpoint holds what was trained."""


class StopRequest(Protocol):
    """Object that says whether a training shall stop. A call returns the reason, or an empty text."""

    def __call__(self) -> str: ...

    def allow_graceful_stop(self) -> AbstractContextManager[None]:
        """Promise, for the duration of the block, that the training asks often and stops by itself."""
        ...


GetStopReason = Callable[[], str]
"""Function that is polled after every call of the engine. It returns the reason to stop, or an empty text."""

SIGNAL_REASON = "stopped by a signal"


def never_stop() -> str:
    """Return no reason to stop."""
    return ""
