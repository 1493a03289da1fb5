"""The one run that a verb works with, and that must have a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING

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

    run = Store(runs_dir).find(address)
    record = run.read_record()
    if record.status != "completed" or not run.model.is_file():
        how = f"dnn resume {record.id} goes on" if record.status != "completed" else "train it to its end first"
        raise UsageError(f"{run.directory} holds no model of its end: the run is {record.status}", how)
    return run, record
