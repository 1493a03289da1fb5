"""The run record, `run.json`: the experiment of a run, its progress and scores, and the machine that trained it."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from dnn_cli.config.score_names import lower_is_better
from dnn_cli.runs.evaluations import (
    BEST_MODEL_PREFIX,
    TEST_PREFIX,
    ChosenThreshold,
    Evaluation,
    FileEvaluation,
    FittedTemperature,
    Scores,
    get_weights_file,
)

SCHEMA_VERSION = 2
"""Newest version of the format that is read. It increases when a field changes its meaning, not with new fields.

Records of baselines have version 2: an older `dnn` would take a baseline for a network. Records of networks have
version 1."""

_NETWORK_VERSION = 1
"""Version of the records of networks."""

_RunKind = Literal["network", "baseline"]
"""Kind of the trained model: a network, or a baseline of scikit-learn."""

Status = Literal["running", "completed", "diverged", "interrupted", "failed"]

NON_SCORE_COLUMNS = ("epoch", "learning_rate", "seconds")
"""Columns of `metrics.csv` other than scores."""


class Results(BaseModel):
    """Scores of a run, and the epochs of its saved models."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    monitor: str
    """Name of the score that chooses the best epoch."""

    last: Scores | None = None
    """Scores of the last completed epoch."""

    best: Scores | None = None
    """Scores of the best completed epoch; the first of several equally good ones."""

    model: Scores | None = None
    """Validation scores of `model.keras`: those of the last epoch, unless weights were averaged or restored."""

    weights: str | None = None
    """Digest of the weights in `model.keras`."""

    epoch: int | None = None
    """Epoch of the weights in `model.keras`; `None` for averaged weights, and in runs of dnn 0.8.0 and older."""

    kept: int | None = None
    """Epoch of the weights in `best.keras`; `None` without the file, and in runs of dnn 0.8.0 and older."""

    @model_validator(mode="after")
    def check_epochs(self) -> "Results":
        """Raise an error if the scores of the last or best epoch lack the epoch number or the monitored score."""
        for epoch in (self.last, self.best):
            if epoch is not None and not ("epoch" in epoch and self.monitor in epoch):
                raise ValueError(f"the scores of an epoch must contain epoch and {self.monitor}")
        return self

    @property
    def final_scores(self) -> Scores | None:
        """Validation scores of `model.keras` and training scores of the last epoch; `None` before the first epoch."""
        return None if self.last is None else {**self.last, **(self.model or {})}

    @classmethod
    def from_rows(cls, rows: Sequence[Scores], monitor: str, **saved: Any) -> "Results":
        """Return the results with the scores of the last and the best epoch in the rows of `metrics.csv`.

        Of several equal best epochs, the first counts.

        Args:
            rows: The scores of each epoch.
            monitor: The name of the score that chooses the best epoch.
            saved: The values of the fields about saved models: `model`, `weights`, `epoch` and `kept`.
        """
        if not rows:
            return cls(monitor=monitor, **saved)
        sign = 1 if lower_is_better(monitor) else -1
        return cls(monitor=monitor, last=rows[-1], best=min(rows, key=lambda row: sign * row[monitor]), **saved)


class CodeSource(BaseModel):
    """Class of a custom layer: its module, its name, and the SHA-256 of the module's source file."""

    model_config = ConfigDict(frozen=True)

    module: str
    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}  sha256={self.sha256}"


class Process(BaseModel):
    """The process that trains a run, or that last trained the run."""

    model_config = ConfigDict(frozen=True)

    pid: int
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Resume(BaseModel):
    """One resumption of a training."""

    model_config = ConfigDict(frozen=True)

    at: str
    """Time of the resumption: UTC in ISO 8601."""

    epochs: int
    """Number of completed epochs at the resume point (the checkpoint from which the training continued)."""

    calls: int = 0
    """Number of completed calls of the engine in the unfinished epoch at the resume point. A call runs many steps."""

    forced: tuple[str, ...] = ()
    """Changes of config or environment since the checkpoint.

    `--force` resumed the training in spite of these changes."""

    note: str | None = None
    """Reason why the training resumed from an older checkpoint than the last."""


class Baseline(BaseModel):
    """Method of a baseline, with the limits of its training."""

    model_config = ConfigDict(frozen=True)

    method: str
    """Name of the method: `constant`, `linear` or `boosting`."""

    title: str
    """Method in sentences, such as `gradient boosting`."""

    estimator: str
    """Estimator of scikit-learn with its arguments."""

    examples: int
    """Number of training examples that were used, at most `data.train`."""

    steps: int | None = None
    """Largest number of steps of the solver or rounds of boosting; `None` for a method without steps."""

    notes: tuple[str, ...] = ()
    """Limits of the training, such as a subsample, one sentence each."""


class StudyRole(BaseModel):
    """The role of a run in a study: what it tries or reports."""

    model_config = ConfigDict(frozen=True)

    plan: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Digest of the plan under which the run was trained."""

    phase: Literal["tuning", "final"]
    """Phase of the study: a tuning run tries a setting, and a final run is reported."""

    arm: Literal["default", "tuned"]
    """Arm of the study: `default` for a value as it is written, `tuned` for a value with tuned keys."""

    value: str
    """Label of the value of the question, such as `adam`."""

    trial: int | None = None
    """Number of the trial of this value, from 0. In a final run of the tuned arm, the number of the chosen trial."""


class Membership(BaseModel):
    """The place of a run in a sweep or study: id and name of the sweep, and the settings of the run."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: str
    settings: dict[str, str]
    """Values in this run of the keys that the sweep varies, by key. The values are written as a user types them."""

    study: StudyRole | None = None
    """Role of the run in a study; `None` in a sweep, whose `run.json` lacks the field."""

    @model_serializer(mode="wrap")
    def build_document(self, build: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the membership as a dictionary, without the field `study` for a sweep."""
        document: dict[str, Any] = build(self)
        if self.study is None:
            del document["study"]
        return document


class Record(BaseModel):
    """The content of `run.json`. Times are UTC in ISO 8601; durations are seconds of a monotonic clock."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, extra="allow")

    schema_version: int = _NETWORK_VERSION
    kind: _RunKind = "network"
    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: str
    status: Status
    reason: str | None = None
    """Reason why a run ended early, such as `stopped early: …` or the error; `None` for a run with all epochs."""

    started: str
    ended: str | None = None
    seconds: float | None = None
    epochs: int = 0
    """Number of completed epochs."""

    process: Process | None = None
    resumed: tuple[Resume, ...] = ()
    reproduces: str | None = None
    """Id of the run that this run reproduces."""

    experiment: str | None = None
    """Outcome digest: equal for experiments whose trainings end with identical weights.

    Such experiments have the same number of epochs."""

    sweeps: tuple[Membership, ...] = ()
    """Memberships of the run in sweeps."""

    evaluated: tuple[Evaluation, ...] = ()
    """Evaluations on the test or validation split by `dnn evaluate`.

    They are recorded because a test score is too good if the run was chosen by this score. `dnn compare` warns of such
    a choice."""

    evaluated_files: tuple[FileEvaluation, ...] = ()
    """Evaluations on labelled examples in files by `dnn evaluate`.

    They are not in `evaluated`, because older versions of `dnn` accept only evaluations on splits there."""

    temperatures: tuple[FittedTemperature, ...] = ()
    """Temperature of each saved model that has one."""

    thresholds: tuple[ChosenThreshold, ...] = ()
    """Threshold of each saved model that has one."""

    engine: str | None = None
    plan: dict[str, Any] = {}
    """Execution plan: precision, XLA, determinism and chunk length of the training, and the reasons for them."""

    baseline: Baseline | None = None
    """Method of a baseline; `None` for a network."""

    results: Results
    parameters: dict[str, int]
    data: dict[str, str | int | None]
    code: tuple[CodeSource, ...] = ()
    """Classes of the custom layers that the run has executed."""

    remarks: tuple[str, ...] = ()
    """Decisions about the user's data files, and parts of the files that were not used, as lines of text."""

    versions: dict[str, str] = {}
    platform: dict[str, Any] = {}
    flags: dict[str, str] = {}
    """Environment variables that configure TensorFlow."""

    git: dict[str, Any] | None = None

    @property
    def code_options(self) -> tuple[str, ...]:
        """Option of commands that run the custom layers of the run; empty for a run without custom layers."""
        return ("--allow-code",) if self.code else ()

    @property
    def is_baseline(self) -> bool:
        """Whether the run is a baseline, which has no network, no saved model and no seed."""
        return self.baseline is not None

    @property
    def is_deterministic(self) -> bool:
        """Whether an equal training on the same machine ends with equal weights."""
        return self.plan.get("determinism") != "none"

    @property
    def lanes(self) -> int:
        """Number of lanes of the program that trained the run; 1 for a run that was trained alone."""
        lanes = self.plan.get("lanes")
        return lanes if isinstance(lanes, int) and lanes > 0 else 1

    @property
    def test_reads(self) -> tuple[Evaluation | FileEvaluation, ...]:
        """Evaluations that have read the targets of the test set, also from a file, in the order of their times.

        Evaluations of all models count, and those from before a resumption: the test set is the same.
        """
        if not self.evaluated and not self.evaluated_files:
            return ()
        reads: list[Evaluation | FileEvaluation] = [item for item in self.evaluated if item.is_test_read]
        digests = {item.digest for item in reads}
        # A copy of the test set is recognised only after the first evaluation on the test set itself.
        reads += [item for item in self.evaluated_files if item.is_test_read or item.digest in digests]
        return tuple(sorted(reads, key=lambda item: item.at))

    def find_test_evaluation(self, model: str = "model.keras") -> Evaluation | None:
        """Return the last evaluation of a weights file on the test set; `None` for a file without evaluation.

        Evaluations from before the end of the training are ignored: a resumed training has replaced their weights.
        """
        evaluations = (
            evaluation
            for evaluation in reversed(self.evaluated)
            if evaluation.split == "test" and evaluation.model == model
        )
        return next(
            (evaluation for evaluation in evaluations if self.ended is None or evaluation.at >= self.ended), None
        )

    def find_temperature(self, model: str) -> FittedTemperature | None:
        """Return the temperature of a weights file; `None` without one, and if a resumed training replaced the file."""
        return next((fitted for fitted in self.temperatures if self._is_current(fitted, model)), None)

    def find_threshold(self, model: str) -> ChosenThreshold | None:
        """Return the threshold of a weights file; `None` without one, and if a resumed training replaced the file."""
        return next((chosen for chosen in self.thresholds if self._is_current(chosen, model)), None)

    def _is_current(self, item: FittedTemperature | ChosenThreshold, model: str) -> bool:
        """Return whether an item is about the current weights in a file."""
        return item.model == model and (self.ended is None or item.at >= self.ended)

    def get_test_scores(self, model: str = "model.keras") -> Scores:
        """Return the test scores of a weights file by name (`test_accuracy`); empty for a file without evaluation."""
        evaluation = self.find_test_evaluation(model)
        return {f"{TEST_PREFIX}{name}": value for name, value in evaluation.scores.items()} if evaluation else {}

    def get_test_score(self, name: str) -> float | None:
        """Return the test score with a name such as `test_accuracy` or `best.test_accuracy`; `None` without a score."""
        return self.get_test_scores(get_weights_file(name)).get(name.removeprefix(BEST_MODEL_PREFIX))


def get_utc_now() -> str:
    """Return the current UTC time in ISO 8601, to the microsecond."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
