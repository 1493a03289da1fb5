"""`Entry`: a run as it was found, with all that its small files say; the large ones are read when asked for."""

import hashlib
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pydantic_core

from dnn_cli.errors import ConfigError, RunError
from dnn_cli.runs.labels import NONE, Labels, read_labels
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.spec.differences import comparable, nameless


@dataclass(frozen=True)
class Details:
    """What a run was told to do, and how it went epoch by epoch, in a form that takes little room."""

    text: str | None
    """The resolved experiment as JSON."""

    alike: str = ""
    """A digest of it, which experiments share that differ only in their seed and in names."""

    seed: int = 0
    columns: tuple[str, ...] = ()
    """Those of `metrics.csv`."""

    values: bytes = b""
    """Its numbers as float64, a column after the other."""

    trouble: str | None = None
    """Why there is no experiment, or are no metrics."""

    @property
    def epochs(self) -> int:
        return len(self.values) // 8 // len(self.columns) if self.columns else 0

    @cached_property
    def experiment(self) -> dict[str, Any] | None:
        """The resolved config as plain values."""
        return None if self.text is None else pydantic_core.from_json(self.text)

    def column(self, name: str) -> Sequence[float]:
        """The values of a score, an epoch each; none where there is no such score."""
        if name not in self.columns:
            return array("d")
        begin = self.columns.index(name) * self.epochs * 8
        return array("d", self.values[begin : begin + self.epochs * 8])


@dataclass(frozen=True)
class Entry:
    """A run as it was found: with its record, or with the reason why it cannot be read or used."""

    run: Run
    record: Record | None
    broken: str | None = None
    labels: Labels = NONE
    known: Details | None = field(default=None, compare=False, repr=False)
    """Its details, if they have been read."""

    @property
    def name(self) -> str:
        """What the run is called; a broken one by its directory."""
        return self.record.name if self.record else self.run.directory.name

    @property
    def details(self) -> Details:
        """What its config and metrics say."""
        return self.known or read_details(self.run)

    @property
    def experiment(self) -> dict[str, Any] | None:
        """The resolved config as plain values; `None` where it cannot be read."""
        return self.details.experiment

    def detailed(self) -> "Entry":
        """The same run, whose details are read once and for all."""
        return self if self.known else replace(self, known=read_details(self.run))


def read_entry(run: Run) -> Entry:
    """A run with its record, or with the reason why it cannot be read; under the name that a person gave it."""
    try:
        record = run.read_record()
    except RunError as error:
        return Entry(run, None, error.message)
    return labelled(Entry(run, record), labels_of(run))


def labelled(entry: Entry, labels: Labels) -> Entry:
    """A run under its labels."""
    record = entry.record
    if record is not None and labels.name is not None:
        record = record.model_copy(update={"name": labels.name})
    return replace(entry, record=record, labels=labels)


def labels_of(run: Run) -> Labels:
    """The labels of a run; damaged ones hide no result and are told of when they are to be changed."""
    try:
        return read_labels(run)
    except RunError:
        return NONE


def read_details(run: Run) -> Details:
    """What the config and the metrics of a run say, or why they say nothing."""
    from dnn_cli.spec.load import load_resolved

    try:
        experiment = load_resolved(str(run.config)).model_dump(mode="json")
    except (ConfigError, RunError) as error:
        fault = error.faults[0] if isinstance(error, ConfigError) else None
        return Details(None, trouble=f"config.yaml: {fault.key} {fault.message}" if fault else error.message)
    try:
        rows, trouble = run.read_metrics(), None
    except RunError as error:
        rows, trouble = [], error.message
    columns = tuple(rows[0]) if rows else ()
    values = array("d", (row[name] for name in columns for row in rows)).tobytes()
    return Details(json.dumps(experiment), alike_digest(experiment), experiment["seed"], columns, values, trouble)


def alike_digest(experiment: dict[str, Any]) -> str:
    """A digest of an experiment less its seed and its names."""
    alike = {key: value for key, value in nameless(comparable(experiment)).items() if key != "seed"}
    return hashlib.sha256(json.dumps(alike, sort_keys=True).encode()).hexdigest()
