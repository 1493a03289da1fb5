"""Stop requests from signals and from a time limit. A signal ends the process within two seconds.

Python handles a signal only between two of its own instructions, and a call of TensorFlow can take minutes. Therefore a
thread also receives signals, and ends the process if the training does not answer. This is safe, because the files of
a run are complete at every moment.
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
"""Signals that stop a training. SIGUSR1 is Slurm's usual warning before the time limit: sbatch --signal=USR1@60."""

GRACEFUL_TIMEOUT, ABRUPT_TIMEOUT = 1.5, 0.3
"""Seconds after which an unanswered signal ends the process. The first limit applies during a training, which saves a
checkpoint. The second limit applies during other work, which has nothing to save."""

_SAME_SIGNAL_SECONDS = 0.3
"""Seconds within which several signals count as a single signal: a closing terminal sends two."""


class SignalStop:
    """Stop request that comes from a signal.

    A call returns a reason after a signal, and an empty text before. A caller that receives a reason must stop.

    Args:
        before_exit: The function to call before the process ends without the cleanup of Python.
    """

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
        """Exit code for the signal, as in shells: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP, 138 for SIGUSR1."""
        return 128 + (self.signal_number or signal.SIGINT)

    @contextmanager
    def allow_graceful_stop(self) -> Iterator[None]:
        """Let the first signal within the block only request a stop.

        Outside of the block, a signal ends the process at once.

        Raises:
            SystemExit: a signal came after the last poll of the training.
        """
        self.is_graceful = True
        try:
            yield
        finally:
            self.is_graceful = False
        if self():
            raise SystemExit(self.exit_code)

    def handle_signal(self, number: int, _: FrameType | None) -> None:
        """Record the first signal. Python calls this method for every signal.

        Raises:
            SystemExit: the signal came outside of a block that allows a graceful stop.
        """
        is_first = self.signal_number is None
        self.signal_number = self.signal_number or number
        if is_first and not self.is_graceful:
            raise SystemExit(self.exit_code)

    def watch_signals(self, pipe: int) -> None:
        """Wait for signals in a separate thread, and end the process if a signal is not answered.

        The process ends if the training does not acknowledge the first signal in time, or at once after a second
        signal.

        Args:
            pipe: The file descriptor of the pipe to which Python writes the numbers of signals.
        """
        signal_bytes = os.read(pipe, 1)
        if not signal_bytes:
            return
        started = time.monotonic()
        threading.Thread(target=self.exit_unless_acknowledged, args=(signal_bytes[0],), daemon=True).start()
        while os.read(pipe, 1):
            if time.monotonic() - started > _SAME_SIGNAL_SECONDS:
                self.exit_now(signal_bytes[0])

    def exit_unless_acknowledged(self, number: int) -> None:
        """End the process unless the training acknowledges the signal `number` in time."""
        time.sleep(GRACEFUL_TIMEOUT if self.is_graceful else ABRUPT_TIMEOUT)
        if not self.is_acknowledged:
            self.exit_now(number)

    def exit_now(self, number: int) -> NoReturn:
        """Call `before_exit`, and end the process at once with the exit code of the signal `number`."""
        try:
            self.before_exit()
        finally:
            os._exit(128 + number)


class TimeLimit:
    """Stop request that comes from a signal, or after a time limit in minutes. `None` minutes mean no limit."""

    def __init__(self, signal_stop: SignalStop, minutes: float | None) -> None:
        self.signal_stop = signal_stop
        self.minutes = minutes
        self.deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes

    @property
    def stop_reason(self) -> str:
        """Reason of a stop at the time limit; empty without a limit."""
        return "" if self.minutes is None else f"stopped after {self.minutes:g} min, the limit of --minutes"

    @property
    def is_over(self) -> bool:
        """Whether the time limit has passed."""
        return time.monotonic() >= self.deadline

    def __call__(self) -> str:
        return self.signal_stop() or (self.stop_reason if self.is_over else "")

    def allow_graceful_stop(self) -> AbstractContextManager[None]:
        """Let the first signal within the block only request a stop."""
        return self.signal_stop.allow_graceful_stop()


@contextmanager
def handle_stop_signals(before_exit: Callable[[], None]) -> Iterator[SignalStop]:
    """Handle stop signals within the block, and yield a stop request. Signals that the process ignores stay ignored.

    Args:
        before_exit: The function to call before the process ends without the cleanup of Python, for example to remove
            temporary files.

    Raises:
        SystemExit: a signal ended the work, or a stop request interrupted a training.
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
