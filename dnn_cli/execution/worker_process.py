"""Process of a worker, which is forked from the fork server.

The fork server imports TensorFlow once, and all workers share this memory. The first fork waits seconds for the import.
Therefore a thread waits for the fork, and stop requests and the display need not wait.
"""

import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from dnn_cli.host.output_redirect import divert_stdio

_FORKSERVER = multiprocessing.get_context("forkserver")
_MAIN_MODULE_LOCK = threading.Lock()
_logger = logging.getLogger(__name__)


class WorkerProcess:
    """Process that runs a function whose first argument is one end of a pipe. The process starts in the background.

    Attributes:
        connection: The end of the pipe in this process. A message that is sent before the process has started arrives
            later.

    Args:
        target: The function to run in the process.
        arguments: The arguments of the function after the connection.
        options: The keyword arguments of the function.
        server_log: The file that gets the output of the fork server, if this process starts the fork server.
    """

    def __init__(
        self,
        target: Callable[..., None],
        arguments: Sequence[Any],
        options: Mapping[str, Any],
        server_log: Path | None = None,
    ) -> None:
        self.connection, worker_connection = _FORKSERVER.Pipe()
        self._process = _FORKSERVER.Process(
            target=target, args=(worker_connection, *arguments), kwargs=options, daemon=True
        )
        self._is_killed = False
        _start_fork_server(server_log)
        self._starter = threading.Thread(target=self._start, args=(worker_connection,), daemon=True)
        self._starter.start()

    def _start(self, worker_connection: Connection) -> None:
        """Start the process, and close the worker's end of the pipe in this process."""
        start_time = time.monotonic()
        # The fork server has ended, for example because memory ran out. `is_alive` detects this.
        with suppress(OSError, EOFError), _hide_main_module():
            self._process.start()
            _logger.info("worker process %s started after %.2f s", self.pid, time.monotonic() - start_time)
        worker_connection.close()
        if self._is_killed:
            self.kill()

    @property
    def pid(self) -> int | None:
        """Id of the process; `None` before the process has started."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """Exit code of the process; `None` for a running process, and for a process that did not start."""
        return self._process.exitcode

    @property
    def event_sources(self) -> list[Connection | int]:
        """Objects for `multiprocessing.connection.wait`, which become ready when the process sends events or ends."""
        has_started = not self._starter.is_alive() and self.pid is not None
        return [self.connection, self._process.sentinel] if has_started else [self.connection]

    def is_alive(self) -> bool:
        """Return whether the process runs or starts."""
        return (self._starter.is_alive() and not self._is_killed) or self._process.is_alive()

    def kill(self) -> None:
        """Kill the process. A process that has not started yet is killed at its start."""
        self._is_killed = True
        if self.pid is not None:
            self._process.kill()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for the end of the process. Do not wait for a process that has not started."""
        if self.pid is not None:
            self._process.join(seconds)


@contextmanager
def _hide_main_module() -> Iterator[None]:
    """Replace the module `__main__` while a process starts.

    The process would import the module of this name. A user's script that calls `dnn_cli.sweep` would then run again in
    every worker.
    """
    with _MAIN_MODULE_LOCK:
        main_module = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main_module


def _start_fork_server(log: Path | None) -> None:
    """Start the fork server unless it runs, without waiting for its imports. Its output goes to a log."""
    _FORKSERVER.set_forkserver_preload(["dnn_cli.execution.forkserver_preload"])
    with divert_stdio(log):
        forkserver.ensure_running()
