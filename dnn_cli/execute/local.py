"""Worker processes on this machine: each lives for many tasks, and the death of one costs its task alone.

Every worker has a pipe of its own and no lock is shared, so that one that is killed at any moment holds up nobody;
pools that share a queue wait for a lock that died with its holder, and do not know which worker has compiled what.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from dnn_cli.errors import DnnError
from dnn_cli.execute.task import Begun, Ended, Event, Task
from dnn_cli.execute.worker import serve, silence
from dnn_cli.runs.run import Run
from dnn_cli.training.programs import temporary_directory

CONTEXT = multiprocessing.get_context("forkserver")
PATIENCE = 3.0
"""Seconds that a training has to notice that it is to end."""

GOODBYE = 2.0
"""Seconds that workers have to end when there is nothing more to do."""


@dataclass
class Worker:
    """A process and what it is doing."""

    process: ForkServerProcess
    connection: Connection
    task: Task | None = None
    compiled: str | None = None
    """The network that it trained last."""

    run: Path | None = None
    told: tuple[float, str] | None = None
    """When it was told to end its training, and why."""


class Pool:
    """Some workers, started as they are needed and replaced where they die."""

    def __init__(self, size: int, gpus: Sequence[str] = ()) -> None:
        self.size = size
        self.gpus = gpus
        self.workers: list[Worker | None] = [None] * size
        self.folder = temporary_directory("dnn-workers-")

    @property
    def busy(self) -> list[Worker]:
        """Those that have a task."""
        return [worker for worker in self.workers if worker is not None and worker.task is not None]

    def free(self) -> Iterator[str | None]:
        """For each worker that has nothing to do, the network that it trained last."""
        for worker in self.workers:
            if worker is None or worker.task is None:
                yield worker.compiled if worker else None

    def elsewhere(self) -> set[str]:
        """The networks that others are training."""
        return {worker.task.network for worker in self.busy if worker.task}

    def give(self, task: Task) -> None:
        """Let a worker train a task: one that has trained its network, if it is free."""
        places = [place for place, worker in enumerate(self.workers) if worker is None or worker.task is None]

        def preference(place: int) -> tuple[bool, bool]:
            worker = self.workers[place]
            return worker is None or worker.compiled != task.network, worker is None

        place = min(places, key=preference)
        worker = self.workers[place] or self.start(place)
        worker.task, worker.run, worker.told, worker.compiled = task, task.run, None, task.network
        with suppress(OSError):  # a worker that is dead is found by `wait`
            worker.connection.send(task)

    def start(self, place: int) -> Worker:
        """A new worker at a place."""
        ours, theirs = CONTEXT.Pipe()
        environment = {"CUDA_VISIBLE_DEVICES": self.gpus[place]} if self.gpus else {}
        process = CONTEXT.Process(
            target=serve, args=(theirs, self.folder.name, environment), kwargs={"alone": self.size == 1}, daemon=True
        )
        with unheard():
            CONTEXT.set_forkserver_preload(["dnn_cli.execute.preload"])
            process.start()
        theirs.close()
        worker = self.workers[place] = Worker(process, ours)
        return worker

    def wait(self, seconds: float) -> Iterable[Event]:
        """What happened since the last time, or happens within some seconds."""
        busy = self.busy
        sources = [source for worker in busy for source in (worker.connection, worker.process.sentinel)]
        ready = wait(sources, seconds) if busy else []
        for worker in busy:
            if worker.connection in ready or worker.process.sentinel in ready:
                yield from self.heard(worker)
            self.end_the_deaf(worker)

    def heard(self, worker: Worker) -> Iterator[Event]:
        """What a worker has told, and its death where it is dead."""
        try:
            while worker.task is not None and worker.connection.poll():
                event: Event = worker.connection.recv()
                if isinstance(event, Begun):
                    worker.run = event.run
                elif isinstance(event, Ended):
                    worker.task = None
                yield event
        except (EOFError, OSError):
            pass
        else:
            if worker.process.is_alive():
                return
        worker.process.join(GOODBYE)
        self.workers[self.workers.index(worker)] = None
        if worker.task is not None:
            yield lost(worker)

    def end_the_deaf(self, worker: Worker) -> None:
        """Kill a worker that was told to end its training and has not, within its time."""
        if worker.task is not None and worker.told is not None and time.monotonic() - worker.told[0] > PATIENCE:
            worker.process.kill()

    def stop(self, why: str, number: int | None = None) -> None:
        """Let the training of one task end, or of all: what was trained is saved."""
        for worker in self.busy:
            if worker.told is None and (number is None or (worker.task and worker.task.number == number)):
                worker.told = time.monotonic(), why
                with suppress(OSError):
                    worker.connection.send(why)

    def kill(self) -> None:
        """End everything at once."""
        for worker in self.workers:
            if worker is not None:
                worker.process.kill()
        self.folder.cleanup()

    def close(self) -> None:
        """Let all workers go."""
        workers = [worker for worker in self.workers if worker is not None]
        for worker in workers:
            with suppress(OSError):
                worker.connection.send(None)
            worker.connection.close()
        for worker in workers:
            worker.process.join(GOODBYE)
        self.kill()


def lost(worker: Worker) -> Ended:
    """The end of a task whose worker is dead; its run says so, too."""
    task, code = worker.task, worker.process.exitcode
    assert task is not None  # noqa: S101 - whoever has none loses none
    status, reason = ("interrupted", worker.told[1]) if worker.told else ("failed", cause(code))
    if worker.run is None:
        return Ended(task.number, None, None, reason)
    run = Run(worker.run)
    try:
        return Ended(task.number, worker.run, run.close_record(status, reason))
    except DnnError:  # a full disk, for one
        return Ended(task.number, worker.run, None, reason)


def cause(code: int | None) -> str:
    """What a process died of, by its exit code."""
    if code is None or code >= 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    more = {signal.SIGKILL: ", perhaps for want of memory", signal.SIGSEGV: ", a fault in native code"}
    return f"its process was ended by {name}{more.get(-code, '')}"  # type: ignore[call-overload]


@contextmanager
def unheard() -> Iterator[None]:
    """What is started meanwhile writes to nobody, for as long as it lives."""
    kept = [os.dup(descriptor) for descriptor in (0, 1, 2)]
    silence()
    try:
        yield
    finally:
        for descriptor, copy in enumerate(kept):
            os.dup2(copy, descriptor)
            os.close(copy)
