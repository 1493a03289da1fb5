"""Redirection of the standard streams of this process to files, also for native libraries."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def redirect_output(*, hold_early: bool = True) -> Iterator[Callable[[Path], None]]:
    """Redirect standard output and error of the process, including native libraries, to the end of a file.

    The context manager yields a function that takes the path of the file. The block calls this function to choose the
    file. Code that writes to the screen in the block needs duplicates of the file descriptors, made before the block.

    Args:
        hold_early: Whether output before the call is stored, and then written to the file. Without a call, this output
            is lost. Otherwise, output before the call goes where it went before the block.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with _restore_descriptors(1, 2), tempfile.TemporaryFile() as early_output:

        def redirect_to_file(log: Path) -> None:
            sys.stdout.flush()
            sys.stderr.flush()
            with log.open("ab") as stream:
                early_output.seek(0)
                shutil.copyfileobj(early_output, stream)
                stream.flush()
                redirect_descriptors(stream.fileno())

        def redirect_descriptors(target: int) -> None:
            for descriptor in (1, 2):
                os.dup2(target, descriptor)

        if hold_early:
            redirect_descriptors(early_output.fileno())
        try:
            yield redirect_to_file
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


@contextmanager
def _restore_descriptors(*descriptors: int) -> Iterator[None]:
    """Restore the files of some descriptors of this process after the block."""
    copies = [os.dup(descriptor) for descriptor in descriptors]
    try:
        yield
    finally:
        for descriptor, copy in zip(descriptors, copies, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)


def redirect_stdio(output: Path | None) -> None:
    """Redirect standard output and error of this process to the end of a file, and standard input to the null device.

    Without a file, or if the file cannot be opened, output goes to the null device.
    """
    null_descriptor = os.open(os.devnull, os.O_RDWR)
    output_descriptor = null_descriptor
    if output is not None:
        with suppress(OSError):
            output_descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    for descriptor, target in ((0, null_descriptor), (1, output_descriptor), (2, output_descriptor)):
        os.dup2(target, descriptor)
    for descriptor in {null_descriptor, output_descriptor}:
        os.close(descriptor)


@contextmanager
def divert_stdio(output: Path | None = None) -> Iterator[None]:
    """Redirect the standard streams as `redirect_stdio` does, and restore them after the block.

    Processes that start in the block keep the redirection.
    """
    with _restore_descriptors(0, 1, 2):
        redirect_stdio(output)
        yield
