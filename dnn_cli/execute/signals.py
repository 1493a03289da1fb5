"""Signals that ask to end: heard between two calls of the engine, and in any case within two seconds.

Python hears a signal only between two of its own instructions, and TensorFlow can stay away for minutes. So a thread
listens too, and ends the process where the training does not answer: the files of a run are whole at every moment.
"""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import NoReturn

from dnn_cli.training.endings import SIGNAL, Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""SIGUSR1 is the usual warning of Slurm before the time limit: sbatch --signal=USR1@60."""

PATIENCE, NO_PATIENCE = 1.5, 0.3
"""Seconds that a training has to notice, and whatever else goes on, of which nothing is to be saved."""

SAME_WISH = 0.3
"""Signals so close together are one: a terminal that closes sends two."""


class Stopping:
    """What is known of the wish to end: call it to ask, and to promise to end."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self.leave = leave
        self.signal: int | None = None
        self.is_gentle = False
        self.was_heard = False

    def __call__(self) -> str:
        self.was_heard = self.was_heard or self.signal is not None
        return SIGNAL if self.was_heard else ""

    @property
    def exit_code(self) -> int:
        """As a shell has it: 130, 143, 129 or 138."""
        return 128 + (self.signal or signal.SIGINT)

    @contextmanager
    def gentle(self) -> Iterator[None]:
        """Within the block, the first signal is only noted; elsewhere it ends what goes on at once.

        Raises:
            SystemExit: there was one, and it came too late for anybody to ask.
        """
        self.is_gentle = True
        try:
            yield
        finally:
            self.is_gentle = False
        if self():
            raise SystemExit(self.exit_code)

    def note(self, number: int, _: FrameType | None) -> None:
        """The handler of the signals."""
        first = self.signal is None
        self.signal = self.signal or number
        if first and not self.is_gentle:
            raise SystemExit(self.exit_code)

    def listen(self, pipe: int) -> None:
        """Wait for signals in a thread of its own."""
        numbers = os.read(pipe, 1)
        if not numbers:
            return
        begun = time.monotonic()
        threading.Thread(target=self.wait_for_answer, args=(numbers[0],), daemon=True).start()
        while os.read(pipe, 1):
            if time.monotonic() - begun > SAME_WISH:
                self.end(numbers[0])

    def wait_for_answer(self, number: int) -> None:
        """End the process unless the training has noticed in time."""
        time.sleep(PATIENCE if self.is_gentle else NO_PATIENCE)
        if not self.was_heard:
            self.end(number)

    def end(self, number: int) -> NoReturn:
        """End the process as it is."""
        try:
            self.leave()
        finally:
            os._exit(128 + number)


class TimeLimit:
    """A stop request that comes from a signal, or after some time."""

    def __init__(self, stopping: Stopping, minutes: float | None) -> None:
        self.stopping = stopping
        self.minutes = minutes
        self.ends = math.inf if minutes is None else time.monotonic() + 60 * minutes

    @property
    def reason(self) -> str:
        """Why a training ends at the limit; empty where there is none."""
        return "" if self.minutes is None else f"stopped after {self.minutes:g} min, by --minutes"

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.ends

    def __call__(self) -> str:
        return self.stopping() or (self.reason if self.is_over else "")

    def gentle(self) -> AbstractContextManager[None]:
        """Let the first signal within the block be noted only."""
        return self.stopping.gentle()


@contextmanager
def stoppable(leave: Callable[[], None]) -> Iterator[Stopping]:
    """Hear signals, as long as the block lasts; those that the process was told to ignore stay ignored.

    Args:
        leave: Called before the process ends in the middle of something.

    Raises:
        SystemExit: a training has ended for a signal.
    """
    stopping = Stopping(leave)
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, stopping.note) for number in heard}
    waker = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=stopping.listen, args=(reader,), daemon=True, name="signals").start()
    try:
        yield stopping
    except Interrupted:
        raise SystemExit(stopping.exit_code) from None
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
