"""Assignment of cores to worker processes.

TensorFlow starts one thread for each core, and the number of threads determines the last bits of results. Therefore,
several workers together have more threads than there are cores. If all threads of a worker run on one core, they share
its caches, and wake each other without an interrupt of another core.
"""

import os
from collections.abc import Mapping

from dnn_cli.host.scheduling import set_process_cores


class CoreAssignment:
    """Cores of the worker processes of a machine without a GPU.

    If the number of training processes is a multiple of the number of cores, each process has one core, and all cores
    have equally many processes. Otherwise, every process uses all cores.
    """

    def __init__(self) -> None:
        self._cores = sorted(os.sched_getaffinity(0))
        self._cores_by_pid: dict[int, list[int]] = {}
        """Cores of each process whose cores have been set."""

    def update(self, processes: Mapping[int | None, bool]) -> None:
        """Set the cores of the processes that train now, where they differ from those of an earlier call.

        Args:
            processes: Whether a process has completed an epoch of its network, by the id of the process; the id is
                `None` before the start. After the epoch, TensorFlow has started its threads and compiled programs. Only
                then a process can have one core, because both depend on the number of cores.
        """
        is_balanced = len(processes) % len(self._cores) == 0
        for index, (pid, has_trained) in enumerate(processes.items()):
            cores = [self._cores[index % len(self._cores)]] if is_balanced and has_trained else self._cores
            if pid is not None and self._cores_by_pid.get(pid, self._cores) != cores:
                set_process_cores(pid, cores)
                self._cores_by_pid[pid] = cores
