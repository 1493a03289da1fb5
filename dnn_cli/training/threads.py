"""How many threads TensorFlow computes with.

TensorFlow starts a thread for each core of the affinity mask and knows no quota of a control group. The number of
threads decides how a product of matrices is divided, and so the last digits of its sums.
"""

import os
from functools import cache

from dnn_cli.host.limits import available_cores, schedulable_cores

INTRA, INTER = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
"""Environment variables for the numbers of threads within and between operations; TensorFlow reads both late."""


def limit_threads() -> None:
    """Let TensorFlow start no more threads than there are cores for it, unless the user has set their number."""
    cores = available_cores()
    if cores < schedulable_cores():
        os.environ.setdefault(INTRA, str(cores))
        os.environ.setdefault(INTER, str(cores))


def keep_threads(number: int | None) -> None:
    """Let TensorFlow compute with as many threads as a training had before, unless the user has set their number.

    Where TensorFlow has computed in this process already, the number stays as it is.
    """
    if number is not None and not threads.cache_info().currsize:
        os.environ.setdefault(INTRA, str(number))


@cache
def threads() -> int:
    """Return the number of threads within an operation; to be called once TensorFlow is about to compute."""
    given = os.environ.get(INTRA, "")
    return int(given) if given.isdecimal() and int(given) > 0 else schedulable_cores()
