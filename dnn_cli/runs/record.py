"""What `run.json` says: which experiment this was, how it went, and what it ran on."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning; new fields do not raise it."""

Status = Literal["running", "completed", "diverged", "interrupted", "failed"]
LARGEST = 1e100
"""No score is beyond this; what is was not written by a training."""

Scores = dict[str, Annotated[int, Field(ge=-(10**15), le=10**15)] | Annotated[float, Field(ge=-LARGEST, le=LARGEST)]]
"""Metrics by their name, with `epoch` where they belong to one."""

NO_SCORES = ("epoch", "learning_rate", "seconds")
"""Columns of `metrics.csv` that are no score."""


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

    @model_validator(mode="after")
    def watched(self) -> "Results":
        """Every epoch that is told has its number and what is watched."""
        if not all({"epoch", self.monitor} <= epoch.keys() for epoch in (self.last, self.best) if epoch is not None):
            raise ValueError(f"an epoch needs epoch and {self.monitor}")
        return self


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

    engine: str | None = None
    plan: dict[str, Any] = {}
    """How the engine ran the steps, and why so."""

    results: Results
    parameters: dict[str, int]
    data: dict[str, str | int | None]
    versions: dict[str, str] = {}
    platform: dict[str, Any] = {}
    git: dict[str, Any] | None = None
