"""A process that trains one task after another, and tells how it goes."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import DnnError, UsageError
from dnn_cli.execute.log import Lines, Log
from dnn_cli.execute.session import Session
from dnn_cli.execute.task import Begun, Doing, Ended, EpochDone, Event, Moved, Task
from dnn_cli.execute.work import train_further, train_new
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store
from dnn_cli.training.endings import SIGNAL

if TYPE_CHECKING:
    from dnn_cli.training.plan import Plan

PACE = 0.1
"""Seconds between two tidings of how far a training is."""

Tell = Callable[[Event], None]


def carry_out(task: Task, session: Session, tell: Tell, stop: Callable[[], str]) -> Ended:
    """Train a task, and return how it ended; what it raises is told, too, so that the next one can begin.

    Args:
        task: What to train.
        session: What this process keeps from one training to the next.
        tell: Is told how it goes.
        stop: Why somebody wants it to end, if anybody does.
    """
    from dnn_cli.training.endings import Interrupted

    log = Wire(task.number, tell)
    common: Any = {"sweeps": task.sweeps, "session": session, "tensorboard": task.tensorboard}

    def begin() -> None:
        train_new(task.loaded, Store(task.runs_dir), log, Told(stop), **common)

    try:
        if task.run is None:
            begin()
        else:
            tell(Begun(task.number, task.run))
            try:
                train_further(Run(task.run), task.loaded, log, Told(stop), force=task.force, **common)
            except UsageError:  # of another Keras, for one; nothing has been changed
                if not task.sweeps:
                    raise
                begin()
    except Interrupted as error:
        reason = str(error)
    except DnnError as error:
        reason = error.message
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:300]
    else:
        reason = ""
    directory = log.log.parent if log.log else task.run
    if directory is None:
        return Ended(task.number, None, None, reason)
    try:
        record = Run(directory).parse_record()
    except DnnError as error:
        return Ended(task.number, directory, None, reason or error.message)
    return Ended(task.number, directory, record, reason or None)


class Told:
    """A wish to end that comes from elsewhere than a signal."""

    def __init__(self, stop: Callable[[], str]) -> None:
        self.stop = stop

    def __call__(self) -> str:
        return self.stop()

    def gentle(self) -> "nullcontext[None]":
        """It is always gentle."""
        return nullcontext()


class Wire(Log):
    """Keeps the log of a run, and tells where it is."""

    def __init__(self, number: int, tell: Tell) -> None:
        super().__init__()
        self.number = number
        self.tell = tell

    def write_log(self, log: Path) -> None:
        if self.log is None:
            self.tell(Begun(self.number, log.parent))
        super().write_log(log)

    @contextmanager
    def progress(self, epochs: int, batch_size: int) -> Iterator["Teller"]:
        yield Teller(self, epochs)


class Teller(Lines):
    """Writes the same lines as others, and tells of every stage, of every epoch, and now and then in between."""

    log: Wire

    def __init__(self, log: Wire, epochs: int) -> None:
        super().__init__(log, epochs)
        self.steps = 1
        self.told = 0.0

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        if doing != self.doing:
            self.log.tell(Doing(self.log.number, doing))
        super().__call__(doing, done, total)

    def on_begin(self, device: str, plan: "Plan", steps: int) -> None:
        super().on_begin(device, plan, steps)
        self.steps = steps
        self.log.tell(Moved(self.log.number, 0.0, 1, {}))

    def on_batch(self, epoch: int, step: int, scores: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self.told >= PACE:
            self.told = now
            share = (epoch - 1 + step / self.steps) / self.epochs
            plain = {name: float(value) for name, value in scores.items()}
            self.log.tell(Moved(self.log.number, share, epoch, plain))

    def on_epoch(self, scores: Mapping[str, float]) -> None:
        super().on_epoch(scores)
        self.log.tell(EpochDone(self.log.number, dict(scores)))


def serve(connection: Connection, folder: str, environment: dict[str, str], *, alone: bool) -> None:
    """What a worker process does: trains the tasks that come until there are no more, or nobody is there.

    Args:
        connection: Tasks come from it, and texts that say why a training is to end; events go to it.
        folder: Where it puts what is temporary.
        environment: Variables of its own.
        alone: Whether no other worker computes beside it.
    """
    for number in (signal.SIGINT, signal.SIGHUP):  # of a terminal, whose wishes come through the connection
        signal.signal(number, signal.SIG_IGN)
    signalled: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1):  # which a batch system sends to every process
        signal.signal(number, lambda number, _: signalled.append(number))
    tempfile.tempdir = folder
    os.environ.update(environment)
    silence()
    if not alone:
        from dnn_cli.training.device import share_processor

        share_processor()
    session = Session()

    def tell(event: Any) -> None:
        with suppress(OSError):  # nobody is there any more, which `stop` finds out
            connection.send(event)

    try:
        while (task := connection.recv()) is not None:
            if isinstance(task, Task):  # a wish to end that came too late is not one for the next
                signalled.clear()
                tell(carry_out(task, session, tell, wishes(connection, signalled)))
    except (EOFError, OSError):
        pass


def wishes(connection: Connection, signalled: Sequence[int] = ()) -> Callable[[], str]:
    """Return a function that gives the reason for which a training is to end: of the other end, or a signal."""
    heard = ""

    def stop() -> str:
        nonlocal heard
        if signalled:
            heard = heard or SIGNAL
        try:
            if not heard and connection.poll():
                heard = str(connection.recv())
        except (EOFError, OSError):
            heard = "the process that started it has ended"
        return heard

    return stop


def silence() -> None:
    """Let nothing of what is written past Python reach the screen; a run's own goes to its log."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
