"""`RunInfo`: a run read from disk, with the content of its small files; its details are read when they are needed."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pydantic_core

from dnn_cli.config.digests import compute_variant_digest
from dnn_cli.errors import ConfigError, RunError
from dnn_cli.runs.annotations import NO_ANNOTATIONS, Annotations, read_annotations
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run


@dataclass(frozen=True)
class RunDetails:
    """The config of a run and its scores of every epoch, in a form that takes little memory."""

    config_json: str | None
    """The resolved config as JSON."""

    variant_digest: str = ""
    """The digest that configs share which differ only in seed and names."""

    seed: int = 0
    columns: tuple[str, ...] = ()
    """Those of `metrics.csv`."""

    metric_bytes: bytes = b""
    """Its numbers as float64, a column after the other."""

    error: str | None = None
    """The reason why there is no config, or are no metrics."""

    @property
    def epoch_count(self) -> int:
        return len(self.metric_bytes) // 8 // len(self.columns) if self.columns else 0

    @cached_property
    def config(self) -> dict[str, Any] | None:
        """The resolved config as plain values."""
        return None if self.config_json is None else pydantic_core.from_json(self.config_json)

    def get_metric_values(self, name: str) -> Sequence[float]:
        """The values of a score, an epoch each; none where there is no such score."""
        if name not in self.columns:
            return array("d")
        begin = self.columns.index(name) * self.epoch_count * 8
        return array("d", self.metric_bytes[begin : begin + self.epoch_count * 8])


@dataclass(frozen=True)
class RunInfo:
    """A run read from disk, with its record or with the reason why it cannot be read or used."""

    run: Run
    record: Record | None
    error: str | None = None
    annotations: Annotations = NO_ANNOTATIONS
    loaded_details: RunDetails | None = field(default=None, compare=False, repr=False)
    """Its details, if they have been read."""

    @property
    def name(self) -> str:
        """What the run is called; a broken one by its directory."""
        return self.record.name if self.record else self.run.directory.name

    @property
    def details(self) -> RunDetails:
        """What its config and metrics say."""
        return self.loaded_details or read_details(self.run)

    @property
    def config(self) -> dict[str, Any] | None:
        """The resolved config as plain values; `None` where it cannot be read."""
        return self.details.config

    def with_details(self) -> "RunInfo":
        """The same run, whose details are read once and for all."""
        return self if self.loaded_details else replace(self, loaded_details=read_details(self.run))


def read_run_info(run: Run) -> RunInfo:
    """Read a run: its record, or the reason why that cannot be read, under the name of its annotations."""
    try:
        record = run.read_record()
    except RunError as error:
        return RunInfo(run, None, error.message)
    return with_annotations(RunInfo(run, record), read_valid_annotations(run))


def with_annotations(run_info: RunInfo, annotations: Annotations) -> RunInfo:
    """Return a run with annotations and under their name."""
    record = run_info.record
    if record is not None and annotations.name is not None:
        record = record.model_copy(update={"name": annotations.name})
    return replace(run_info, record=record, annotations=annotations)


def read_valid_annotations(run: Run) -> Annotations:
    """Read the annotations of a run; damaged ones are ignored, so that the run can still be listed."""
    try:
        return read_annotations(run)
    except RunError:
        return NO_ANNOTATIONS


def read_details(run: Run) -> RunDetails:
    """What the config and the metrics of a run say, or why they say nothing."""
    from dnn_cli.config.loading import load_resolved_experiment

    try:
        config = load_resolved_experiment(str(run.config)).model_dump(mode="json")
    except (ConfigError, RunError) as error:
        fault = error.issues[0] if isinstance(error, ConfigError) else None
        return RunDetails(None, error=f"config.yaml: {fault.key} {fault.message}" if fault else error.message)
    try:
        rows, error_message = run.read_metrics(), None
    except RunError as error:
        rows, error_message = [], error.message
    columns = tuple(rows[0]) if rows else ()
    values = array("d", (row[name] for name in columns for row in rows)).tobytes()
    return RunDetails(
        json.dumps(config), compute_variant_digest(config), config["seed"], columns, values, error_message
    )
