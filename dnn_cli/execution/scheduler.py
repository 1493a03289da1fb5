"""Many trainings: what a search wants is given to an executor, until there is no more or somebody wants it to end."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from dnn_cli.execution.messages import EpochDone, Event, Task, TaskResult

_POLL_SECONDS = 0.1
"""Seconds after which somebody is asked whether it is to end."""

_SWEEP_FAILED = "another training of the sweep has failed"


class SearchStrategy(Protocol):
    """Knows what is to be trained next."""

    def ask(self, idle_networks: Sequence[str | None], busy_networks: set[str]) -> Task | None:
        """The next task; `None` where there is none now. Free workers have compiled some networks, others the rest."""
        ...

    def tell(self, result: TaskResult) -> None:
        """A task has ended."""
        ...

    def should_prune(self, event: EpochDone) -> str:
        """Why a training is not worth going on; empty where it is."""
        ...


class Executor(Protocol):
    """Trains tasks somewhere."""

    @property
    def busy(self) -> Sequence[object]:
        """What is not at its end."""
        ...

    def iter_idle_networks(self) -> Iterator[str | None]:
        """For each place that is free, the network that was trained there last."""
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
        """Let one training end, or all, saving what was trained."""
        ...


class _SweepDisplay(Protocol):
    """Shows how it goes."""

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
    """Train what a search wants; how each training ended, in the order of their ends.

    Args:
        strategy: What to train.
        executor: Where.
        display: Is told how it goes.
        get_stop_reason: Why somebody wants everything to end, if anybody does; then the trainings that run are saved.
        fail_fast: Whether one that fails ends the others.
        max_seconds: After so long, nothing more is begun.
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
    """Tasks that are all known; those of one network one after the other, as far as that holds up nobody."""

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
        """Whatever came of it, the others are trained."""

    def should_prune(self, event: EpochDone) -> str:
        """All of them are worth it."""
        return ""
