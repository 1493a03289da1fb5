"""What a process on a node of a cluster does: trains a task in a directory of its own, and sends it home as bytes."""

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
from dnn_cli.execute.session import Session
from dnn_cli.execute.task import Begun, Ended, Event, Moved, Task
from dnn_cli.execute.worker import carry_out
from dnn_cli.runs.parcel import Parcel, pack, unpack
from dnn_cli.runs.run import Run

PACE = 0.2
"""Seconds between two messages to the post office."""

FAREWELL = 2.0
"""Seconds that a training, which is at its end, waits for its last message to arrive."""

CLEANER = """\
exec 3<&0
( read -r _ <&3; for _ in 1 2 3 4 5; do rm -rf "$1" && break; sleep 1; done ) >/dev/null 2>&1 &
"""
"""Waits until nobody can write to it any more, and removes a folder."""


class Delivery(NamedTuple):
    """What came of a task: a run, where there is one, and why it did not complete, where no record says it."""

    run: Parcel
    reason: str | None
    begun: bool = True


class PostOffice:
    """An actor beside the driver: keeps what happens until it is fetched, and the wishes that trainings end."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.begun: set[int] = set()
        self.wishes: dict[int | None, str] = {}

    def begin(self, number: int) -> str:
        """A task is about to be trained; why it is to end at once, if it is."""
        self.begun.add(number)
        return self.tell(number, [])

    def tell(self, number: int, events: list[Event]) -> str:
        """What has happened to a task; why it is to end, if it is."""
        self.events += events
        return self.wishes.get(number) or self.wishes.get(None, "")

    def fetch(self) -> list[Event]:
        """What has happened since the last time."""
        events, self.events = self.events, []
        return events

    def stop(self, why: str, number: int | None) -> set[int]:
        """Let one task end, or all; those that have begun, and hear of it."""
        self.wishes.setdefault(number, why)
        return self.begun


class Line:
    """The way to the post office and back, for which no training ever waits.

    It waits for futures, as Ray gives away the core of a task that waits for Ray.
    """

    def __init__(self, office: Any, number: int) -> None:
        self.office = office
        self.number = number
        self.events: list[Event] = []
        self.answer: Any = None
        self.why = ""
        self.asked = 0.0

    def tell(self, event: Event) -> None:
        """Something has happened; where it is must not be known elsewhere."""
        if isinstance(event, Begun | Ended):
            return
        if isinstance(event, Moved):
            self.events = [other for other in self.events if not isinstance(other, Moved)]
        self.events.append(event)
        self.ask()

    def ask(self) -> str:
        """Why the training is to end, as far as it is known; now and then, what has happened is sent."""
        with suppress(RayError):  # the driver is gone, or soon will be; then Ray ends this process
            if self.answer is not None and self.answer.done():
                answer, self.answer = self.answer, None
                self.why = self.why or answer.result()
            if self.answer is None and time.monotonic() - self.asked >= PACE:
                self.send()
        return self.why

    def send(self) -> None:
        """Send what has happened."""
        self.asked, events, self.events = time.monotonic(), self.events, []
        self.answer = self.office.tell.remote(self.number, events).future()

    def close(self) -> None:
        """Let what has happened arrive before the end of the task does."""
        with suppress(RayError, futures.TimeoutError):
            self.send()
            self.answer.result(FAREWELL)


def train(version: str, pickled: bytes, run: Parcel | None, examples: Any, office: Any) -> Delivery:
    """Train a task of a driver on this node.

    Args:
        version: The driver's, which is to be that of this node.
        pickled: The task; only the same version can read it.
        run: The run to go on with, if there is one.
        examples: Its examples and their split.
        office: The post office.
    """
    if version != dnn_cli.__version__:
        return Delivery({}, f"its node has dnn {dnn_cli.__version__}, and this is dnn {version}")
    task: Task = pickle.loads(pickled)  # noqa: S301 - whoever may give work to this process may do anything
    with suppress(RayError, futures.TimeoutError):
        if why := office.begin.remote(task.number).future().result(FAREWELL):
            return Delivery({}, why, begun=False)
    session = this_process()
    os.environ.pop("OMP_NUM_THREADS", None)  # which Ray sets, and `dnn train` does not
    session.prime(task.loaded.experiment.data, *examples)
    with tempfile.TemporaryDirectory() as folder:
        there = replace(task, runs_dir=Path(folder))
        if run is not None and task.run is not None:
            there = replace(there, run=Path(folder) / task.run.name)
            Path(folder, task.run.name).mkdir()
            unpack(run, Run(Path(folder) / task.run.name))
        line = Line(office, task.number)
        ended = carry_out(there, session, line.tell, line.ask)
        line.close()
        return Delivery(pack(Run(ended.run)) if ended.run else {}, ended.reason)


@cache
def this_process() -> Session:
    """What this process keeps from one task to the next, made as the first one comes."""
    from dnn_cli.training.device import share_processor

    tempfile.tempdir = str(fleeting_folder("dnn-node-", tempfile.gettempdir())[0])
    share_processor()
    return Session()


def fleeting_folder(prefix: str, where: str) -> tuple[Path, Callable[[], None]]:
    """A folder that is gone soon after this process is, however it ends, and what ends it before.

    Ray kills processes when it has no more use for them, and nobody else cleans up after them.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
    cleaner = subprocess.Popen(
        ["/bin/sh", "-c", CLEANER, "sh", folder], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    cleaner.wait()  # its own child is what stays
    assert cleaner.stdin is not None  # noqa: S101 - asked for
    OPEN.append(cleaner.stdin)
    return folder, cleaner.stdin.close


OPEN: list[Any] = []
"""What is closed when this process ends."""
