"""`SavedModel`: a file with the weights of a run, and the epoch that the weights are from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import NO_SCORES, Scores
from dnn_cli.spec.metrics import lower_is_better

Holds = Literal["last", "restored", "averaged", "best"]
"""Weights of the last epoch; of the epoch that early stopping restored; averaged over steps (`use_ema`); of the best
epoch by `model_checkpoint`."""


@dataclass(frozen=True)
class SavedModel:
    """A weights file of a run."""

    path: Path
    holds: Holds
    epoch: int | None = None
    """The epoch of the weights; `None` for averaged weights, and where the run does not show the epoch."""

    monitor: str | None = None
    """The score by which the epoch is the best; `None` for the last epoch and for averaged weights."""

    scores: Scores | None = None
    """The scores of the weights, where the run recorded them."""

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.path.name

    def text(self) -> str:
        """Return which epoch the file holds, in words."""
        if self.holds == "averaged":
            return "weights averaged over the training (use_ema)"
        epoch = f"epoch {self.epoch}" if self.epoch is not None else "an epoch that the run does not name"
        if self.holds == "last":
            return f"{epoch}, the last"
        by = f" by {self.monitor}" if self.monitor else ""
        return f"{epoch}, the best{by}" + (", restored by early_stopping" if self.holds == "restored" else "")

    def document(self) -> dict[str, Any]:
        """Return the file and its epoch for programs."""
        return {"file": self.file, "epoch": self.epoch, "holds": self.holds, "monitor": self.monitor}


def last_model(entry: Entry) -> SavedModel:
    """Return the model of `model.keras`, the one that the training ended with.

    Runs of an older dnn have no `results.epoch`. Early stopping is then replayed on the curve.
    """
    experiment, results = entry.experiment or {}, entry.record.results if entry.record else None
    stopping, path = experiment.get("early_stopping") or {}, entry.run.model
    last = results.last if results else None
    epoch, scores = int(last["epoch"]) if last else None, results.final if results else None
    if stopping.get("restore_best_weights"):
        monitor = str(stopping["monitor"])
        recorded = results.epoch if results else None
        epoch = recorded or restored_epoch(entry.details.column(monitor), stopping, falls=lower_is_better(monitor))
        return SavedModel(path, "restored" if epoch else "last", epoch, monitor, with_training(entry, epoch, scores))
    if (experiment.get("optimizer") or {}).get("use_ema"):
        return SavedModel(path, "averaged", None, None, results.model if results else None)
    return SavedModel(path, "last", epoch, None, scores)


def best_model(entry: Entry) -> SavedModel | None:
    """Return the model of `best.keras`; `None` where the run has no such file.

    Runs of an older dnn have no `results.kept`. The epoch is then the first with the best value of the monitored score.
    """
    path = entry.run.best_model
    if not path.is_file():
        return None
    monitor = ((entry.experiment or {}).get("model_checkpoint") or {}).get("monitor")
    epoch = entry.record.results.kept if entry.record else None
    values = entry.details.column(monitor) if monitor else ()
    if epoch is None and values:
        best = min(values) if lower_is_better(str(monitor)) else max(values)
        epoch = list(values).index(best) + 1
    return SavedModel(path, "best", epoch, monitor, scores_of_epoch(entry, epoch))


def restored_epoch(values: Sequence[float], stopping: Mapping[str, Any], *, falls: bool) -> int | None:
    """Return the epoch that Keras's EarlyStopping restores; `None` where it had none to restore.

    As in Keras, an epoch is better only by more than `min_delta`, and epochs before `start_from_epoch` do not count.
    """
    sign, delta, start = 1 if falls else -1, abs(stopping.get("min_delta", 0.0)), stopping.get("start_from_epoch", 0)
    best, found = None, None
    for epoch, value in enumerate(values):
        if epoch >= start and (best is None or sign * value < best - delta):
            best, found = sign * value, epoch + 1
    return found


def scores_of_epoch(entry: Entry, epoch: int | None) -> Scores | None:
    """Return the row of `metrics.csv` of an epoch; `None` where there is none."""
    details = entry.details
    if epoch is None or not 1 <= epoch <= details.epochs:
        return None
    row = {name: details.column(name)[epoch - 1] for name in details.columns}
    return {"epoch": epoch, **{name: value for name, value in row.items() if name not in NO_SCORES}}


def with_training(entry: Entry, epoch: int | None, scores: Scores | None) -> Scores | None:
    """Return the scores of a restored model: the training scores of its epoch, and its validation scores."""
    row = scores_of_epoch(entry, epoch)
    if row is None:
        return scores
    return {**row, **((entry.record.results.model if entry.record else None) or {})}
