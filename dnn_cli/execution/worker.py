"""Worker process, which trains one task after another and sends events."""

import faulthandler
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import DnnError, UsageError
from dnn_cli.execution.fitting import Training, complete_trainings
from dnn_cli.execution.messages import (
    EpochDone,
    Event,
    ProgressEvent,
    RunCreated,
    StageEvent,
    Task,
    TaskGroup,
    TaskResult,
    TaskReturned,
)
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.reporters import Reporter, TextReporter
from dnn_cli.execution.resume_training import start_resumption
from dnn_cli.execution.run_training import start_new_run
from dnn_cli.host.output_redirect import redirect_stdio
from dnn_cli.host.process_log import add_log_file
from dnn_cli.host.scheduling import use_batch_policy
from dnn_cli.host.stack_dump import enable_stack_dump
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training.determinism import DeterminismConflict
from dnn_cli.training.stop_request import SIGNAL_REASON

if TYPE_CHECKING:
    from dnn_cli.training.execution_plan import ExecutionPlan

_PROGRESS_INTERVAL = 0.1
"""Minimum time between two progress events, in seconds."""

_EventCallback = Callable[[Event], None]
_logger = logging.getLogger(__name__)


def start_task(
    task: Task, cache: ProcessCache, send_event: _EventCallback, get_stop_reason: Callable[[], str]
) -> "Training[TaskResult]":
    """Train a task, and return its result. An exception also becomes a result, so that the next task can start.

    The training pauses as in `start_training`.

    Args:
        task: The task.
        cache: The cache of this process for its trainings.
        send_event: The function that receives events.
        get_stop_reason: The function that returns the reason of a stop request, or an empty text.

    Raises:
        DeterminismConflict: another process must train the task. Nothing has been written.
    """
    from dnn_cli.training.stop_request import Interrupted

    _logger.info("task %d received: %s", task.number, task.run_directory or "a new run")
    reporter = _WorkerReporter(task.number, send_event, redirects_output=task.lanes == 1)
    stop_request = _PipeStopRequest(get_stop_reason)
    common: Any = {"sweeps": task.sweeps, "cache": cache, "tensorboard": task.tensorboard}
    new_run = start_new_run(task.loaded, Store(task.runs_dir), reporter, stop_request, lanes=task.lanes, **common)
    try:
        if task.run_directory is None:
            yield from new_run
        else:
            send_event(RunCreated(task.number, task.run_directory))
            run = Run(task.run_directory)
            try:
                yield from start_resumption(run, task.loaded, reporter, stop_request, force=task.force, **common)
            # The run cannot be resumed, for example because Keras has another version. The run is unchanged.
            except UsageError:
                if not task.sweeps:
                    raise
                yield from new_run
    except DeterminismConflict:
        raise
    except Interrupted as error:
        reason = str(error)
    except DnnError as error:
        reason = error.message
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:300]
        _logger.info("task %d raised an unexpected exception", task.number, exc_info=True)
    else:
        reason = ""
    _logger.info("task %d ended: %s", task.number, reason or "no error")
    directory = reporter.log_path.parent if reporter.log_path else task.run_directory
    if directory is None:
        return TaskResult(task.number, None, None, reason)
    try:
        record = Run(directory).read_raw_record()
    except DnnError as error:
        return TaskResult(task.number, directory, None, reason or error.message)
    return TaskResult(task.number, directory, record, reason or None)


class _PipeStopRequest:
    """Stop request that a worker receives from another process. A call returns the reason, or an empty text."""

    def __init__(self, get_stop_reason: Callable[[], str]) -> None:
        self.get_stop_reason = get_stop_reason

    def __call__(self) -> str:
        return self.get_stop_reason()

    def allow_graceful_stop(self) -> "nullcontext[None]":
        """Return a context without effect, because every stop of this request is graceful."""
        return nullcontext()


class _WorkerReporter(Reporter):
    """Reporter that writes the log of a run, and sends an event when the run directory is known."""

    holds_early_output = False

    def __init__(self, task_number: int, send_event: _EventCallback, *, redirects_output: bool) -> None:
        super().__init__()
        self.task_number = task_number
        self.send_event = send_event
        self.redirects_output = redirects_output

    def open_log(self, path: Path) -> None:
        if self.log_path is None:
            self.send_event(RunCreated(self.task_number, path.parent))
        super().open_log(path)

    @contextmanager
    def open_progress(self, epochs: int, batch_size: int) -> Iterator["_WorkerProgress"]:
        yield _WorkerProgress(self, epochs)


class _WorkerProgress(TextReporter):
    """Text reporter that also sends an event for every stage and epoch, and progress events during an epoch."""

    reporter: _WorkerReporter

    def __init__(self, reporter: _WorkerReporter, epochs: int) -> None:
        super().__init__(reporter, epochs)
        self.steps = 1
        self.last_sent = 0.0

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        if doing != self.stage:
            self.reporter.send_event(StageEvent(self.reporter.task_number, doing))
        super().__call__(doing, done, total)

    def on_begin(self, device: str, plan: "ExecutionPlan", steps: int) -> None:
        super().on_begin(device, plan, steps)
        self.steps = steps
        self.reporter.send_event(ProgressEvent(self.reporter.task_number, 0.0, 1, {}))

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self.last_sent >= _PROGRESS_INTERVAL:
            self.last_sent = now
            fraction = (epoch - 1 + step / self.steps) / self.epochs
            running_scores = {name: float(value) for name, value in scores.items()}
            self.reporter.send_event(ProgressEvent(self.reporter.task_number, fraction, epoch, running_scores))

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        super().on_epoch(scores)
        self.reporter.send_event(EpochDone(self.reporter.task_number, dict(scores)))


def serve_tasks(
    connection: Connection,
    directory: str,
    environment: dict[str, str],
    *,
    alone: bool,
    log_path: Path | None = None,
    log_level: int = logging.INFO,
) -> None:
    """Train the tasks that arrive on a connection, until `None` arrives or the connection is closed.

    Args:
        connection: The connection on which tasks and stop requests arrive, and events are sent.
        directory: The directory for temporary files.
        environment: The environment variables to set in this process.
        alone: Whether this is the only worker on this machine. Otherwise, idle threads sleep, and leave the cores to
            other workers, and a woken thread waits for the thread that has the core.
        log_path: The log of this worker, which exists; `None` if it could not be created.
        log_level: The level from which lines are written to the log.
    """
    # A terminal sends these signals. Its stop requests arrive on the connection.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    received_signals: list[int] = []
    # A batch system sends these signals to every process.
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda number, _: received_signals.append(number))
    tempfile.tempdir = directory
    os.environ.update(environment)
    open_worker_log(log_path, log_level)
    if not alone:
        from dnn_cli.training.device import disable_thread_spinning

        disable_thread_spinning()
        use_batch_policy()
    cache = ProcessCache()

    def send_event(event: Any) -> None:
        # After an OSError, the other process has ended. `get_stop_reason` detects this.
        with suppress(OSError):
            connection.send(event)

    try:
        while (task := connection.recv()) is not None:
            # A late stop request does not apply to the next task.
            if isinstance(task, Task | TaskGroup):
                received_signals.clear()
                stop_requests = _StopRequests(connection, received_signals)
                trainings = [
                    start_task(member, cache, send_event, partial(stop_requests.get_reason, member.number))
                    for member in task.tasks
                ]
                try:
                    complete_trainings(trainings, send_event)
                except DeterminismConflict as conflict:
                    _logger.info("task %d returned: %s", task.number, conflict.message)
                    send_event(TaskReturned(task.number))
                    break
    except (EOFError, OSError):
        pass
    _logger.info("worker ends")


def open_worker_log(path: Path | None, level: int) -> None:
    """Redirect the standard streams of this process to the log of a worker, and write log lines and stacks to it.

    Stacks of all threads are written on SIGUSR2, and after an error in native code.

    Args:
        path: The log; `None` discards output and lines.
        level: The level from which lines are written.
    """
    redirect_stdio(path)
    if path is None:
        return
    # The log may have been removed, or the disk may be unavailable. The worker trains without a log.
    with suppress(OSError):
        add_log_file(path, level)
        enable_stack_dump(path)
        faulthandler.enable(path.open("ab"))
    _logger.info("worker started")


class _StopRequests:
    """Stop requests that a worker has received for its current tasks.

    A stop request arrives on the connection, or is a signal.

    Args:
        connection: The connection to the process that sends stop requests.
        received_signals: The list to which signal handlers add the numbers of signals.
    """

    def __init__(self, connection: Connection, received_signals: Sequence[int]) -> None:
        self.connection = connection
        self.received_signals = received_signals
        self.reason = ""
        """Reason of a stop request for all tasks."""

        self.reasons_by_number: dict[int, str] = {}

    def get_reason(self, number: int) -> str:
        """Return the reason of a stop request for a task; empty without a stop request."""
        if self.received_signals:
            self.reason = self.reason or SIGNAL_REASON
        try:
            while not self.reason and self.connection.poll():
                request = self.connection.recv()
                if request.number is None:
                    self.reason = request.reason
                else:
                    self.reasons_by_number[request.number] = request.reason
        except (EOFError, OSError):
            self.reason = "the process that started the worker has ended"
        return self.reason or self.reasons_by_number.get(number, "")
