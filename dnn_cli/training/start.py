"""The start of TensorFlow: it takes seconds, in which something else can be done."""

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from dnn_cli.host.folders import redirect_libraries
from dnn_cli.training.programs import working_directory
from dnn_cli.training.threads import limit_threads

THREAD = "tensorflow"
"""How the name of the thread begins."""


@contextmanager
def starting_tensorflow() -> Iterator[Callable[[], None]]:
    """Import TensorFlow and Keras in a thread of its own; call what is yielded to wait until they are there.

    Does not end before the import, as what it writes belongs where output goes now; unless the user wants to leave.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix=THREAD)
    waits = True
    started = executor.submit(import_tensorflow)
    try:
        yield started.result
    except KeyboardInterrupt:
        waits = started.done()
        raise
    finally:
        executor.shutdown(wait=waits)


def is_starting() -> bool:
    """Whether the import goes on, which nothing but the end of the process can stop."""
    return any(thread.name.startswith(THREAD) for thread in threading.enumerate())


def import_tensorflow() -> None:
    """Import what a training needs, out of sight of the garbage collector.

    It would find nothing, and take a tenth of the time now, and as much again for every later look at all of it.
    """
    redirect_libraries()  # Keras reads KERAS_HOME when it is imported
    limit_threads()  # TensorFlow reads their number when it first computes
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
