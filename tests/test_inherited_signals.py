"""Processes that tests start have the default actions of signals, whichever signals the tests were started with."""

import signal
import subprocess
import sys

from tests.helpers.settings import ROOT

PROGRAM = """
import signal, subprocess, sys
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
    signal.signal(number, signal.SIG_IGN)
from tests.helpers.processes import handle_ignored_signals
handle_ignored_signals()
subprocess.run([sys.executable, "-c", "print(open('/proc/self/status').read())"])
"""


def test_started_processes_ignore_only_what_python_ignores():
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    mask = int(next(line for line in output.splitlines() if line.startswith("SigIgn")).split()[1], 16)
    ignored = {number for number in signal.valid_signals() if mask >> (number - 1) & 1}
    assert ignored <= {signal.SIGPIPE, signal.SIGXFSZ}
