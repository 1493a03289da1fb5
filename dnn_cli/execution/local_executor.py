"""Executor that trains tasks in worker processes on this machine.

A worker trains one task after another, and the death of a worker costs only its current task. Every worker has its own
pipe and shares no lock, so a worker can be killed at any moment without blocking another.

`multiprocessing.Pool` has a shared queue, and can wait forever for a lock of a killed process. A pool also does not
know which worker has compiled which network.
"""

import logging
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from dnn_cli.errors import DnnError
from dnn_cli.execution.messages import Event, RunCreated, Task, TaskResult, TaskReturned, WorkerLogOpened
from dnn_cli.execution.worker import serve_tasks
from dnn_cli.execution.worker_process import WorkerProcess
from dnn_cli.host.gpus import VISIBLE_GPUS_VARIABLE
from dnn_cli.runs.run import Run
from dnn_cli.runs.worker_logs import create_worker_log
from dnn_cli.training.determinism import get_user_flags
from dnn_cli.training.xla_cache import create_process_directory

_logger = logging.getLogger(__name__)

STOP_TIMEOUT = 3.0
"""Seconds after a stop request until a worker is killed, if its training has not answered."""

_EXIT_TIMEOUT = 2.0
"""Seconds to wait for the end of a worker process. Then the process is killed."""


@dataclass
class _Worker:
    """Worker process with its current task."""

    process: WorkerProcess
    log: Path | None = None
    """Log of the worker; `None` if the log could not be created."""

    task: Task | None = None
    network_digest: str | None = None
    """Network digest of the last task. The worker has compiled programs for networks with this digest."""

    run_directory: Path | None = None
    stop_sent: tuple[float, str] | None = None
    """Time and reason of the stop request that was sent to the worker. The time is that of `time.monotonic`, in
    seconds."""


class LocalExecutor:
    """Executor whose worker processes start when they are needed, and are replaced after their death.

    Each worker uses one of the `gpus`. Several workers share a GPU if there are more workers than GPUs.
    """

    def __init__(self, worker_count: int, gpus: Sequence[str] = ()) -> None:
        self.worker_count = worker_count
        self.gpus = gpus
        self.workers: list[_Worker | None] = [None] * worker_count
        self.directory = create_process_directory("dnn-workers-")
        self.server_log: Path | None = None
        self.pending_events: list[Event] = []
        """Events of this executor for the next call of `wait_for_events`."""

    @property
    def busy(self) -> list[_Worker]:
        """Workers that have a task."""
        return [worker for worker in self.workers if worker is not None and worker.task is not None]

    def iter_idle_networks(self) -> Iterator[str | None]:
        """Yield the network digest of the last task of each idle worker; `None` for a worker without a task so far."""
        for worker in self.workers:
            if worker is None or worker.task is None:
                yield worker.network_digest if worker else None

    def list_busy_networks(self) -> set[str]:
        """Return the network digests of the tasks in training."""
        return {worker.task.network_digest for worker in self.busy if worker.task}

    def submit(self, task: Task) -> None:
        """Send a task to an idle worker, preferably to a worker that has compiled the network of the task."""
        idle_indexes = [index for index, worker in enumerate(self.workers) if worker is None or worker.task is None]

        def compute_preference(index: int) -> tuple[bool, bool]:
            worker = self.workers[index]
            return worker is None or worker.network_digest != task.network_digest, worker is None

        self.submit_to_worker(min(idle_indexes, key=compute_preference), task)

    def submit_to_worker(self, index: int, task: Task) -> None:
        """Send a task to the idle worker at an index of `workers`, which starts if it does not run."""
        worker = self.workers[index] or self.start_worker(index, task.runs_dir)
        worker.task, worker.run_directory, worker.stop_sent, worker.network_digest = (
            task,
            task.run_directory,
            None,
            task.network_digest,
        )
        _logger.info("task %d sent to worker %d, process %s", task.number, index + 1, worker.process.pid or "starting")
        if worker.log is not None:
            self.pending_events.append(WorkerLogOpened(task.number, os.path.relpath(worker.log)))
        # `wait_for_events` finds a dead worker.
        with suppress(OSError):
            worker.process.connection.send(task)

    def start_worker(self, index: int, runs_dir: Path) -> _Worker:
        """Start a worker process, store the worker in `workers` at `index`, and return the worker.

        The logs of the worker and of the fork server are created below `runs_dir`.
        """
        if self.server_log is None:
            self.server_log = create_worker_log(runs_dir, "fork-server", f"fork server of process {os.getpid()}")
        log = create_worker_log(runs_dir, f"worker-{index + 1}", f"waiting for the fork server, log {self.server_log}")
        gpu = {VISIBLE_GPUS_VARIABLE: self.gpus[index % len(self.gpus)]} if self.gpus else {}
        environment = get_user_flags() | gpu
        options = {
            "alone": self.worker_count == 1,
            "log_path": log,
            "log_level": logging.DEBUG if _logger.isEnabledFor(logging.DEBUG) else logging.INFO,
        }
        process = WorkerProcess(serve_tasks, (self.directory.name, environment), options, self.server_log)
        _logger.info("worker %d starts, log %s", index + 1, log)
        worker = self.workers[index] = _Worker(process, log)
        return worker

    def wait_for_events(self, seconds: float) -> Iterable[Event]:
        """Wait up to `seconds` for events of workers, and yield all events that have arrived.

        A worker that does not answer a stop request in time is killed.
        """
        pending, self.pending_events = self.pending_events, []
        yield from pending
        busy = self.busy
        sources = [source for worker in busy for source in worker.process.event_sources]
        ready = wait(sources, seconds) if busy else []
        for worker in busy:
            if worker.process.connection in ready or not worker.process.is_alive():
                yield from self.poll_worker(worker)
            self.kill_unresponsive_worker(worker)

    def poll_worker(self, worker: _Worker) -> Iterator[Event]:
        """Yield the events that a worker has sent. For a dead worker, also yield the result of its task."""
        try:
            while worker.task is not None and worker.process.connection.poll():
                event: Event = worker.process.connection.recv()
                if isinstance(event, RunCreated):
                    worker.run_directory = event.run_directory
                elif isinstance(event, TaskReturned):
                    yield from self.replace_worker(worker, worker.task)
                    return
                elif isinstance(event, TaskResult):
                    worker.task = None
                yield event
        except (EOFError, OSError):
            pass
        else:
            if worker.process.is_alive():
                return
        worker.process.join(_EXIT_TIMEOUT)
        self.workers[self.workers.index(worker)] = None
        _logger.info(
            "worker process %s ended with exit code %s, log %s",
            worker.process.pid, worker.process.exitcode, worker.log,
        )  # fmt: skip
        if worker.task is not None:
            yield _build_lost_result(worker)

    def replace_worker(self, worker: _Worker, task: Task) -> Iterator[TaskResult]:
        """Send a task that a worker has returned to a new worker, or yield its result after a stop request.

        The new worker starts after the end of the old worker, whose memory on a GPU the new worker needs.
        """
        index = self.workers.index(worker)
        worker.process.join(_EXIT_TIMEOUT)
        worker.process.kill()
        worker.task = self.workers[index] = None
        if worker.stop_sent is None:
            self.submit_to_worker(index, task)
        else:
            yield TaskResult(task.number, task.run_directory, None, worker.stop_sent[1], was_started=False)

    def kill_unresponsive_worker(self, worker: _Worker) -> None:
        """Kill a worker that has not answered a stop request within `STOP_TIMEOUT`."""
        if (
            worker.task is not None
            and worker.stop_sent is not None
            and time.monotonic() - worker.stop_sent[0] > STOP_TIMEOUT
        ):
            _logger.info("worker process %s does not answer the stop request and is killed", worker.process.pid)
            worker.process.kill()

    def request_stop(self, reason: str, number: int | None = None) -> None:
        """Request that the training of task `number` stops, or by default all trainings.

        Each training saves a checkpoint before its end.
        """
        for worker in self.busy:
            if worker.stop_sent is None and (number is None or (worker.task and worker.task.number == number)):
                worker.stop_sent = time.monotonic(), reason
                with suppress(OSError):
                    worker.process.connection.send(reason)

    def kill_workers(self) -> None:
        """Kill all workers, and remove the directory for their temporary files."""
        for worker in self.workers:
            if worker is not None:
                worker.process.kill()
        self.directory.cleanup()

    def close(self) -> None:
        """End all workers. All workers must be idle."""
        workers = [worker for worker in self.workers if worker is not None]
        for worker in workers:
            with suppress(OSError):
                worker.process.connection.send(None)
            worker.process.connection.close()
        for worker in workers:
            worker.process.join(_EXIT_TIMEOUT)
        self.kill_workers()


def _build_lost_result(worker: _Worker) -> TaskResult:
    """Build the result of a task whose worker is dead, and save status and reason in the run record."""
    task = worker.task
    assert task is not None  # noqa: S101 - the caller has checked this
    if worker.stop_sent:
        status, reason = "interrupted", worker.stop_sent[1]
    elif worker.process.pid is None:
        status, reason = "failed", "its process did not start, because the process that forks workers has ended"
    else:
        status, reason = "failed", describe_exit_code(worker.process.exitcode)
    if worker.run_directory is None:
        return TaskResult(task.number, None, None, reason)
    run = Run(worker.run_directory)
    try:
        return TaskResult(task.number, worker.run_directory, run.close_record(status, reason))
    # The record cannot be written, for example on a full disk.
    except DnnError:
        return TaskResult(task.number, worker.run_directory, None, reason)


def describe_exit_code(code: int | None) -> str:
    """Return the reason why a process ended, from the `exitcode` of its `multiprocessing.Process`.

    A negative code is the number of the signal that killed the process.
    """
    if code is None or code >= 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    details = {signal.SIGKILL: ", perhaps because memory ran out", signal.SIGSEGV: ", an error in native code"}
    return f"its process was killed by {name}{details.get(-code, '')}"  # type: ignore[call-overload]
