"""Exceptions that end a training before its last epoch, and stop requests."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Diverged(Exception):
    """Exception for a loss or a weight that is not finite. The text names the value and the epoch."""


class Interrupted(Exception):
    """Exception that ends a training after a stop request. The text is the reason of the request.

    The last checkpoint holds the state of the training.
    """


class StopRequest(Protocol):
    """Object that says whether a training shall stop.

    A call of the object returns the reason to stop, or an empty text if the training shall continue.
    """

    def __call__(self) -> str: ...

    def allow_graceful_stop(self) -> AbstractContextManager[None]:
        """Return a context in which a stop request does not end the process.

        Within the context, the training must poll this object often, and stop by itself.
        """
        ...


GetStopReason = Callable[[], str]
"""Function that is polled after every call of the engine. It returns the reason to stop, or an empty text."""

SIGNAL_REASON = "stopped by a signal"


def never_stop() -> str:
    """Return an empty text, so that the training runs to its end."""
    return ""
