"""A run and the same experiment trained again → whether they are one to the last bit, and what differs around them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from dnn_cli.errors import RunError
from dnn_cli.runs.record import Record, Scores
from dnn_cli.runs.run import Run

_UNCOMPARED_COLUMNS = ("epoch", "seconds")
"""Columns of `metrics.csv` that do not come from the numbers of a training."""


@dataclass(frozen=True)
class MetricDifference:
    """The first number in which the metrics part; `None` stands for one that is not there."""

    epoch: int
    metric: str
    then: float | None
    now: float | None


@dataclass(frozen=True)
class EnvironmentDifference:
    """A value that is recorded otherwise; `None` stands for none."""

    what: str
    """Its key in `run.json`."""

    then: Any
    now: Any


@dataclass(frozen=True)
class _RecordedResult:
    """What came out of a training."""

    record: Record
    metrics: list[Scores]
    weights: str | None
    """A digest, as that of the predictions; `None` where there are none."""

    predictions: str | None


@dataclass(frozen=True)
class ReproductionResult:
    """How a run came out that was trained again."""

    run: Run
    """The new one."""

    original_record: Record
    new_record: Record
    epochs: int
    """How many the original has."""

    equal_weights: bool | None
    """Whether they are the same, as are the predictions; `None` where the original has none to compare with."""

    equal_predictions: bool | None
    first_difference: MetricDifference | None
    """Where the metrics part, if they do."""

    differences: tuple[EnvironmentDifference, ...]
    """What the two ran on and how, as far as that differs."""

    only_in_new: tuple[str, ...]
    """What only the new run has."""

    @property
    def equal_metrics(self) -> bool:
        """Whether every number of every epoch is the same."""
        return self.first_difference is None

    @property
    def is_identical(self) -> bool:
        """Whether all that can be compared is the same to the last bit."""
        same = self.equal_metrics and self.equal_weights is not False and self.equal_predictions is not False
        return same and self.new_record.status == "completed"


def compare_reproduction(original: Run, new_run: Run) -> ReproductionResult:
    """A completed run beside the one that repeats it, however that ended.

    Raises:
        RunError: one of them cannot be read.
    """
    original_result, new_result = read_completed_result(original), _read_result(new_run)
    pairs = {
        "weights": (original_result.weights, new_result.weights),
        "predictions": (original_result.predictions, new_result.predictions),
    }
    equal = {name: None if old is None else old == new for name, (old, new) in pairs.items()}
    return ReproductionResult(
        run=new_run,
        original_record=original_result.record,
        new_record=new_result.record,
        epochs=len(original_result.metrics),
        equal_weights=equal["weights"],
        equal_predictions=equal["predictions"],
        first_difference=_find_first_difference(original_result.metrics, new_result.metrics),
        differences=tuple(_list_environment_differences(original_result.record, new_result.record)),
        only_in_new=tuple(name for name, (old, new) in pairs.items() if old is None and new is not None),
    )


def read_completed_result(run: Run) -> _RecordedResult:
    """What came out of a completed run.

    Raises:
        RunError: it cannot be read, or lacks its metrics.
    """
    result = _read_result(run)
    if not result.metrics:
        raise RunError(
            "metrics.csv is missing or has no row, though the run is completed", "train its config.yaml again"
        )
    return result


def _read_result(run: Run) -> _RecordedResult:
    """What came out of a run.

    Raises:
        RunError: it cannot be read.
    """
    record = run.read_record()
    return _RecordedResult(record, run.read_metrics(), record.results.weights, _compute_predictions_digest(run))


def _compute_predictions_digest(run: Run) -> str | None:
    """A digest that is equal only for equal arrays in `predictions.npz`; `None` where there is no such file.

    Raises:
        RunError: the file is damaged, or none that a training writes.
    """
    from dnn_cli.metrics.saved_predictions import read_predictions

    arrays = read_predictions(run)
    if arrays is None:
        return None
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(repr((name, array.shape, array.dtype.str)).encode())
        digest.update(array.tobytes())
    return f"sha256:{digest.hexdigest()}"


def _find_first_difference(
    original_metrics: Sequence[Scores], new_metrics: Sequence[Scores]
) -> MetricDifference | None:
    """The first number that is not the same to the last bit, in the order of the file."""
    nothing: Scores = {}
    for epoch, (old, new) in enumerate(zip_longest(original_metrics, new_metrics, fillvalue=nothing), 1):
        for name in dict.fromkeys((*old, *new)):
            if name not in _UNCOMPARED_COLUMNS and _format_bits(old.get(name)) != _format_bits(new.get(name)):
                return MetricDifference(epoch, name, old.get(name), new.get(name))
    return None


def _format_bits(value: float | None) -> str | None:
    """A number as text that is equal only for equal bits: 0 and -0 are two."""
    return None if value is None else float(value).hex()


def _list_environment_differences(original_record: Record, new_record: Record) -> list[EnvironmentDifference]:
    """Return the values in which two records differ, of those that can influence the numbers."""
    before, after = _get_environment(original_record), _get_environment(new_record)
    return [
        EnvironmentDifference(f"{part}.{name}", before[part].get(name), after[part].get(name))
        for part in before
        for name in dict.fromkeys((*before[part], *after[part]))
        if before[part].get(name) != after[part].get(name)
    ]


def _get_environment(record: Record) -> dict[str, dict[str, Any]]:
    """What a training ran on and how, by the parts of `run.json`."""
    plan, git = {**record.plan, "engine": record.engine}, record.git or {}
    return {
        "versions": dict(record.versions),
        "platform": record.platform,
        "flags": dict(record.flags),
        "plan": {name: plan.get(name) for name in ("engine", "jit", "precision", "steps")},
        "git": {name: git.get(name) for name in ("commit", "dirty")},
        "data": {name: record.data.get(name) for name in ("fingerprint", "split")},
    }
