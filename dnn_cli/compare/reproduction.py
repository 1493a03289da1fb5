"""A run and the same experiment trained again → whether they are one to the last bit, and what differs around them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from dnn_cli.errors import RunError
from dnn_cli.runs.record import Record, Scores
from dnn_cli.runs.run import Run

NOT_TRAINED = ("epoch", "seconds")
"""Columns of `metrics.csv` that do not come from the numbers of a training."""


@dataclass(frozen=True)
class Departure:
    """The first number in which the metrics part; `None` stands for one that is not there."""

    epoch: int
    metric: str
    then: float | None
    now: float | None


@dataclass(frozen=True)
class Difference:
    """A value that is recorded otherwise; `None` stands for none."""

    what: str
    """Its place in `run.json`."""

    then: Any
    now: Any


@dataclass(frozen=True)
class Outcome:
    """What came out of a training."""

    record: Record
    metrics: list[Scores]
    weights: str | None
    """A digest, as that of the predictions; `None` where there are none."""

    predictions: str | None


@dataclass(frozen=True)
class Reproduction:
    """How a run came out that was trained again."""

    run: Run
    """The new one."""

    original: Record
    again: Record
    epochs: int
    """How many the original has."""

    weights: bool | None
    """Whether they are the same, as are the predictions; `None` where the original has none to compare with."""

    predictions: bool | None
    departure: Departure | None
    """Where the metrics part, if they do."""

    differences: tuple[Difference, ...]
    """What the two ran on and how, as far as that differs."""

    unknown: tuple[str, ...]
    """What only the new run has."""

    @property
    def metrics(self) -> bool:
        """Whether every number of every epoch is the same."""
        return self.departure is None

    @property
    def identical(self) -> bool:
        """Whether all that can be compared is the same to the last bit."""
        same = self.metrics and self.weights is not False and self.predictions is not False
        return same and self.again.status == "completed"


def judge(original: Run, again: Run) -> Reproduction:
    """A completed run beside the one that repeats it, however that ended.

    Raises:
        RunError: one of them cannot be read.
    """
    then, now = read_completed(original), read(again)
    pairs = {"weights": (then.weights, now.weights), "predictions": (then.predictions, now.predictions)}
    same = {name: None if old is None else old == new for name, (old, new) in pairs.items()}
    return Reproduction(
        run=again,
        original=then.record,
        again=now.record,
        epochs=len(then.metrics),
        weights=same["weights"],
        predictions=same["predictions"],
        departure=first_departure(then.metrics, now.metrics),
        differences=tuple(environment_differences(then.record, now.record)),
        unknown=tuple(name for name, (old, new) in pairs.items() if old is None and new is not None),
    )


def read_completed(run: Run) -> Outcome:
    """What came out of a completed run.

    Raises:
        RunError: it cannot be read, or lacks its metrics.
    """
    outcome = read(run)
    if not outcome.metrics:
        raise RunError(
            "metrics.csv is missing or has no row, though the run is completed", "train its config.yaml anew"
        )
    return outcome


def read(run: Run) -> Outcome:
    """What came out of a run.

    Raises:
        RunError: it cannot be read.
    """
    record = run.read_record()
    return Outcome(record, run.read_metrics(), record.results.weights, predictions_digest(run))


def predictions_digest(run: Run) -> str | None:
    """A digest that is equal only for equal arrays in `predictions.npz`; `None` where there is no such file.

    Raises:
        RunError: the file is damaged, or none that a training writes.
    """
    from dnn_cli.compare.predictions import read_predictions

    arrays = read_predictions(run)
    if arrays is None:
        return None
    found = hashlib.sha256()
    for name, array in arrays.items():
        found.update(repr((name, array.shape, array.dtype.str)).encode())
        found.update(array.tobytes())
    return f"sha256:{found.hexdigest()}"


def first_departure(then: Sequence[Scores], now: Sequence[Scores]) -> Departure | None:
    """The first number that is not the same to the last bit, in the order of the file."""
    nothing: Scores = {}
    for epoch, (old, new) in enumerate(zip_longest(then, now, fillvalue=nothing), 1):
        for name in dict.fromkeys((*old, *new)):
            if name not in NOT_TRAINED and bits(old.get(name)) != bits(new.get(name)):
                return Departure(epoch, name, old.get(name), new.get(name))
    return None


def bits(value: float | None) -> str | None:
    """A number as text that is equal only for equal bits: 0 and -0 are two."""
    return None if value is None else float(value).hex()


def environment_differences(then: Record, now: Record) -> list[Difference]:
    """The entries of two records that are not the same, of those that can have made the numbers."""
    before, after = environment(then), environment(now)
    return [
        Difference(f"{part}.{name}", before[part].get(name), after[part].get(name))
        for part in before
        for name in dict.fromkeys((*before[part], *after[part]))
        if before[part].get(name) != after[part].get(name)
    ]


def environment(record: Record) -> dict[str, dict[str, Any]]:
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
