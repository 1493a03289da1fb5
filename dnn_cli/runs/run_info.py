"""A run read from disk, with the content of its small files. Config and metrics are read when they are needed."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pydantic_core

from dnn_cli.config.cross_validation import Fold, find_fold
from dnn_cli.config.digests import compute_variant_digest
from dnn_cli.errors import ConfigError, RunError
from dnn_cli.runs.annotations import NO_ANNOTATIONS, Annotations, read_annotations
from dnn_cli.runs.record import Baseline, Record
from dnn_cli.runs.run import Run


@dataclass(frozen=True)
class RunDetails:
    """Config and scores of each epoch of a run, in a form that takes little memory."""

    config_json: str | None
    """The resolved config as JSON; `None` if the config cannot be read."""

    variant_digest: str = ""
    """Variant digest of the config; empty without a config.

    It is equal for runs that differ only in seed, fold, names, diagnostics and `model_checkpoint`."""

    seed: int = 0
    fold: Fold | None = None
    """The fold of the run in a cross-validation; `None` for other runs."""

    columns: tuple[str, ...] = ()
    """Columns of `metrics.csv`."""

    metric_bytes: bytes = b""
    """Numbers of `metrics.csv` as float64, column after column."""

    error: str | None = None
    """Reason why the config or the metrics cannot be read; `None` if both were read."""

    @property
    def epoch_count(self) -> int:
        return len(self.metric_bytes) // 8 // len(self.columns) if self.columns else 0

    @cached_property
    def config(self) -> dict[str, Any] | None:
        """The resolved config as plain values; `None` if the config cannot be read."""
        return None if self.config_json is None else pydantic_core.from_json(self.config_json)

    def get_metric_values(self, name: str) -> Sequence[float]:
        """Return the values of a column of `metrics.csv`, one for each epoch; empty without the column."""
        if name not in self.columns:
            return array("d")
        begin = self.columns.index(name) * self.epoch_count * 8
        return array("d", self.metric_bytes[begin : begin + self.epoch_count * 8])


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run read from disk: its record, or the reason why the record cannot be read or used."""

    run: Run
    record: Record | None
    error: str | None = None
    annotations: Annotations = NO_ANNOTATIONS
    loaded_details: RunDetails | None = field(default=None, compare=False, repr=False)
    """Config and metrics of the run; `None` if they have not been read."""

    @property
    def name(self) -> str:
        """Name of the run; the directory name for a run without a record."""
        return self.record.name if self.record else self.run.directory.name

    @property
    def details(self) -> RunDetails:
        """Config and metrics of the run. Each access reads both from disk, unless `loaded_details` holds them."""
        return self.loaded_details or read_details(self.run, self.record)

    @property
    def config(self) -> dict[str, Any] | None:
        """The resolved config as plain values; `None` if the config cannot be read. See `details`."""
        return self.details.config

    def with_details(self) -> "RunInfo":
        """Return the run with loaded details (config and metrics)."""
        return self if self.loaded_details else replace(self, loaded_details=read_details(self.run, self.record))


def read_run_info(run: Run) -> RunInfo:
    """Read a run: its record and annotations, or the reason why the record cannot be read."""
    try:
        record = run.read_record()
    except RunError as error:
        return RunInfo(run, None, error.message)
    return with_annotations(RunInfo(run, record), read_valid_annotations(run))


def with_annotations(run_info: RunInfo, annotations: Annotations) -> RunInfo:
    """Return a run with annotations; the name in the annotations, if any, replaces the name in the record."""
    record = run_info.record
    if record is not None and annotations.name is not None:
        record = record.model_copy(update={"name": annotations.name})
    return replace(run_info, record=record, annotations=annotations)


def read_valid_annotations(run: Run) -> Annotations:
    """Read the annotations of a run. Damaged annotations are ignored, so that the run can still be listed."""
    try:
        return read_annotations(run)
    except RunError:
        return NO_ANNOTATIONS


def read_details(run: Run, record: Record | None = None) -> RunDetails:
    """Read the config and the metrics of a run, or the reason why they cannot be read.

    The config of a baseline has only the keys that influence a baseline, and its method as `baseline`. Its seed is 0.

    Args:
        run: The run.
        record: The record of the run; `None` reads the record.
    """
    from dnn_cli.config.loading import load_resolved_experiment

    try:
        config = load_resolved_experiment(str(run.config)).model_dump(mode="json")
    except (ConfigError, RunError) as error:
        issue = error.issues[0] if isinstance(error, ConfigError) else None
        return RunDetails(None, error=f"config.yaml: {issue.key} {issue.message}" if issue else error.message)
    try:
        rows, error_message = run.read_metrics(), None
    except RunError as error:
        rows, error_message = [], error.message
    record = record or _find_record(run)
    if record is not None and record.baseline is not None:
        config = _build_baseline_config(config, record.baseline, record.data.get("train"))
    columns = tuple(rows[0]) if rows else ()
    values = array("d", (row[name] for name in columns for row in rows)).tobytes()
    return RunDetails(
        json.dumps(config),
        compute_variant_digest(config),
        config.get("seed", 0),
        find_fold(config),
        columns,
        values,
        error_message,
    )


_BASELINE_KEYS = ("name", "data", "loss", "metrics", "class_weight")
"""Keys of a config that influence a baseline or its scores."""

_UNUSED_DATA_KEYS = ("standardize", "flatten")
"""Keys of `data` that do not influence a baseline: the linear model standardizes all inputs itself."""


def _find_record(run: Run) -> Record | None:
    """Read the record of a run; `None` if it cannot be read."""
    try:
        return run.read_raw_record()
    except RunError:
        return None


def _build_baseline_config(config: dict[str, Any], baseline: Baseline, training_examples: Any) -> dict[str, Any]:
    """Return the part of a resolved config that influences a baseline, with its method as `baseline`.

    Two baselines with equal parts have equal predictions for equal data. If a baseline used fewer examples than the
    `training_examples` of the data, its method has their number.
    """
    subsample = {"examples": baseline.examples} if baseline.examples != training_examples else {}
    data = {key: value for key, value in config["data"].items() if key not in _UNUSED_DATA_KEYS}
    used = {key: config[key] for key in _BASELINE_KEYS if key in config}
    return {**used, "data": data, "baseline": {"type": baseline.method, **subsample}}
