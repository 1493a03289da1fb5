"""How a training may end before its last epoch."""

from collections.abc import Callable


class Diverged(Exception):
    """What is trained is no longer made of finite numbers; the text says what and when."""


class Interrupted(Exception):
    """Somebody wanted the training to end; what was trained is in the last checkpoint."""


Stop = Callable[[], bool]
"""Whether somebody wants the training to end; asked after every call of the engine."""


def never() -> bool:
    """Nobody does."""
    return False
