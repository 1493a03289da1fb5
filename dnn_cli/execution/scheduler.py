"""The loop that sends tasks of a search strategy to an executor, until no task is left or a stop is requested."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from dnn_cli.execution.messages import EpochDone, Event, Task, TaskResult

_POLL_SECONDS = 0.1
"""Seconds between two checks for a stop request."""

_SWEEP_FAILED = "another training of the sweep has failed"


class SearchStrategy(Protocol):
    """Object that chooses the next tasks."""

    def ask(self, idle_networks: Sequence[str | None], busy_networks: set[str]) -> Task | None:
        """Return the next task, or `None` if there is none now.

        `idle_networks` are the networks that idle workers have compiled, `busy_networks` those of busy workers.
        """
        ...

    def tell(self, result: TaskResult) -> None:
        """Receive the result of a task."""
        ...

    def should_prune(self, event: EpochDone) -> str:
        """Return why a training shall stop early, or an empty text."""
        ...


class Executor(Protocol):
    """Object that trains tasks in other processes."""

    @property
    def busy(self) -> Sequence[object]:
        """The tasks that have no result yet."""
        ...

    def iter_idle_networks(self) -> Iterator[str | None]:
        """Yield for each idle worker the network that it trained last."""
        ...

    def list_busy_networks(self) -> set[str]:
        """The networks that are being trained."""
        ...

    def submit(self, task: Task) -> None:
        """Train a task."""
        ...

    def wait_for_events(self, seconds: float) -> Iterable[Event]:
        """What happened since the last time, or happens within some seconds."""
        ...

    def request_stop(self, reason: str, number: int | None = None) -> None:
        """Ask one training to stop, or all. They save what was trained."""
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
    """Train the tasks of a search strategy, and return their results in the order of their ends.

    Args:
        strategy: Chooses the tasks.
        executor: Trains the tasks.
        display: Receives tasks and events.
        get_stop_reason: Returns the reason to stop everything, or an empty text. Running trainings are then saved.
        fail_fast: Whether a failed training stops the others.
        max_seconds: Seconds after which no task is started.
    """
    results: list[TaskResult] = []
    started, reason = time.monotonic(), ""
    while True:
        if not reason and (
            reason := get_stop_reason() or (_SWEEP_FAILED if fail_fast and any(map(_has_failed, results)) else "")
        ):
            executor.request_stop(reason)
        is_late = max_seconds is not None and time.monotonic() - started > max_seconds
        while not reason and not is_late and (idle_networks := list(executor.iter_idle_networks())):
            task = strategy.ask(idle_networks, executor.list_busy_networks())
            if task is None:
                break
            display.on_task_started(task)
            executor.submit(task)
        if not executor.busy:
            return results
        for event in executor.wait_for_events(_POLL_SECONDS):
            display.on_event(event)
            if isinstance(event, TaskResult):
                results.append(event)
                strategy.tell(event)
            elif isinstance(event, EpochDone) and (prune_reason := strategy.should_prune(event)):
                executor.request_stop(prune_reason, event.number)


def _has_failed(result: TaskResult) -> bool:
    """Whether a training did not come to an end of its own that is of use."""
    return result.status in ("failed", "diverged")


class FixedSearch:
    """Search strategy of a fixed list of tasks. Workers prefer tasks whose network they have compiled."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.tasks = list(tasks)

    def ask(self, idle_networks: Sequence[str | None], busy_networks: set[str]) -> Task | None:
        if not self.tasks:
            return None
        chosen_task = next((task for task in self.tasks if task.network_digest in idle_networks), None)
        chosen_task = chosen_task or next(
            (task for task in self.tasks if task.network_digest not in busy_networks), self.tasks[0]
        )
        self.tasks.remove(chosen_task)
        return chosen_task

    def tell(self, result: TaskResult) -> None:
        """Ignore the result: it does not change the other tasks."""

    def should_prune(self, event: EpochDone) -> str:
        """Return no reason to stop."""
        return ""
