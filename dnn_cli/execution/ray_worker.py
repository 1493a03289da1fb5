"""Training of tasks on a node of a Ray cluster, and the broker that passes on their events."""

import os
import pickle
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
from dnn_cli.execution.messages import Event, ProgressEvent, RunCreated, Task, TaskResult
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.worker import run_task
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_archive import RunArchive, pack_run, unpack_run

_SEND_INTERVAL = 0.2
"""Seconds between two messages to the broker."""

_LAST_MESSAGE_TIMEOUT = 2.0
"""Seconds that a training waits at its end for the arrival of its last message."""

_CLEANUP_SCRIPT = """\
exec 3<&0
( read -r _ <&3; for _ in 1 2 3 4 5; do rm -rf "$1" && break; sleep 1; done ) >/dev/null 2>&1 &
"""
"""Waits until its standard input is closed, and removes a directory."""


class RemoteResult(NamedTuple):
    """The result of a task: the archive of its run, and the reason why it did not complete, where no record has it."""

    archive: RunArchive
    reason: str | None
    was_started: bool = True


class EventBroker:
    """Ray actor on the machine of the driver that keeps events until they are fetched, and stop requests."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.started_tasks: set[int] = set()
        self.stop_reasons: dict[int | None, str] = {}

    def start_task(self, number: int) -> str:
        """Record the start of a task, and return its stop reason, or an empty text."""
        self.started_tasks.add(number)
        return self.add_events(number, [])

    def add_events(self, number: int, events: list[Event]) -> str:
        """Add events of a task, and return its stop reason, or an empty text."""
        self.events += events
        return self.stop_reasons.get(number) or self.stop_reasons.get(None, "")

    def fetch_events(self) -> list[Event]:
        """Return the events since the last call."""
        events, self.events = self.events, []
        return events

    def request_stop(self, reason: str, number: int | None) -> set[int]:
        """Record a stop request for one task or for all, and return the numbers of the started tasks."""
        self.stop_reasons.setdefault(number, reason)
        return self.started_tasks


class _BrokerClient:
    """Connection of a task to the broker, for which the training never waits.

    It uses futures, because Ray gives away the core of a task that waits for Ray.
    """

    def __init__(self, broker: Any, task_number: int) -> None:
        self.broker = broker
        self.task_number = task_number
        self.pending_events: list[Event] = []
        self.pending_reply: Any = None
        self.stop_reason = ""
        self.last_sent = 0.0

    def send_event(self, event: Event) -> None:
        """Send an event, unless it holds a path, which is of no use on another machine."""
        if isinstance(event, RunCreated | TaskResult):
            return
        if isinstance(event, ProgressEvent):
            self.pending_events = [other for other in self.pending_events if not isinstance(other, ProgressEvent)]
        self.pending_events.append(event)
        self.poll_stop_reason()

    def poll_stop_reason(self) -> str:
        """Return the stop reason, or an empty text, and send pending events from time to time."""
        with suppress(RayError):  # the driver is gone, or soon will be; then Ray ends this process
            if self.pending_reply is not None and self.pending_reply.done():
                reply, self.pending_reply = self.pending_reply, None
                self.stop_reason = self.stop_reason or reply.result()
            if self.pending_reply is None and time.monotonic() - self.last_sent >= _SEND_INTERVAL:
                self.send_pending()
        return self.stop_reason

    def send_pending(self) -> None:
        """Send the pending events."""
        self.last_sent, events, self.pending_events = time.monotonic(), self.pending_events, []
        self.pending_reply = self.broker.add_events.remote(self.task_number, events).future()

    def close(self) -> None:
        """Send the pending events and wait for their arrival, before the result of the task is sent."""
        with suppress(RayError, futures.TimeoutError):
            self.send_pending()
            self.pending_reply.result(_LAST_MESSAGE_TIMEOUT)


def train_task(
    driver_version: str, pickled_task: bytes, archive: RunArchive | None, examples: Any, broker: Any
) -> RemoteResult:
    """Train a task of a driver on this node.

    Args:
        driver_version: The version of the driver, which must be that of this node.
        pickled_task: The task; only the same version can read it.
        archive: The archive of the run to resume, if there is one.
        examples: Its examples and their split.
        broker: The actor that receives events.
    """
    if driver_version != dnn_cli.__version__:
        return RemoteResult({}, f"its node has dnn {dnn_cli.__version__}, and this is dnn {driver_version}")
    task: Task = pickle.loads(pickled_task)  # noqa: S301 - the sender of tasks may run any code here
    with suppress(RayError, futures.TimeoutError):
        if reason := broker.start_task.remote(task.number).future().result(_LAST_MESSAGE_TIMEOUT):
            return RemoteResult({}, reason, was_started=False)
    cache = _get_process_cache()
    os.environ.pop("OMP_NUM_THREADS", None)  # which Ray sets, and `dnn train` does not
    cache.set_examples(task.loaded.experiment.data, *examples)
    with tempfile.TemporaryDirectory() as directory:
        local_task = replace(task, runs_dir=Path(directory))
        if archive is not None and task.run_directory is not None:
            local_task = replace(local_task, run_directory=Path(directory) / task.run_directory.name)
            Path(directory, task.run_directory.name).mkdir()
            unpack_run(archive, Run(Path(directory) / task.run_directory.name))
        client = _BrokerClient(broker, task.number)
        result = run_task(local_task, cache, client.send_event, client.poll_stop_reason)
        client.close()
        return RemoteResult(pack_run(Run(result.run_directory)) if result.run_directory else {}, result.reason)


@cache
def _get_process_cache() -> ProcessCache:
    """Return the cache of this process, created for its first task."""
    from dnn_cli.training.device import disable_thread_spinning

    tempfile.tempdir = str(create_self_deleting_directory("dnn-node-", tempfile.gettempdir())[0])
    disable_thread_spinning()
    return ProcessCache()


def create_self_deleting_directory(prefix: str, parent: str) -> tuple[Path, Callable[[], None]]:
    """Create a directory that is removed soon after this process ends, and a function that removes it earlier.

    Ray kills processes that it no longer needs, so that they cannot remove their files themselves.
    """
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    cleaner = subprocess.Popen(
        ["/bin/sh", "-c", _CLEANUP_SCRIPT, "sh", directory], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    cleaner.wait()  # its own child is what stays
    assert cleaner.stdin is not None  # noqa: S101 - asked for
    _OPEN_PIPES.append(cleaner.stdin)
    return directory, cleaner.stdin.close


_OPEN_PIPES: list[Any] = []
"""Pipes that are closed when this process ends."""
