"""What is to be trained somewhere else, and what is heard from there."""

from dataclasses import dataclass
from pathlib import Path

from dnn_cli.config.loading import LoadedExperiment
from dnn_cli.runs.record import Membership, Record, Scores


@dataclass(frozen=True)
class Task:
    """One experiment, to be trained into a run directory."""

    number: int
    """Which of many it is, from 0."""

    loaded: LoadedExperiment
    runs_dir: Path
    network_digest: str
    """A digest that is equal where the same compiled network will do."""

    run_directory: Path | None = None
    """The directory of a run to go on with; a new one where there is none."""

    force: bool = False
    """Go on though something has changed."""

    sweeps: tuple[Membership, ...] = ()
    tensorboard: bool = False
    """Write a log for TensorBoard, too."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a task."""

    number: int


@dataclass(frozen=True)
class StageEvent(Event):
    """A stage before the training."""

    stage: str


@dataclass(frozen=True)
class RunCreated(Event):
    """There is a run directory."""

    run_directory: Path


@dataclass(frozen=True)
class ProgressEvent(Event):
    """So much of all epochs is done, from 0 to 1; scores are running means over the epoch."""

    fraction: float
    epoch: int
    scores: Scores


@dataclass(frozen=True)
class EpochDone(Event):
    """An epoch is done; its row of `metrics.csv`."""

    row: Scores


@dataclass(frozen=True)
class TaskResult(Event):
    """A task came to an end: with a run and its record, or with the reason why there is none."""

    run_directory: Path | None
    record: Record | None
    reason: str | None = None
    """Why it did not complete, where no record says it."""

    was_started: bool = True
    """Whether it was trained at all, or was still waiting for that when somebody wanted it to end."""

    @property
    def status(self) -> str:
        if not self.was_started:
            return "not begun"
        return self.record.status if self.record else "failed"

    @property
    def exit_reason(self) -> str:
        """The reason in one line, empty where it completed."""
        return self.reason or (self.record.reason if self.record and self.record.status != "completed" else None) or ""
