"""Tasks and stop requests that are sent to workers, and events that workers send back."""

from dataclasses import dataclass
from pathlib import Path

from dnn_cli.config.loading import LoadedExperiment
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.record import Membership, Record


@dataclass(frozen=True)
class Task:
    """Experiment that a worker trains in a new or an existing run, with options of the training."""

    number: int
    """Number of the planned run in its sweep, from 0. Events of the task have the same number."""

    loaded: LoadedExperiment
    runs_dir: Path
    network_digest: str
    """Network digest of the experiment. Tasks with equal digests share compiled programs."""

    run_directory: Path | None = None
    """Directory of the run to resume; `None` for a new run."""

    force: bool = False
    """Whether the run is resumed even if its experiment, its data or versions of packages have changed."""

    sweeps: tuple[Membership, ...] = ()
    tensorboard: bool = False
    """Whether a TensorBoard log is written."""

    lanes: int = 1
    """Number of lanes of the program that trains the task; 1 for a task that is trained alone."""

    @property
    def tasks(self) -> "tuple[Task, ...]":
        """This task, as the only task of a worker."""
        return (self,)


@dataclass(frozen=True)
class TaskGroup:
    """Tasks that a worker trains in the lanes of one program, at least one."""

    tasks: tuple[Task, ...]

    @property
    def number(self) -> int:
        """Number of the first task."""
        return self.tasks[0].number

    @property
    def network_digest(self) -> str:
        """Network digest that all tasks have."""
        return self.tasks[0].network_digest

    @property
    def runs_dir(self) -> Path:
        """Directory in which the runs are created."""
        return self.tasks[0].runs_dir


@dataclass(frozen=True)
class StopMessage:
    """Stop request that is sent to a worker, for one of its tasks or for all."""

    reason: str
    number: int | None = None
    """Number of the task; `None` for all tasks of the worker."""


@dataclass(frozen=True)
class Event:
    """Message that a worker sends about the task with this number. Subclasses add the content."""

    number: int


@dataclass(frozen=True)
class WorkerLogOpened(Event):
    """Event with the log of the worker that trains the task: its path, and the host if this is another machine."""

    log: str


@dataclass(frozen=True)
class NoEvents(Event):
    """Event of the scheduler: for this number of seconds, no event of the task has arrived."""

    seconds: float


@dataclass(frozen=True)
class TaskReturned(Event):
    """Event of a worker that ends without training its tasks, because they need another setting of determinism."""


@dataclass(frozen=True)
class StageEvent(Event):
    """Event at the start of a stage before the training, such as loading the data."""

    stage: str


@dataclass(frozen=True)
class RunCreated(Event):
    """Event with the path of the run directory, after its creation or at the start of a resumed training."""

    run_directory: Path


@dataclass(frozen=True)
class ProgressEvent(Event):
    """Event during the training, with the finished fraction of all epochs, from 0 to 1.

    Scores are means over the current epoch so far.
    """

    fraction: float
    epoch: int
    scores: Scores


@dataclass(frozen=True)
class EpochDone(Event):
    """Event at the end of an epoch, with the row of the epoch in `metrics.csv`."""

    row: Scores


@dataclass(frozen=True)
class TaskResult(Event):
    """Event at the end of a task, with the run directory and its record, or with the reason for a missing record."""

    run_directory: Path | None
    record: Record | None
    reason: str | None = None
    """Reason why the task did not complete; `None` if the task completed, or if only the record holds the reason."""

    was_started: bool = True
    """Whether the training started; `False` for a task that was stopped while it waited."""

    @property
    def status(self) -> str:
        if not self.was_started:
            return "not begun"
        return self.record.status if self.record else "failed"

    @property
    def exit_reason(self) -> str:
        """Reason why the task did not complete, in one line; empty for a completed task."""
        return self.reason or (self.record.reason if self.record and self.record.status != "completed" else None) or ""
