"""What `run.json` says: which experiment this was, how it went, and what it ran on."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dnn_cli.config.metrics import lower_is_better

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning; new fields do not raise it."""

Status = Literal["running", "completed", "diverged", "interrupted", "failed"]
MAX_SCORE = 1e100
"""No score is beyond this; what is was not written by a training."""

Scores = dict[
    str, Annotated[int, Field(ge=-(10**15), le=10**15)] | Annotated[float, Field(ge=-MAX_SCORE, le=MAX_SCORE)]
]
"""Metrics by their name, with `epoch` where they belong to one."""

NON_SCORE_COLUMNS = ("epoch", "learning_rate", "seconds")
"""Columns of `metrics.csv` that are no score."""

TEST_PREFIX = "test_"
"""The beginning of the names of scores on the test set, which `dnn evaluate` finds."""

EVALUATE_HINT = "dnn evaluate RUN finds the test scores of a run"
"""What to do where a test score is missing."""


BEST_MODEL_PREFIX = "best."
"""The beginning of the names of scores of `best.keras` on the test set: `best.test_accuracy`."""


def is_test_score(name: str) -> bool:
    """Return whether a score is one on the test set: `test_accuracy`, or `best.test_accuracy` of `best.keras`."""
    return name.removeprefix(BEST_MODEL_PREFIX).startswith(TEST_PREFIX)


def get_weights_file(score: str) -> str:
    """Return the file with the weights that a score on the test set belongs to."""
    return "best.keras" if score.startswith(BEST_MODEL_PREFIX) else "model.keras"


class Results(BaseModel):
    """The scores of a run."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    monitor: str
    """What the best epoch is best at."""

    last: Scores | None = None
    """The last whole epoch."""

    best: Scores | None = None
    """The best whole epoch; the earlier one of equals."""

    model: Scores | None = None
    """The validation scores of `model.keras`: the last epoch's, unless weights were averaged or restored at the end."""

    weights: str | None = None
    """A digest of the weights in `model.keras`."""

    epoch: int | None = None
    """The epoch of the weights in `model.keras`; `None` for averaged weights, and in runs of dnn 0.8.0 and older."""

    kept: int | None = None
    """The epoch of the weights in `best.keras`; `None` without the file, and in runs of dnn 0.8.0 and older."""

    @model_validator(mode="after")
    def check_epochs(self) -> "Results":
        """Raise an error where an epoch lacks its number or the monitored score."""
        for epoch in (self.last, self.best):
            if epoch is not None and not ("epoch" in epoch and self.monitor in epoch):
                raise ValueError(f"an epoch needs epoch and {self.monitor}")
        return self

    @property
    def final_scores(self) -> Scores | None:
        """The scores of the saved model, with the training scores of the last epoch; `None` before the first epoch."""
        return None if self.last is None else {**self.last, **(self.model or {})}

    @classmethod
    def from_rows(cls, rows: Sequence[Scores], monitor: str, **saved: Any) -> "Results":
        """What the rows of `metrics.csv` say; the best is the first of equals."""
        if not rows:
            return cls(monitor=monitor, **saved)
        sign = 1 if lower_is_better(monitor) else -1
        return cls(monitor=monitor, last=rows[-1], best=min(rows, key=lambda row: sign * row[monitor]), **saved)


class Process(BaseModel):
    """The process that trains a run, or that trained it last."""

    model_config = ConfigDict(frozen=True)

    pid: int
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Resume(BaseModel):
    """One time that a run was taken up again."""

    model_config = ConfigDict(frozen=True)

    at: str
    """UTC, in ISO 8601."""

    epochs: int
    """Whole epochs that had been trained."""

    calls: int = 0
    """Calls of the engine in the epoch that had been begun."""

    forced: tuple[str, ...] = ()
    """What had changed, in spite of which it went on."""

    note: str | None = None
    """Why it did not go on from its last checkpoint."""


class Evaluation(BaseModel):
    """One time that a trained network was scored, and on what."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    at: str
    """UTC, in ISO 8601."""

    split: Literal["test", "validation"]
    examples: int
    scores: Scores
    model: str = "model.keras"
    """The file with the evaluated weights."""

    epoch: int | None = None
    """The epoch of the weights, where it is known."""

    @property
    def examples_id(self) -> str:
        """A text that is equal for evaluations on the same examples."""
        return self.split


class FileEvaluation(BaseModel):
    """One time that a trained network was scored on labelled examples in a file."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    at: str
    """UTC, in ISO 8601."""

    file: str
    """The path of the file, as it was typed."""

    digest: str
    """A digest of the examples, equal only for equal examples."""

    examples: int
    scores: Scores
    model: str
    """The file with the evaluated weights."""

    epoch: int | None = None
    """The epoch of the weights, where it is known."""

    @property
    def examples_id(self) -> str:
        """A text that is equal for evaluations on the same examples."""
        return self.digest


class Membership(BaseModel):
    """That a run belongs to a sweep, and what of it is its own there."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: str
    settings: dict[str, str]
    """The keys that the sweep varies, each with its value as it would be typed."""


class Record(BaseModel):
    """The content of `run.json`; times are UTC in ISO 8601, durations are seconds of a monotonic clock."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="allow")

    schema_version: int = SCHEMA_VERSION
    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: str
    status: Status
    reason: str | None = None
    """Why a run did not complete."""

    started: str
    ended: str | None = None
    seconds: float | None = None
    epochs: int = 0
    """Whole epochs that were trained."""

    process: Process | None = None
    resumed: tuple[Resume, ...] = ()
    reproduces: str | None = None
    """The id of the run that this one repeats."""

    experiment: str | None = None
    """The outcome digest of the experiment."""

    sweeps: tuple[Membership, ...] = ()
    """Those that the run belongs to."""

    evaluated: tuple[Evaluation, ...] = ()
    """Evaluations by `dnn evaluate`. A choice between runs by their test scores makes those scores biased."""

    evaluated_files: tuple[FileEvaluation, ...] = ()
    """Evaluations on files; apart from `evaluated`, as older versions refuse a record with a third kind of split."""

    engine: str | None = None
    plan: dict[str, Any] = {}
    """How the engine ran the steps, and why so."""

    results: Results
    parameters: dict[str, int]
    data: dict[str, str | int | None]
    versions: dict[str, str] = {}
    platform: dict[str, Any] = {}
    flags: dict[str, str] = {}
    """Environment variables that steer TensorFlow."""

    git: dict[str, Any] | None = None

    def find_test_evaluation(self, model: str = "model.keras") -> Evaluation | None:
        """Return the last evaluation of a weights file on the test set; `None` where the file has none.

        Evaluations before the end of the training are of weights that a resumed training has replaced.
        """
        evaluations = (
            evaluation
            for evaluation in reversed(self.evaluated)
            if evaluation.split == "test" and evaluation.model == model
        )
        return next(
            (evaluation for evaluation in evaluations if self.ended is None or evaluation.at >= self.ended), None
        )

    def get_test_scores(self, model: str = "model.keras") -> Scores:
        """Return the scores on the test set, named as `test_accuracy`; none where the file was not evaluated."""
        evaluation = self.find_test_evaluation(model)
        return {f"{TEST_PREFIX}{name}": value for name, value in evaluation.scores.items()} if evaluation else {}

    def get_test_score(self, name: str) -> float | None:
        """Return a score on the test set by its name: `test_accuracy`, `best.test_accuracy`; `None` without it."""
        return self.get_test_scores(get_weights_file(name)).get(name.removeprefix(BEST_MODEL_PREFIX))


def get_utc_now() -> str:
    """The time, in ISO 8601 to the microsecond."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
