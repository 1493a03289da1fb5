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

from dnn_cli.training.stop_request import SIGNAL_REASON, Interrupted

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""SIGUSR1 is the usual warning of Slurm before the time limit: sbatch --signal=USR1@60."""

GRACEFUL_TIMEOUT, ABRUPT_TIMEOUT = 1.5, 0.3
"""Seconds that a training has to notice, and whatever else goes on, of which nothing is to be saved."""

_SAME_SIGNAL_SECONDS = 0.3
"""Signals so close together are one: a terminal that closes sends two."""


class SignalStop:
    """What is known of the wish to end: call it to ask, and to promise to end."""

    def __init__(self, before_exit: Callable[[], None]) -> None:
        self.before_exit = before_exit
        self.signal_number: int | None = None
        self.is_graceful = False
        self.is_acknowledged = False

    def __call__(self) -> str:
        self.is_acknowledged = self.is_acknowledged or self.signal_number is not None
        return SIGNAL_REASON if self.is_acknowledged else ""

    @property
    def exit_code(self) -> int:
        """As a shell has it: 130, 143, 129 or 138."""
        return 128 + (self.signal_number or signal.SIGINT)

    @contextmanager
    def allow_graceful_stop(self) -> Iterator[None]:
        """Within the block, the first signal is only noted; elsewhere it ends what goes on at once.

        Raises:
            SystemExit: there was one, and it came too late for anybody to ask.
        """
        self.is_graceful = True
        try:
            yield
        finally:
            self.is_graceful = False
        if self():
            raise SystemExit(self.exit_code)

    def handle_signal(self, number: int, _: FrameType | None) -> None:
        """The handler of the signals."""
        is_first = self.signal_number is None
        self.signal_number = self.signal_number or number
        if is_first and not self.is_graceful:
            raise SystemExit(self.exit_code)

    def watch_signals(self, pipe: int) -> None:
        """Wait for signals in a thread of its own."""
        signal_bytes = os.read(pipe, 1)
        if not signal_bytes:
            return
        started = time.monotonic()
        threading.Thread(target=self.exit_unless_acknowledged, args=(signal_bytes[0],), daemon=True).start()
        while os.read(pipe, 1):
            if time.monotonic() - started > _SAME_SIGNAL_SECONDS:
                self.exit_now(signal_bytes[0])

    def exit_unless_acknowledged(self, number: int) -> None:
        """End the process unless the training has noticed in time."""
        time.sleep(GRACEFUL_TIMEOUT if self.is_graceful else ABRUPT_TIMEOUT)
        if not self.is_acknowledged:
            self.exit_now(number)

    def exit_now(self, number: int) -> NoReturn:
        """End the process as it is."""
        try:
            self.before_exit()
        finally:
            os._exit(128 + number)


class TimeLimit:
    """A stop request that comes from a signal, or after some time."""

    def __init__(self, signal_stop: SignalStop, minutes: float | None) -> None:
        self.signal_stop = signal_stop
        self.minutes = minutes
        self.deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes

    @property
    def stop_reason(self) -> str:
        """Why a training ends at the limit; empty where there is none."""
        return "" if self.minutes is None else f"stopped after {self.minutes:g} min, by --minutes"

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.deadline

    def __call__(self) -> str:
        return self.signal_stop() or (self.stop_reason if self.is_over else "")

    def allow_graceful_stop(self) -> AbstractContextManager[None]:
        """Let the first signal within the block be noted only."""
        return self.signal_stop.allow_graceful_stop()


@contextmanager
def handle_stop_signals(before_exit: Callable[[], None]) -> Iterator[SignalStop]:
    """Hear signals, as long as the block lasts; those that the process was told to ignore stay ignored.

    Args:
        before_exit: Called before the process ends in the middle of something.

    Raises:
        SystemExit: a training has ended for a signal.
    """
    signal_stop = SignalStop(before_exit)
    handled_signals = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous_handlers = {number: signal.signal(number, signal_stop.handle_signal) for number in handled_signals}
    previous_wakeup_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=signal_stop.watch_signals, args=(reader,), daemon=True, name="signals").start()
    try:
        yield signal_stop
    except Interrupted:
        raise SystemExit(signal_stop.exit_code) from None
    finally:
        signal.set_wakeup_fd(previous_wakeup_fd)
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
        os.close(writer)
