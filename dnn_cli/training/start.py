"""The start of TensorFlow: it takes seconds, in which something else can be done."""

import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from dnn_cli.training.programs import working_directory


@contextmanager
def starting_tensorflow() -> Iterator[Callable[[], None]]:
    """Import TensorFlow and Keras in a thread of its own; call what is yielded to wait until they are there.

    Does not end before the import: what it writes belongs where output goes now.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="tensorflow") as executor:
        yield executor.submit(import_tensorflow).result


def import_tensorflow() -> None:
    """Import what a training needs, out of sight of the garbage collector.

    It would find nothing, and take a tenth of the time now, and as much again for every later look at all of it.
    """
    working_directory()  # of which TensorFlow reads before it compiles
    if "dnn_cli.training.train" in sys.modules:
        return  # and what is frozen by now may be garbage later
    collecting = gc.isenabled()
    gc.disable()
    try:
        import dnn_cli.training.train  # noqa: F401

        gc.freeze()
    finally:
        if collecting:
            gc.enable()
