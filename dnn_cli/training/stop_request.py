"""How a training may end before its last epoch."""

from collections.abc import Callable


class Diverged(Exception):
    """What is trained is no longer made of finite numbers; the text says what and when."""


class Interrupted(Exception):
    """Somebody wanted the training to end, and the text says why; what was trained is in the last checkpoint."""


GetStopReason = Callable[[], str]
"""Why somebody wants the training to end, empty as long as nobody does; asked after every call of the engine."""

SIGNAL_REASON = "stopped by a signal"


def never_stop() -> str:
    """Nobody does."""
    return ""
