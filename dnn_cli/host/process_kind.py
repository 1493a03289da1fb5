"""Kind of this process: a command or worker of `dnn`, or a program of a user that imports `dnn_cli`."""

_is_own_process = False


def mark_own_process() -> None:
    """Declare that this process is a command or a worker of `dnn`, and that no other program uses its modules."""
    global _is_own_process
    _is_own_process = True


def is_own_process() -> bool:
    """Return whether this process is a command or a worker of `dnn`."""
    return _is_own_process
