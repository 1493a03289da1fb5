"""Loop that sends tasks of a search strategy to an executor, until no task is left or a stop is requested."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from dnn_cli.execution.messages import EpochDone, Event, NoEvents, Task, TaskGroup, TaskResult

_logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
"""Polling interval for stop requests, in seconds."""

SILENCE_SECONDS = 120.0
"""Seconds without an event of a task, after which the display names the task and its log."""

_SWEEP_FAILED = "another training of the sweep has failed"


class SearchStrategy(Protocol):
    """Object that proposes tasks and learns from their results."""

    def ask(self, idle_networks: Sequence[str | None], busy_networks: set[str]) -> Task | TaskGroup | None:
        """Return the next task or group of tasks, or `None` if no task can start now.

        Args:
            idle_networks: The network digest of the last task of each idle worker; `None` if the digest is unknown.
            busy_networks: The network digests of the tasks in training.
        """
        ...

    def tell(self, result: TaskResult) -> None:
        """Receive the result of a task."""
        ...

    def should_prune(self, event: EpochDone) -> str:
        """Return the reason to stop a training after an epoch, or an empty text if the training continues."""
        ...


class Executor(Protocol):
    """Object that trains tasks in other processes."""

    @property
    def busy(self) -> Sequence[object]:
        """Tasks without a result, or the workers that train them; empty if all results have arrived."""
        ...

    def iter_idle_networks(self) -> Iterator[str | None]:
        """Yield the network digest of the last task of each idle worker; `None` if the digest is unknown."""
        ...

    def list_busy_networks(self) -> set[str]:
        """Return the network digests of the tasks in training."""
        ...

    def submit(self, task: Task | TaskGroup) -> None:
        """Send a task or a group of tasks to a worker."""
        ...

    def wait_for_events(self, seconds: float) -> Iterable[Event]:
        """Wait up to `seconds` for events, and yield all events that have arrived."""
        ...

    def request_stop(self, reason: str, number: int | None = None) -> None:
        """Request that the training of task `number` stops, or by default all trainings.

        Each training saves a checkpoint before its end.
        """
        ...


class _SweepDisplay(Protocol):
    """Object that displays the progress of a sweep."""

    def on_task_started(self, task: Task) -> None: ...

    def on_event(self, event: Event) -> None: ...


def train_all(
    strategy: SearchStrategy,
    executor: Executor,
    display: _SweepDisplay,
    get_stop_reason: Callable[[], str],
    *,
    fail_fast: bool = False,
    max_seconds: float | None = None,
) -> list[TaskResult]:
    """Train the tasks of a search strategy, and return their results in the order of arrival.

    Args:
        strategy: The search strategy that proposes the tasks.
        executor: The executor that trains the tasks.
        display: The object that receives tasks and events.
        get_stop_reason: The function that returns the reason to stop all trainings, or an empty text.
        fail_fast: Whether a failed or diverged training stops the others.
        max_seconds: The time after which no further task starts, in seconds; `None` for no limit.
    """
    results: list[TaskResult] = []
    started, reason = time.monotonic(), ""
    monitor = _SilenceMonitor()
    while True:
        if not reason and (
            reason := get_stop_reason() or (_SWEEP_FAILED if fail_fast and any(map(_has_failed, results)) else "")
        ):
            _logger.info("stop request for all tasks: %s", reason)
            executor.request_stop(reason)
        is_late = max_seconds is not None and time.monotonic() - started > max_seconds
        while not reason and not is_late and (idle_networks := list(executor.iter_idle_networks())):
            task = strategy.ask(idle_networks, executor.list_busy_networks())
            if task is None:
                break
            for member in task.tasks:
                display.on_task_started(member)
                monitor.on_task_started(member.number)
            executor.submit(task)
        if not executor.busy:
            return results
        for event in executor.wait_for_events(_POLL_SECONDS):
            display.on_event(event)
            monitor.on_event(event)
            if isinstance(event, TaskResult):
                _logger.info("task %d: %s, %s", event.number, event.status, event.exit_reason or "no error")
                results.append(event)
                strategy.tell(event)
            elif isinstance(event, EpochDone) and (prune_reason := strategy.should_prune(event)):
                _logger.info("stop request for task %d: %s", event.number, prune_reason)
                executor.request_stop(prune_reason, event.number)
        for silence in monitor.find_silent_tasks():
            _logger.info("task %d: no event for %.0f s", silence.number, silence.seconds)
            display.on_event(silence)


class _SilenceMonitor:
    """Times of the last events of tasks, to find tasks whose worker sends no events."""

    def __init__(self) -> None:
        self.last_events: dict[int, float] = {}
        """Time of the last event by the number of the task, as in `time.monotonic`. Reported tasks are left out."""

    def on_task_started(self, number: int) -> None:
        """Remember a task that is about to be sent to a worker."""
        self.last_events[number] = time.monotonic()

    def on_event(self, event: Event) -> None:
        """Remember the time of an event, or forget a task that has ended."""
        if isinstance(event, TaskResult):
            self.last_events.pop(event.number, None)
        else:
            self.last_events[event.number] = time.monotonic()

    def find_silent_tasks(self) -> list[NoEvents]:
        """Find the tasks without an event for `SILENCE_SECONDS`. A task is returned again only after a new event."""
        now = time.monotonic()
        silent = [
            NoEvents(number, now - last_event)
            for number, last_event in self.last_events.items()
            if now - last_event >= SILENCE_SECONDS
        ]
        for silence in silent:
            del self.last_events[silence.number]
        return silent


def _has_failed(result: TaskResult) -> bool:
    """Return whether a training failed or diverged."""
    return result.status in ("failed", "diverged")


class FixedSearch:
    """Search strategy that trains a fixed list of tasks and groups of tasks.

    The next task is preferably a task whose network an idle worker has compiled, or else a task whose network is not in
    training.
    """

    def __init__(self, tasks: Iterable[Task | TaskGroup]) -> None:
        self.tasks = list(tasks)

    def ask(self, idle_networks: Sequence[str | None], busy_networks: set[str]) -> Task | TaskGroup | None:
        if not self.tasks:
            return None
        chosen_task = next((task for task in self.tasks if task.network_digest in idle_networks), None)
        chosen_task = chosen_task or next(
            (task for task in self.tasks if task.network_digest not in busy_networks), self.tasks[0]
        )
        self.tasks.remove(chosen_task)
        return chosen_task

    def tell(self, result: TaskResult) -> None:
        """Ignore the result, because the tasks are fixed."""

    def should_prune(self, event: EpochDone) -> str:
        """Return an empty text, because fixed tasks are never pruned."""
        return ""
