"""Tasks that are sent to workers, and events that come back."""

from dataclasses import dataclass
from pathlib import Path

from dnn_cli.config.loading import LoadedExperiment
from dnn_cli.runs.record import Membership, Record, Scores


@dataclass(frozen=True)
class Task:
    """One experiment, to be trained into a run directory."""

    number: int
    """Its number among the tasks, from 0."""

    loaded: LoadedExperiment
    runs_dir: Path
    network_digest: str
    """The network digest of its experiment; tasks with an equal one share compiled programs."""

    run_directory: Path | None = None
    """The directory of a run to resume; `None` for a new run."""

    force: bool = False
    """Resume the run although something has changed."""

    sweeps: tuple[Membership, ...] = ()
    tensorboard: bool = False
    """Write a TensorBoard log, too."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a task."""

    number: int


@dataclass(frozen=True)
class StageEvent(Event):
    """The start of a stage before the training."""

    stage: str


@dataclass(frozen=True)
class RunCreated(Event):
    """The creation of the run directory."""

    run_directory: Path


@dataclass(frozen=True)
class ProgressEvent(Event):
    """The fraction of all epochs that is done, from 0 to 1. Scores are running means over the epoch."""

    fraction: float
    epoch: int
    scores: Scores


@dataclass(frozen=True)
class EpochDone(Event):
    """The end of an epoch, with its row of `metrics.csv`."""

    row: Scores


@dataclass(frozen=True)
class TaskResult(Event):
    """The end of a task, with its run and record, or with the reason why there is none."""

    run_directory: Path | None
    record: Record | None
    reason: str | None = None
    """Why it did not complete, where no record holds the reason."""

    was_started: bool = True
    """Whether its training started; false for a task that was still waiting when it was stopped."""

    @property
    def status(self) -> str:
        if not self.was_started:
            return "not begun"
        return self.record.status if self.record else "failed"

    @property
    def exit_reason(self) -> str:
        """The reason in one line, empty where it completed."""
        return self.reason or (self.record.reason if self.record and self.record.status != "completed" else None) or ""
