"""The saved models of a run: files with weights, and the epochs of these weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dnn_cli.config.score_names import lower_is_better
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.record import NON_SCORE_COLUMNS
from dnn_cli.runs.run_info import RunInfo

_WeightsKind = Literal["last", "restored", "averaged", "best"]
"""Kinds of weights: of the last epoch, restored by early stopping, averaged over steps (`use_ema`), or of the best
epoch, which `model_checkpoint` saved."""


@dataclass(frozen=True)
class SavedModel:
    """A file with weights of a run."""

    path: Path
    weights_kind: _WeightsKind
    epoch: int | None = None
    """Epoch of the weights; `None` for weights that are averaged after the training only, and where the run does not
    record the epoch."""

    monitor: str | None = None
    """Name of the score that chose the epoch as the best; `None` for the last epoch and for averaged weights."""

    scores: Scores | None = None
    """Scores of the weights; `None` if the run does not record the scores."""

    is_averaged: bool = False
    """Whether the weights of the epoch are moving averages (`swap_ema_weights`)."""

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return self.path.name

    def format_epoch(self) -> str:
        """Format the epoch of the weights and why this epoch was saved, such as `epoch 7, the best by val_loss`."""
        if self.weights_kind == "averaged":
            return "weights averaged over the training (use_ema)"
        epoch = f"epoch {self.epoch}" if self.epoch is not None else "an unknown epoch"
        epoch = f"weights averaged up to {epoch} (use_ema)" if self.is_averaged else epoch
        if self.weights_kind == "last":
            return f"{epoch}, the last"
        monitor_text = f" by {self.monitor}" if self.monitor else ""
        return f"{epoch}, the best{monitor_text}" + (
            ", restored by early_stopping" if self.weights_kind == "restored" else ""
        )

    def to_document(self) -> dict[str, Any]:
        """Return the file name, epoch, kind of weights and monitor as a JSON document."""
        return {"file": self.file_name, "epoch": self.epoch, "holds": self.weights_kind, "monitor": self.monitor}


def get_last_model(run_info: RunInfo) -> SavedModel:
    """Return the saved model `model.keras`, with which the training ended.

    Runs of an older dnn lack `results.epoch`. For these runs, the epoch that early stopping restored is computed from
    the monitored scores.
    """
    config, results = run_info.config or {}, run_info.record.results if run_info.record else None
    stopping, path = config.get("early_stopping") or {}, run_info.run.model
    last = results.last if results else None
    epoch, scores = int(last["epoch"]) if last else None, results.final_scores if results else None
    if stopping.get("restore_best_weights"):
        monitor = str(stopping["monitor"])
        recorded = results.epoch if results else None
        epoch = recorded or compute_restored_epoch(
            run_info.details.get_metric_values(monitor), stopping, falls=lower_is_better(monitor)
        )
        kind: _WeightsKind = "restored" if epoch else "last"
        restored_scores = _add_training_scores(run_info, epoch, scores)
        return SavedModel(path, kind, epoch, monitor, restored_scores, _saves_averages(config))
    if (config.get("optimizer") or {}).get("use_ema"):
        # With averages after each epoch, the last ones are those of the last epoch.
        averaged_epoch = epoch if _saves_averages(config) else None
        return SavedModel(path, "averaged", averaged_epoch, None, results.model if results else None)
    return SavedModel(path, "last", epoch, None, scores)


def find_best_model(run_info: RunInfo) -> SavedModel | None:
    """Return the saved model `best.keras`; `None` without the file.

    Runs of an older dnn lack `results.kept`. For these runs, the epoch is the first with the best value of the
    monitored score.
    """
    path = run_info.run.best_model
    if not path.is_file():
        return None
    config = run_info.config or {}
    monitor = (config.get("model_checkpoint") or {}).get("monitor")
    epoch = run_info.record.results.kept if run_info.record else None
    values = run_info.details.get_metric_values(monitor) if monitor else ()
    if epoch is None and values:
        best = min(values) if lower_is_better(str(monitor)) else max(values)
        epoch = list(values).index(best) + 1
    return SavedModel(path, "best", epoch, monitor, _get_epoch_scores(run_info, epoch), _saves_averages(config))


def _saves_averages(config: Mapping[str, Any]) -> bool:
    """Return whether callbacks of a resolved config save moving averages of the weights after an epoch."""
    return bool((config.get("swap_ema_weights") or {}).get("swap_on_epoch"))


def compute_restored_epoch(values: Sequence[float], stopping: Mapping[str, Any], *, falls: bool) -> int | None:
    """Return the epoch whose weights Keras's EarlyStopping restores.

    As in Keras, an epoch is better only if its score improves by more than `min_delta`. Epochs before
    `start_from_epoch` do not count. The result is `None` without a later epoch.

    Args:
        values: The monitored score of each epoch.
        stopping: The value of `early_stopping` in the config.
        falls: Whether a smaller score is better.
    """
    sign, delta, start = 1 if falls else -1, abs(stopping.get("min_delta", 0.0)), stopping.get("start_from_epoch", 0)
    best_value, restored = None, None
    for epoch, value in enumerate(values):
        if epoch >= start and (best_value is None or sign * value < best_value - delta):
            best_value, restored = sign * value, epoch + 1
    return restored


def _get_epoch_scores(run_info: RunInfo, epoch: int | None) -> Scores | None:
    """Return the scores of an epoch from `metrics.csv`; `None` if the file lacks the epoch."""
    details = run_info.details
    if epoch is None or not 1 <= epoch <= details.epoch_count:
        return None
    row = {name: details.get_metric_values(name)[epoch - 1] for name in details.columns}
    return {"epoch": epoch, **{name: value for name, value in row.items() if name not in NON_SCORE_COLUMNS}}


def _add_training_scores(run_info: RunInfo, epoch: int | None, scores: Scores | None) -> Scores | None:
    """Add the training scores of the restored epoch to the recorded validation scores of a model; return all scores.

    Args:
        run_info: The run.
        epoch: The epoch of the restored weights.
        scores: The result if `metrics.csv` lacks the epoch.
    """
    row = _get_epoch_scores(run_info, epoch)
    if row is None:
        return scores
    return {**row, **((run_info.record.results.model if run_info.record else None) or {})}


def find_better_model(run_info: RunInfo, model: SavedModel) -> SavedModel | None:
    """Return the best model of a run if it comes from another epoch than the evaluated model.

    Otherwise, or if the run has no best model, return `None`.
    """
    best = find_best_model(run_info)
    return best if best is not None and model.weights_kind != "best" and best.epoch != model.epoch else None
