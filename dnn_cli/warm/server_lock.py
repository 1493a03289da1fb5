"""Lock of the warm server: a server holds the lock for its whole life, so that a second server cannot start."""

import fcntl
import os

_LOCK_NAME = "server.lock"


def take_lock(directory: int) -> int | None:
    """Take the lock in an open directory, and return its descriptor; `None` if another process has the lock.

    Raises:
        OSError: the file system has no locks, or the file cannot be created.
    """
    lock = os.open(_LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return lock


def is_locked(directory: int) -> bool:
    """Return whether a server has the lock in an open directory."""
    lock = take_lock(directory)
    if lock is None:
        return True
    os.close(lock)
    return False
