"""The start of TensorFlow: its import in a background thread, and its number of threads."""

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from dnn_cli.host.directories import redirect_libraries
from dnn_cli.host.resources import count_available_cores, count_schedulable_cores
from dnn_cli.training.xla_cache import set_up_working_directory

INTRA_OP_VARIABLE, INTER_OP_VARIABLE = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
"""Environment variables for the numbers of threads within and between operations; TensorFlow reads both late."""


def limit_threads() -> None:
    """Let TensorFlow start no more threads than there are cores for it, unless the user has set their number."""
    cores = count_available_cores()
    if cores < count_schedulable_cores():
        os.environ.setdefault(INTRA_OP_VARIABLE, str(cores))
        os.environ.setdefault(INTER_OP_VARIABLE, str(cores))


def restore_thread_count(number: int | None) -> None:
    """Let TensorFlow compute with as many threads as a training had before, unless the user has set their number.

    Where TensorFlow has computed in this process already, the number stays as it is.
    """
    if number is not None and not get_thread_count.cache_info().currsize:
        os.environ.setdefault(INTRA_OP_VARIABLE, str(number))


@cache
def get_thread_count() -> int:
    """Return the number of threads within an operation; to be called once TensorFlow is about to compute."""
    configured = os.environ.get(INTRA_OP_VARIABLE, "")
    return int(configured) if configured.isdecimal() and int(configured) > 0 else count_schedulable_cores()


_THREAD_NAME_PREFIX = "tensorflow"
"""How the name of the thread begins."""


@contextmanager
def import_tensorflow_in_background() -> Iterator[Callable[[], None]]:
    """Import TensorFlow and Keras in a thread of its own; call what is yielded to wait until they are there.

    Does not end before the import, as what it writes belongs where output goes now; unless the user wants to leave.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix=_THREAD_NAME_PREFIX)
    wait_for_import = True
    import_future = executor.submit(import_tensorflow)
    try:
        yield import_future.result
    except KeyboardInterrupt:
        wait_for_import = import_future.done()
        raise
    finally:
        executor.shutdown(wait=wait_for_import)


def is_importing_tensorflow() -> bool:
    """Whether the import goes on, which nothing but the end of the process can stop."""
    return any(thread.name.startswith(_THREAD_NAME_PREFIX) for thread in threading.enumerate())


def import_tensorflow() -> None:
    """Import what a training needs, out of sight of the garbage collector.

    It would find nothing, and take a tenth of the time now, and as much again for every later look at all of it.
    """
    redirect_libraries()  # Keras reads KERAS_HOME when it is imported
    limit_threads()  # TensorFlow reads their number when it first computes
    set_up_working_directory()  # of which TensorFlow reads before it compiles
    if "dnn_cli.training.train" in sys.modules:
        return  # and what is frozen by now may be garbage later
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        import dnn_cli.training.train  # noqa: F401

        gc.freeze()
    finally:
        if was_collecting:
            gc.enable()
