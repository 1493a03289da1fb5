"""Many trainings: what a search wants is given to an executor, until there is no more or somebody wants it to end."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from dnn_cli.execute.task import Ended, EpochDone, Event, Task

TICK = 0.1
"""Seconds after which somebody is asked whether it is to end."""

SWEEP_FAILED = "another training of the sweep has failed"


class Search(Protocol):
    """Knows what is to be trained next."""

    def next(self, compiled: Sequence[str | None], elsewhere: set[str]) -> Task | None:
        """The next task; `None` where there is none now. Free workers have compiled some networks, others the rest."""
        ...

    def tell(self, ended: Ended) -> None:
        """A task has ended."""
        ...

    def judge(self, event: EpochDone) -> str:
        """Why a training is not worth going on; empty where it is."""
        ...


class Executor(Protocol):
    """Trains tasks somewhere."""

    @property
    def busy(self) -> Sequence[object]:
        """What is not at its end."""
        ...

    def free(self) -> Iterator[str | None]:
        """For each place that is free, the network that was trained there last."""
        ...

    def elsewhere(self) -> set[str]:
        """The networks that are being trained."""
        ...

    def give(self, task: Task) -> None:
        """Train a task."""
        ...

    def wait(self, seconds: float) -> Iterable[Event]:
        """What happened since the last time, or happens within some seconds."""
        ...

    def stop(self, why: str, number: int | None = None) -> None:
        """Let one training end, or all, saving what was trained."""
        ...


class Board(Protocol):
    """Shows how it goes."""

    def given(self, task: Task) -> None: ...

    def heard(self, event: Event) -> None: ...


def train_all(
    search: Search,
    executor: Executor,
    board: Board,
    stop: Callable[[], str],
    *,
    fail_fast: bool = False,
    seconds: float | None = None,
) -> list[Ended]:
    """Train what a search wants; how each training ended, in the order of their ends.

    Args:
        search: What to train.
        executor: Where.
        board: Is told how it goes.
        stop: Why somebody wants everything to end, if anybody does; then the trainings that run are saved.
        fail_fast: Whether one that fails ends the others.
        seconds: After so long, nothing more is begun.
    """
    ended: list[Ended] = []
    begun, why = time.monotonic(), ""
    while True:
        if not why and (why := stop() or (SWEEP_FAILED if fail_fast and any(map(failed, ended)) else "")):
            executor.stop(why)
        late = seconds is not None and time.monotonic() - begun > seconds
        while not why and not late and (places := list(executor.free())):
            task = search.next(places, executor.elsewhere())
            if task is None:
                break
            board.given(task)
            executor.give(task)
        if not executor.busy:
            return ended
        for event in executor.wait(TICK):
            board.heard(event)
            if isinstance(event, Ended):
                ended.append(event)
                search.tell(event)
            elif isinstance(event, EpochDone) and (verdict := search.judge(event)):
                executor.stop(verdict, event.number)


def failed(ended: Ended) -> bool:
    """Whether a training did not come to an end of its own that is of use."""
    return ended.status in ("failed", "diverged")


class Queue:
    """Tasks that are all known; those of one network one after the other, as far as that holds up nobody."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.tasks = list(tasks)

    def next(self, compiled: Sequence[str | None], elsewhere: set[str]) -> Task | None:
        if not self.tasks:
            return None
        taken = next((task for task in self.tasks if task.network in compiled), None)
        taken = taken or next((task for task in self.tasks if task.network not in elsewhere), self.tasks[0])
        self.tasks.remove(taken)
        return taken

    def tell(self, ended: Ended) -> None:
        """Whatever came of it, the others are trained."""

    def judge(self, event: EpochDone) -> str:
        """All of them are worth it."""
        return ""
