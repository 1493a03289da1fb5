"""Directories of runs that were not trained."""

from pathlib import Path
from typing import Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.identifiers import make_slug
from dnn_cli.config.loading import load_experiment, to_yaml
from dnn_cli.runs.record import Record, Results
from dnn_cli.runs.run import Run
from tests.helpers.digits import DIGITS_YAML

_loaded_configs: dict[tuple[str, ...], tuple[Experiment, str]] = {}


def make_run_directory(
    parent: Path,
    *overrides: str,
    curve: tuple[float, ...] = (0.5, 0.8),
    status: str = "completed",
    stamp: str = "20260101-000000",
    digits: str = "00000001",
    text: str = DIGITS_YAML,
    **changes: Any,
) -> Run:
    """Make the directory of a run below `runs` in a directory, with the scores of a curve, and return the run."""
    config = parent / "digits.yaml"
    config.write_text(text, encoding="utf-8")
    experiment, config_text = _load_config(config, overrides, text)
    directory = parent / "runs" / f"{stamp}-{make_slug(experiment.name)}-{digits}"
    directory.mkdir(parents=True)
    run = Run(directory)
    run.config.write_text(config_text, encoding="utf-8")
    rows = [
        {"epoch": epoch, "loss": 1 - value, "accuracy": value, "val_loss": 1 - value, "val_accuracy": value,
         "learning_rate": 0.001, "seconds": 1.0}
        for epoch, value in enumerate(curve, 1)
    ]  # fmt: skip
    if rows:
        run.write_metrics(rows)
    best = max(rows, key=lambda row: row["val_accuracy"], default=None)
    record = Record(
        id=digits,
        name=experiment.name,
        status=status,
        started=f"2026-01-01T00:00:{int(digits, 16) % 60:02d}.000000+00:00",
        ended="2026-01-01T00:01:00.000000+00:00",
        seconds=2.0,
        epochs=len(rows),
        engine="keras",
        results=Results(monitor="val_accuracy", last=rows[-1] if rows else None, best=best),
        parameters={"total": 1210, "trainable": 1210},
        data={"dataset": experiment.data.dataset, "fingerprint": "sha256:0"},
    )
    run.write_record(record.model_copy(update=changes))
    return run


def _load_config(path: Path, overrides: tuple[str, ...], text: str) -> tuple[Experiment, str]:
    """Load a config and return it as an experiment and as text; equal configs are loaded once.

    A data path in a config depends on the directory of the config.
    """
    key = (text, *overrides)
    if any("path" in part for part in key):
        key = (str(path), *key)
    if key not in _loaded_configs:
        experiment = load_experiment(str(path), overrides).experiment
        _loaded_configs[key] = experiment, to_yaml(experiment)
    return _loaded_configs[key]
