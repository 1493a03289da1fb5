"""Redirection of all output of this process, including native libraries, from the screen to a file."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def redirect_output() -> Iterator[Callable[[Path], None]]:
    """Redirect standard output and error of the process, including native libraries, to the end of a file.

    The context manager yields a function that takes the path of the file. The block calls this function to choose the
    file. Output before the call is stored, and then written to the file. Without a call, the output is lost. Code that
    writes to the screen in the block needs duplicates of the file descriptors, made before the block.
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
