"""The one run that a verb works with, and that must have a trained model."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.chosen_run import find_run
from dnn_cli.errors import UsageError

if TYPE_CHECKING:
    from dnn_cli.runs.entry import Entry
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel


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


Best = Annotated[bool, typer.Option("--best", help="Use the model of the best epoch, best.keras.")]


def find_model(address: str, runs_dir: Path, *, best: bool = False) -> "tuple[Run, Record, SavedModel]":
    """Return a completed run, and its model of the last epoch or, with `best`, of the best epoch.

    Raises:
        UsageError: no completed run has the address, or the run has no such model.
        RunError: the run is damaged.
    """
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.saved_models import last_model

    run, record = find_trained(address, runs_dir)
    entry = read_entry(run).detailed()
    return run, record, best_of(entry) if best else last_model(entry)


def best_of(entry: "Entry") -> "SavedModel":
    """Return the model of the best epoch of a run, from `best.keras`.

    Raises:
        UsageError: the run has no such file. The hint names the command that makes one, or the file to use instead.
    """
    from dnn_cli.runs.saved_models import best_model, last_model

    found = best_model(entry)
    if found is not None:
        return found
    last, missing = last_model(entry), f"{entry.run.directory} has no best.keras"
    if last.holds == "restored":
        raise UsageError(f"{missing}, and model.keras already holds {last.text()}", "leave --best out")
    monitor = entry.record.results.monitor if entry.record else "val_loss"
    again = shlex.join(["dnn", "train", str(entry.run.config), f"model_checkpoint={{monitor: {monitor}}}"])
    if (entry.experiment or {}).get("model_checkpoint"):
        raise UsageError(
            f"{missing}, though model_checkpoint wrote one", f"dnn train {entry.run.config} writes it again"
        )
    raise UsageError(f"{missing}: it was trained without model_checkpoint", f"{again} keeps one")
