"""Task on Ray whose first process is killed before the training."""

import os
import signal
from pathlib import Path
from unittest.mock import patch

MARKER_VARIABLE = "LOST_RAY_WORKER"
"""Environment variable with the path of a file that the killed process creates."""


def train_or_lose_worker(*arguments):
    """Train a task, but kill the process that runs the first task."""
    marker = Path(os.environ[MARKER_VARIABLE])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    from dnn_cli.execution import ray_worker

    return ray_worker.train_task(*arguments)


def run_and_lose_worker(*arguments):
    """Run a command in a forked process, in which Ray trains with `train_or_lose_worker`."""
    # The import needs Ray, and a worker process needs neither module before its training.
    from dnn_cli.execution import ray_worker
    from tests.helpers import forked_cli

    with patch.object(ray_worker, "train_task", train_or_lose_worker):
        forked_cli.run_in_child(*arguments)
