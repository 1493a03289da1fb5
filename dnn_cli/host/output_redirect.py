"""TensorFlow's own words, which it writes past Python, go to a file instead of the screen."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def redirect_output() -> Iterator[Callable[[Path], None]]:
    """Send all that anything writes to standard output and error, Python or not, to the end of a file.

    The file may come later: what is yielded takes its path. What was written until then is put there first, and
    is lost where no path ever comes.
    Whoever wants to reach the screen meanwhile needs a duplicate of the descriptors made before.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved_descriptors = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    with tempfile.TemporaryFile() as early_output:

        def redirect_to_file(log: Path) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            with log.open("ab") as stream:
                early_output.seek(0)
                shutil.copyfileobj(early_output, stream)
                stream.flush()
                redirect_descriptors(stream.fileno())

        def redirect_descriptors(target: int) -> None:
            for descriptor in saved_descriptors:
                os.dup2(target, descriptor)

        redirect_descriptors(early_output.fileno())
        try:
            yield redirect_to_file
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in saved_descriptors.items():
                os.dup2(copy, descriptor)
                os.close(copy)
