"""Settings of the scheduler of Linux: the cores of a process, and the policy of its threads."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def use_batch_policy() -> None:
    """Let the threads of this process run on when they wake other threads. Later threads inherit this policy.

    With Linux's default policy, a woken thread can take the core at once. Two threads that share a core and work
    together would then alternate thousands of times in a second. Another policy that the user has chosen stays.
    """
    # A sandbox can forbid the change. Trainings then merely take longer.
    with suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def set_process_cores(pid: int, cores: Collection[int]) -> None:
    """Let all threads of a process run on some cores only. Its later threads inherit these cores.

    Args:
        pid: The id of the process. A process that has ended is ignored.
        cores: The numbers of the cores.
    """
    # Threads can end meanwhile, and cores can be taken from this container.
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                os.sched_setaffinity(int(thread.name), cores)
