"""The start of TensorFlow: its import in a background thread, and its number of threads."""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from dnn_cli.host.cuda_libraries import load_solver_library
from dnn_cli.host.directories import redirect_libraries
from dnn_cli.host.gpus import list_visible_gpus
from dnn_cli.host.resources import count_available_cores, count_schedulable_cores
from dnn_cli.training.unused_modules import import_unused_modules_lazily
from dnn_cli.training.xla_cache import set_up_working_directory

_logger = logging.getLogger(__name__)

INTRA_OP_VARIABLE, INTER_OP_VARIABLE = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
"""Environment variables for the numbers of threads within and between operations. TensorFlow reads both when it first
computes."""


def limit_threads() -> None:
    """Limit the threads of TensorFlow to the number of available cores, unless the user has set their number."""
    cores = count_available_cores()
    if cores < count_schedulable_cores():
        os.environ.setdefault(INTRA_OP_VARIABLE, str(cores))
        os.environ.setdefault(INTER_OP_VARIABLE, str(cores))


def restore_thread_count(number: int | None) -> None:
    """Set the number of TensorFlow's threads to that of an earlier training, unless the user has set the number.

    A resumed training needs the same number for the same results to the last bit. The number stays unchanged if
    `number` is `None`, or if TensorFlow has already computed in this process.
    """
    if number is not None and not get_thread_count.cache_info().currsize:
        os.environ.setdefault(INTRA_OP_VARIABLE, str(number))


@cache
def get_thread_count() -> int:
    """Return the number of threads that TensorFlow uses within an operation.

    The result of the first call is cached. The number can change until TensorFlow computes for the first time. The
    first call must therefore come just before TensorFlow computes.
    """
    configured = os.environ.get(INTRA_OP_VARIABLE, "")
    return int(configured) if configured.isdecimal() and int(configured) > 0 else count_schedulable_cores()


_THREAD_NAME_PREFIX = "tensorflow"
"""Prefix of the name of the thread that imports TensorFlow."""


@contextmanager
def import_tensorflow_in_background() -> Iterator[Callable[[], None]]:
    """Import TensorFlow and Keras in a background thread, and yield a function that waits for the import.

    The block ends after the import, so that a redirection of output around the block covers the whole import. After a
    `KeyboardInterrupt`, the block ends at once.
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
    """Return whether a thread is importing TensorFlow. Only the end of the process can stop this import."""
    return any(thread.name.startswith(_THREAD_NAME_PREFIX) for thread in threading.enumerate())


def import_tensorflow() -> None:
    """Prepare the environment variables of TensorFlow, and import the modules that a training needs."""
    # Keras reads KERAS_HOME when it is imported.
    redirect_libraries()
    # TensorFlow reads the number of threads when it first computes.
    limit_threads()
    # TensorFlow reads the path of this directory before it compiles.
    set_up_working_directory()
    # TensorFlow loads CUDA's libraries when it first looks for GPUs.
    if list_visible_gpus():
        load_solver_library()
    import_training_modules()


def import_training_modules() -> None:
    """Import the modules that a training needs, without garbage collection.

    Garbage collections during the import would take a tenth of the import time, and find nothing to delete. After the
    import, every full collection would check all imported objects again, which is slow. Therefore `gc.freeze` exempts
    these objects from collections. In a process of `dnn`, modules that no training uses are lazy.
    """
    if "dnn_cli.training.train" in sys.modules:
        # Freezing now would also freeze objects that may be garbage later.
        return
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        start_time = time.monotonic()
        with import_unused_modules_lazily():
            import dnn_cli.training.train  # noqa: F401
        _logger.info("TensorFlow imported, %.2f s", time.monotonic() - start_time)
        gc.freeze()
    finally:
        if was_collecting:
            gc.enable()
