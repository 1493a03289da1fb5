"""Training of tasks on a node of a Ray cluster, and the broker that forwards their events to the driver.

The driver is the process that submits tasks to the cluster.
"""

import logging
import os
import pickle
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ray.exceptions import RayError

import dnn_cli
from dnn_cli.execution.fitting import complete_training
from dnn_cli.execution.messages import Event, ProgressEvent, RunCreated, Task, TaskResult, WorkerLogOpened
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.worker import open_worker_log, start_task
from dnn_cli.host.directories import get_cache_path
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_archive import RunArchive, pack_run, unpack_run
from dnn_cli.runs.worker_logs import create_worker_log

_SEND_INTERVAL = 0.2
"""Minimum time between two messages to the broker, in seconds."""

_LAST_MESSAGE_TIMEOUT = 2.0
"""Seconds to wait for the reply to the first and to the last message of a task."""

_CLEANUP_SCRIPT = """\
exec 3<&0
( read -r _ <&3; for _ in 1 2 3 4 5; do rm -rf "$1" && break; sleep 1; done ) >/dev/null 2>&1 &
"""
"""Shell script that waits until its standard input is closed, and then removes a directory."""


class RemoteResult(NamedTuple):
    """Result of a task on a node: the run as an archive, and the reason if the task did not complete.

    The archive is empty if the task has produced no run.
    """

    archive: RunArchive
    reason: str | None
    was_started: bool = True


class EventBroker:
    """Ray actor on the driver's machine that passes events from tasks to the driver, and stop requests to tasks."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.started_tasks: set[int] = set()
        self.stop_reasons: dict[int | None, str] = {}

    def start_task(self, number: int) -> str:
        """Record the start of a task. Return the reason of a stop request for the task, or an empty text."""
        self.started_tasks.add(number)
        return self.add_events(number, [])

    def add_events(self, number: int, events: list[Event]) -> str:
        """Add events of a task. Return the reason of a stop request for the task, or an empty text."""
        self.events += events
        return self.stop_reasons.get(number) or self.stop_reasons.get(None, "")

    def fetch_events(self) -> list[Event]:
        """Return the events since the last call."""
        events, self.events = self.events, []
        return events

    def request_stop(self, reason: str, number: int | None) -> set[int]:
        """Record a stop request for the task `number`, or for all tasks if `number` is `None`.

        Return the numbers of the tasks that have started.
        """
        self.stop_reasons.setdefault(number, reason)
        return self.started_tasks


class _BrokerClient:
    """Connection of a task to the broker. The training never waits for the broker.

    Replies arrive as futures that are polled. If a task waited for a reply with `ray.get`, Ray would give the core of
    the task to another task.
    """

    def __init__(self, broker: Any, task_number: int) -> None:
        self.broker = broker
        self.task_number = task_number
        self.pending_events: list[Event] = []
        self.pending_reply: Any = None
        self.stop_reason = ""
        self.last_sent = 0.0

    def send_event(self, event: Event) -> None:
        """Add an event to the next message. A progress event replaces an earlier progress event in the message.

        Events with a path are left out: the path of a file on this node is useless on another machine.
        """
        if isinstance(event, RunCreated | TaskResult):
            return
        if isinstance(event, ProgressEvent):
            self.pending_events = [other for other in self.pending_events if not isinstance(other, ProgressEvent)]
        self.pending_events.append(event)
        self.poll_stop_reason()

    def poll_stop_reason(self) -> str:
        """Return the reason of a stop request, or an empty text.

        Also send the pending events if `_SEND_INTERVAL` has passed.
        """
        # After a RayError, the driver has ended or is ending. Then Ray ends this process.
        with suppress(RayError):
            if self.pending_reply is not None and self.pending_reply.done():
                reply, self.pending_reply = self.pending_reply, None
                self.stop_reason = self.stop_reason or reply.result()
            if self.pending_reply is None and time.monotonic() - self.last_sent >= _SEND_INTERVAL:
                self.send_pending()
        return self.stop_reason

    def send_pending(self) -> None:
        """Send the pending events, without waiting for the reply."""
        self.last_sent, events, self.pending_events = time.monotonic(), self.pending_events, []
        self.pending_reply = self.broker.add_events.remote(self.task_number, events).future()

    def close(self) -> None:
        """Send the pending events and wait for their arrival, so that they precede the result of the task."""
        with suppress(RayError, futures.TimeoutError):
            self.send_pending()
            self.pending_reply.result(_LAST_MESSAGE_TIMEOUT)


def train_task(
    driver_version: str, pickled_task: bytes, archive: RunArchive | None, examples: Any, broker: Any
) -> RemoteResult:
    """Train a task that the driver has submitted on this node, and return the result of the task.

    Args:
        driver_version: The version of dnn on the driver. With another version on this node, the task is not trained.
        pickled_task: The pickled task. Only the same version of dnn can read the task.
        archive: The archive of the run to resume; `None` for a new run.
        examples: The examples of the task and their split.
        broker: The actor that receives events.
    """
    if driver_version != dnn_cli.__version__:
        return RemoteResult({}, f"its node has dnn {dnn_cli.__version__}, but this machine has dnn {driver_version}")
    task: Task = pickle.loads(pickled_task)  # noqa: S301 - the sender of tasks may run any code on this node
    with suppress(RayError, futures.TimeoutError):
        if reason := broker.start_task.remote(task.number).future().result(_LAST_MESSAGE_TIMEOUT):
            return RemoteResult({}, reason, was_started=False)
    log = _open_process_log(task.runs_dir if task.runs_dir.is_dir() else get_cache_path())
    cache = _get_process_cache()
    # Ray sets this variable, and `dnn train` does not.
    os.environ.pop("OMP_NUM_THREADS", None)
    cache.set_examples(task.loaded.experiment.data, *examples)
    with tempfile.TemporaryDirectory() as directory:
        local_task = replace(task, runs_dir=Path(directory))
        if archive is not None and task.run_directory is not None:
            local_task = replace(local_task, run_directory=Path(directory) / task.run_directory.name)
            Path(directory, task.run_directory.name).mkdir()
            unpack_run(archive, Run(Path(directory) / task.run_directory.name))
        client = _BrokerClient(broker, task.number)
        if log is not None:
            client.send_event(WorkerLogOpened(task.number, f"{log} on {socket.gethostname()}"))
        result = complete_training(start_task(local_task, cache, client.send_event, client.poll_stop_reason))
        client.close()
        return RemoteResult(pack_run(Run(result.run_directory)) if result.run_directory else {}, result.reason)


@cache
def _open_process_log(root: Path) -> Path | None:
    """Open the log of this process below a directory, and return its path. The first task opens the log.

    Args:
        root: The runs directory of the driver if this node has it, and otherwise the cache directory of this node.
    """
    log = create_worker_log(root, f"ray-{socket.gethostname()}", "worker of Ray")
    if log is not None:
        open_worker_log(log, logging.INFO)
    return log


@cache
def _get_process_cache() -> ProcessCache:
    """Return the cache of this process. The first task creates the cache."""
    from dnn_cli.training.device import disable_thread_spinning

    tempfile.tempdir = str(create_self_deleting_directory("dnn-node-", tempfile.gettempdir())[0])
    disable_thread_spinning()
    return ProcessCache()


def create_self_deleting_directory(prefix: str, parent: str) -> tuple[Path, Callable[[], None]]:
    """Create a directory that a separate process removes soon after the end of this process.

    Ray kills processes that it no longer needs, so these processes cannot remove their own files.

    Returns:
        The path of the directory, and a function that removes the directory earlier.
    """
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    cleaner = subprocess.Popen(
        ["/bin/sh", "-c", _CLEANUP_SCRIPT, "sh", directory], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    # The shell ends at once. Its background process stays and removes the directory.
    cleaner.wait()
    assert cleaner.stdin is not None  # noqa: S101 - the call requests a pipe
    _OPEN_PIPES.append(cleaner.stdin)
    return directory, cleaner.stdin.close


_OPEN_PIPES: list[Any] = []
"""Pipes to cleanup processes. When this process ends, the pipes are closed, and the directories are removed."""
