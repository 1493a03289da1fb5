"""Comparison of a run with a new run of its experiment: whether all bits are equal, and how environments differ."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from dnn_cli.errors import RunError
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run

_UNCOMPARED_COLUMNS = ("epoch", "seconds")
"""Columns of `metrics.csv` that are not compared, because they are not computed from the weights."""


@dataclass(frozen=True)
class MetricDifference:
    """First difference between the metrics of two runs: `then` is the value of the original, `now` that of the new run.

    A value is `None` if the run lacks this number.
    """

    epoch: int
    metric: str
    then: float | None
    now: float | None


@dataclass(frozen=True)
class EnvironmentDifference:
    """Difference between two run records: `then` is the value in the original record, `now` that in the new record.

    A value is `None` if the record lacks the key.
    """

    what: str
    """Key in `run.json`, such as `versions.keras`."""

    then: Any
    now: Any


@dataclass(frozen=True)
class _RecordedResult:
    """Result of a training, for a comparison with another result."""

    record: Record
    metrics: list[Scores]
    weights: str | None
    """Digest of the weights; `None` if the record lacks the digest."""

    predictions: str | None
    """Digest of the predictions; `None` if the run has no predictions."""


@dataclass(frozen=True)
class ReproductionResult:
    """Result of training a run's experiment again, compared with the original run."""

    run: Run
    """The new run."""

    original_record: Record
    new_record: Record
    epochs: int
    """Number of epochs of the original run."""

    equal_weights: bool | None
    """Whether the weights are equal; `None` if the original run has no digest of weights."""

    equal_predictions: bool | None
    """Whether the predictions are equal; `None` if the original run has no predictions."""

    first_difference: MetricDifference | None
    """First number in which the metrics differ; `None` if all are equal."""

    differences: tuple[EnvironmentDifference, ...]
    """Differences in versions, platform, TensorFlow's environment variables, execution plan, commit and data."""

    only_in_new: tuple[str, ...]
    """Names of results that only the new run has: `weights`, `predictions`. These results cannot be compared."""

    @property
    def equal_metrics(self) -> bool:
        """Whether every number of every epoch is equal."""
        return self.first_difference is None

    @property
    def is_deterministic(self) -> bool:
        """Whether both trainings were deterministic. Otherwise, equal conditions can give different results."""
        return self.original_record.is_deterministic and self.new_record.is_deterministic

    @property
    def is_identical(self) -> bool:
        """Whether the new run is completed, and all results that both runs have are equal to the last bit."""
        same = self.equal_metrics and self.equal_weights is not False and self.equal_predictions is not False
        return same and self.new_record.status == "completed"


def compare_reproduction(original: Run, new_run: Run) -> ReproductionResult:
    """Return the comparison of a completed run with a new run of its experiment.

    Args:
        original: The completed run.
        new_run: The run that repeats the original, with any status.

    Raises:
        RunError: one of the runs cannot be read, or the original has no metrics.
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
    """Read the result of a completed run.

    Raises:
        RunError: the run cannot be read, or has no metrics.
    """
    result = _read_result(run)
    if not result.metrics:
        raise RunError(
            "metrics.csv is missing or has no row, though the run is completed", "train its config.yaml again"
        )
    return result


def _read_result(run: Run) -> _RecordedResult:
    """Read the result of a run.

    Raises:
        RunError: the run cannot be read.
    """
    record = run.read_record()
    return _RecordedResult(record, run.read_metrics(), record.results.weights, _compute_predictions_digest(run))


def _compute_predictions_digest(run: Run) -> str | None:
    """Return a digest that is equal only for equal arrays in `predictions.npz`; `None` if the file is missing.

    Raises:
        RunError: the file is damaged, or has other contents than a training writes.
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
    """Return the first number that differs between two runs, even if only in the last bit; `None` if all are equal."""
    nothing: Scores = {}
    for epoch, (old, new) in enumerate(zip_longest(original_metrics, new_metrics, fillvalue=nothing), 1):
        for name in dict.fromkeys((*old, *new)):
            if name not in _UNCOMPARED_COLUMNS and _format_bits(old.get(name)) != _format_bits(new.get(name)):
                return MetricDifference(epoch, name, old.get(name), new.get(name))
    return None


def _format_bits(value: float | None) -> str | None:
    """Return a number as hexadecimal text. Texts are equal only for equal bits, so that 0 and -0 differ."""
    return None if value is None else float(value).hex()


def _list_environment_differences(original_record: Record, new_record: Record) -> list[EnvironmentDifference]:
    """List the differences between two records. Only values that can change the result of a training are compared."""
    before, after = _get_environment(original_record), _get_environment(new_record)
    return [
        EnvironmentDifference(f"{part}.{name}", before[part].get(name), after[part].get(name))
        for part in before
        for name in dict.fromkeys((*before[part], *after[part]))
        if before[part].get(name) != after[part].get(name)
    ]


def _get_environment(record: Record) -> dict[str, dict[str, Any]]:
    """Return the values of a record that can change the result of a training, by section of `run.json`."""
    # Runs of dnn 0.11.0 and older do not record the kind of determinism.
    plan, git = {"determinism": "cpu", **record.plan, "engine": record.engine}, record.git or {}
    return {
        "versions": dict(record.versions),
        "platform": record.platform,
        "flags": dict(record.flags),
        "plan": {name: plan.get(name) for name in ("engine", "jit", "precision", "steps", "determinism")},
        "git": {name: git.get(name) for name in ("commit", "dirty")},
        "data": {name: record.data.get(name) for name in ("fingerprint", "split")},
    }
