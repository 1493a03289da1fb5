"""Checks before a run is resumed: whether the run can continue, and which conditions have changed since its training.

After a change, the result would differ from that of an uninterrupted training. A user must therefore allow changes with
`--force`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.digests import build_training_config, compute_training_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import UsageError
from dnn_cli.runs.checkpoint import Checkpoint, TrainingProgress
from dnn_cli.runs.record import Record
from dnn_cli.training import environment

if TYPE_CHECKING:
    from dnn_cli.training.training_job import TrainingJob

_VERSIONED_PACKAGES = ("keras", "tensorflow")
"""Packages whose versions influence numerical results."""


def check_resumable(record: Record, checkpoint: Checkpoint | None, experiment: Experiment, *, force: bool) -> None:
    """Check that a run can be resumed.

    Args:
        record: The record of the run.
        checkpoint: The last checkpoint of the run, or `None`.
        experiment: The experiment with which the training continues.
        force: Whether a run that stopped early or diverged may continue.

    Raises:
        UsageError: all epochs are trained, a completed run has no checkpoint, the names of scores differ from those of
            the checkpoint, or `force` is needed.
    """
    epochs, run_label = experiment.epochs, f"run {record.id}"
    progress = checkpoint.progress if checkpoint else TrainingProgress(experiment="")
    done = progress.epoch
    if epochs < done + bool(progress.calls):
        progress_text = f"already began epoch {done + 1}" if progress.calls else f"already has {_format_epochs(done)}"
        raise UsageError(
            f"{run_label} {progress_text}, but epochs is {epochs}",
            f"use a larger number, for example epochs={2 * (done + 1)}",
        )
    columns = {"epoch", *experiment.score_names, "learning_rate", "seconds"}
    if progress.rows and progress.rows[0].keys() != columns:
        other_columns = ", ".join(sorted(progress.rows[0].keys() ^ columns))
        raise UsageError(
            f"{run_label} was trained with other scores: {other_columns}",
            "to change the scores, train a new run with dnn train",
        )
    if record.status == "completed":
        if checkpoint is None:
            raise UsageError(f"{run_label} is completed and has no checkpoint", "train a new run with its config.yaml")
        if progress.stopped and not force:
            raise UsageError(
                f"{run_label} is completed: {record.reason or 'early_stopping ended the training'}",
                f"add epochs={epochs if epochs > done else 2 * done} '~early_stopping' --force, "
                "or increase early_stopping.patience and add --force",
            )
        if epochs == done:
            raise UsageError(
                f"{run_label} is completed: it has {_format_epochs(epochs)}",
                f"to train more epochs, add epochs={2 * epochs}",
            )
    if record.status == "diverged" and not force:
        raise UsageError(
            f"{run_label} diverged ({record.reason}) and would diverge again",
            f"to continue from epoch {done + 1}, change optimizer.learning_rate and add --force",
        )


def _format_epochs(number: int) -> str:
    """Format a number of epochs, such as `1 epoch` or `5 epochs`."""
    return f"{number} epoch" + ("" if number == 1 else "s")


def list_changes(
    record: Record, checkpoint: Checkpoint | None, old_experiment: Experiment, new_experiment: Experiment
) -> list[str]:
    """Return a line for every change of the config and of package versions since the run was trained.

    These changes can be found before the data is loaded. `list_environment_changes` returns the others.
    """
    change_lines = []
    if checkpoint is not None and checkpoint.progress.experiment != compute_training_digest(old_experiment):
        change_lines.append("config.yaml has changed since the last checkpoint")
    return [
        *change_lines,
        *list_config_changes(old_experiment, new_experiment),
        *list_version_changes(record),
    ]


def list_version_changes(record: Record) -> list[str]:
    """Return a line for every package with another version than in the training, such as `keras: 3.12.0 → 3.15.0`."""
    recorded = {name: record.versions.get(name) for name in _VERSIONED_PACKAGES}
    return _list_value_changes(recorded, environment.read_versions())


def list_config_changes(old_experiment: Experiment, new_experiment: Experiment) -> list[str]:
    """Return a line for every key in which two experiments differ, such as `optimizer.learning_rate: 0.1 → 0.01`."""
    old, new = find_config_differences([build_training_config(old_experiment), build_training_config(new_experiment)])
    limits = [experiment.data.test_reads for experiment in (old_experiment, new_experiment)]
    # The key changes no weights, so that digests leave it out. A resumption must not raise the limit unnoticed.
    limit_changes = [f"data.test_reads: {limits[0] or '–'} → {limits[1] or '–'}"] if limits[0] != limits[1] else []
    return [
        *(f"{key}: {old.get(key) or '–'} → {new.get(key) or '–'}" for key in dict.fromkeys([*old, *new])),
        *limit_changes,
    ]


def _list_value_changes(recorded: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return a line for every recorded value that differs from the current value, such as `keras: 3.11.0 → 3.12.0`."""
    return [
        f"{name}: {old} → {current.get(name)}"
        for name, old in recorded.items()
        if old is not None and old != current.get(name)
    ]


def list_environment_changes(record: Record, job: "TrainingJob") -> list[str]:
    """Return a line for every change of examples, split, processor and execution plan since the run was trained."""
    change_lines = []
    if record.data.get("fingerprint") != job.examples.compute_fingerprint():
        change_lines.append("data: the examples differ")
    elif record.data.get("split") not in (None, job.split.compute_fingerprint()):
        change_lines.append("data: the split differs")
    recorded = {"engine": record.engine, **record.plan, "device": record.platform.get("device")}
    current = {**asdict(job.plan), "device": job.device.name}
    return change_lines + _list_value_changes(
        {name: value for name, value in recorded.items() if name != "why"}, current
    )
