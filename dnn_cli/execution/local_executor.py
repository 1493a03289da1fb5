"""Executor that trains tasks in worker processes on this machine.

A worker trains one task after another, and the death of a worker costs only its current task. Every worker has its own
pipe and shares no lock, so a worker can be killed at any moment without blocking another.

`multiprocessing.Pool` has a shared queue, and can wait forever for a lock of a killed process. A pool also does not
know which worker has compiled which network.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from dnn_cli.errors import DnnError
from dnn_cli.execution.core_assignment import CoreAssignment
from dnn_cli.execution.messages import (
    EpochDone,
    Event,
    RunCreated,
    StopMessage,
    Task,
    TaskGroup,
    TaskResult,
    TaskReturned,
    WorkerLogOpened,
)
from dnn_cli.execution.worker import serve_tasks
from dnn_cli.execution.worker_process import WorkerProcess
from dnn_cli.host.gpus import NO_GPU, VISIBLE_GPUS_VARIABLE
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
    """Worker process with its current tasks."""

    process: WorkerProcess
    log: Path | None = None
    """Log of the worker; `None` if the log could not be created."""

    tasks: dict[int, Task] = field(default_factory=dict)
    """Tasks without a result, by their numbers. Several tasks are trained together."""

    network_digest: str | None = None
    """Network digest of the last task. The worker has compiled programs for networks with this digest."""

    has_trained: bool = False
    """Whether the worker has completed an epoch of a network with this digest."""

    run_directories: dict[int, Path | None] = field(default_factory=dict)
    """Directories of the runs, by the numbers of their tasks."""

    stop_reasons: dict[int, str] = field(default_factory=dict)
    """Reasons of the stop requests that were sent to the worker, by the numbers of their tasks."""

    stop_time: float = math.inf
    """Time of the last stop request, or of a later event, as in `time.monotonic`."""

    @property
    def unfinished_group(self) -> TaskGroup:
        """Tasks without a result."""
        return TaskGroup(tuple(self.tasks.values()))


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
        uses_gpus = any(gpu != NO_GPU for gpu in gpus)
        self.core_assignment = None if worker_count == 1 or uses_gpus else CoreAssignment()
        self.pending_events: list[Event] = []
        """Events of this executor for the next call of `wait_for_events`."""

    @property
    def busy(self) -> list[_Worker]:
        """Workers that have tasks."""
        return [worker for worker in self.workers if worker is not None and worker.tasks]

    def iter_idle_networks(self) -> Iterator[str | None]:
        """Yield the network digest of the last task of each idle worker; `None` for a worker without a task so far."""
        for worker in self.workers:
            if worker is None or not worker.tasks:
                yield worker.network_digest if worker else None

    def list_busy_networks(self) -> set[str]:
        """Return the network digests of the tasks in training."""
        return {worker.network_digest for worker in self.busy if worker.network_digest}

    def submit(self, task: Task | TaskGroup) -> None:
        """Send a task or a group to an idle worker, preferably to a worker that has compiled its network."""
        idle_indexes = [index for index, worker in enumerate(self.workers) if worker is None or not worker.tasks]

        def compute_preference(index: int) -> tuple[bool, bool]:
            worker = self.workers[index]
            return worker is None or worker.network_digest != task.network_digest, worker is None

        self.submit_to_worker(min(idle_indexes, key=compute_preference), task)

    def submit_to_worker(self, index: int, task: Task | TaskGroup) -> None:
        """Send a task or a group to the idle worker at an index of `workers`, which starts if it does not run."""
        worker = self.workers[index] or self.start_worker(index, task.runs_dir)
        worker.tasks = {member.number: member for member in task.tasks}
        worker.has_trained = worker.has_trained and worker.network_digest == task.network_digest
        worker.run_directories = {member.number: member.run_directory for member in task.tasks}
        worker.network_digest, worker.stop_reasons, worker.stop_time = task.network_digest, {}, math.inf
        _logger.info(
            "task %d sent to worker %d, process %s, with %d other tasks",
            task.number, index + 1, worker.process.pid or "starting", len(task.tasks) - 1,
        )  # fmt: skip
        if worker.log is not None:
            log = os.path.relpath(worker.log)
            self.pending_events += [WorkerLogOpened(member.number, log) for member in task.tasks]
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
        if self.core_assignment:
            self.core_assignment.update({worker.process.pid: worker.has_trained for worker in busy})
        sources = [source for worker in busy for source in worker.process.event_sources]
        ready = wait(sources, seconds) if busy else []
        for worker in busy:
            if worker.process.connection in ready or not worker.process.is_alive():
                yield from self.poll_worker(worker)
            self.kill_unresponsive_worker(worker)

    def poll_worker(self, worker: _Worker) -> Iterator[Event]:
        """Yield the events that a worker has sent. For a dead worker, also yield the results of its tasks."""
        try:
            while worker.tasks and worker.process.connection.poll():
                event: Event = worker.process.connection.recv()
                if isinstance(event, RunCreated):
                    worker.run_directories[event.number] = event.run_directory
                elif isinstance(event, EpochDone):
                    worker.has_trained = True
                elif isinstance(event, TaskReturned):
                    yield from self.replace_worker(worker)
                    return
                elif isinstance(event, TaskResult):
                    del worker.tasks[event.number]
                    if worker.stop_reasons:
                        # The worker answers, and saves the checkpoints of its other tasks.
                        worker.stop_time = time.monotonic()
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
        for task in worker.tasks.values():
            yield _build_lost_result(worker, task)

    def replace_worker(self, worker: _Worker) -> Iterator[TaskResult]:
        """Send the tasks that a worker has returned to a new worker, or yield their results after a stop request.

        The new worker starts after the end of the old worker, whose memory on a GPU the new worker needs.
        """
        index = self.workers.index(worker)
        worker.process.join(_EXIT_TIMEOUT)
        worker.process.kill()
        self.workers[index] = None
        for number in worker.tasks.keys() & worker.stop_reasons.keys():
            task, reason = worker.tasks.pop(number), worker.stop_reasons[number]
            yield TaskResult(number, task.run_directory, None, reason, was_started=False)
        if worker.tasks:
            self.submit_to_worker(index, worker.unfinished_group)

    def kill_unresponsive_worker(self, worker: _Worker) -> None:
        """Kill a worker that has not answered a stop request within `STOP_TIMEOUT`."""
        is_stopping = any(number in worker.stop_reasons for number in worker.tasks)
        if is_stopping and time.monotonic() - worker.stop_time > STOP_TIMEOUT:
            _logger.info("worker process %s does not answer the stop request and is killed", worker.process.pid)
            worker.process.kill()

    def request_stop(self, reason: str, number: int | None = None) -> None:
        """Request that the training of task `number` stops, or by default all trainings.

        Each training saves a checkpoint before its end.
        """
        for worker in self.busy:
            stopped = [other for other in worker.tasks if number in (None, other) and other not in worker.stop_reasons]
            if stopped:
                worker.stop_reasons |= dict.fromkeys(stopped, reason)
                worker.stop_time = time.monotonic()
                with suppress(OSError):
                    worker.process.connection.send(StopMessage(reason, number))

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


def _build_lost_result(worker: _Worker, task: Task) -> TaskResult:
    """Build the result of a task whose worker is dead, and save status and reason in the run record."""
    run_directory = worker.run_directories[task.number]
    if task.number in worker.stop_reasons:
        status, reason = "interrupted", worker.stop_reasons[task.number]
    elif worker.process.pid is None:
        status, reason = "failed", "its process did not start, because the process that forks workers has ended"
    else:
        status, reason = "failed", describe_exit_code(worker.process.exitcode)
    if run_directory is None:
        return TaskResult(task.number, None, None, reason)
    try:
        return TaskResult(task.number, run_directory, Run(run_directory).close_record(status, reason))
    # The record cannot be written, for example on a full disk.
    except DnnError:
        return TaskResult(task.number, run_directory, None, reason)


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
