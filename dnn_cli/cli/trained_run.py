"""The one run that a verb works with, and that must have a trained model."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.cli.chosen_run import find_run
from dnn_cli.errors import UsageError

if TYPE_CHECKING:
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run


def find_trained(address: str, runs_dir: Path) -> "tuple[Run, Record]":
    """A completed run by its address.

    Raises:
        UsageError: there is none, or it has no model of its end.
        RunError: it is broken.
    """
    from dnn_cli.runs.store import Store

    run = find_run(Store(runs_dir), address)
    record = run.read_record()
    if record.status != "completed":
        how = "dnn explain tells more" if record.status in ("diverged", "failed") else f"dnn resume {record.id} goes on"
        raise UsageError(f"{run.directory} holds no model of its end: the run is {record.status}", how)
    if not run.model.is_file():
        raise UsageError(f"{run.model} is {'no file' if os.path.lexists(run.model) else 'missing'}", "train it anew")
    return run, record
