"""TensorFlow's own words, which it writes past Python, go to a file instead of the screen."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def divert_output(log: Path) -> Iterator[None]:
    """Send all that anything writes to standard output and error, Python or not, to the end of a file.

    Whoever wants to reach the screen meanwhile needs a duplicate of the descriptors made before.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        for descriptor in kept:
            os.dup2(target, descriptor)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(target)
