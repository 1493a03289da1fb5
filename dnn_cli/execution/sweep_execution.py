"""Execution of a sweep: its planned runs, existing runs, tasks and results."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import USER_DATA_KINDS
from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.sweeps import Sweep, compute_sweep_id
from dnn_cli.errors import DnnError, RunError, UsageError
from dnn_cli.execution.lane_choices import AUTO, OFF
from dnn_cli.execution.lane_plan import LanePlan, plan_lanes
from dnn_cli.execution.messages import Task, TaskResult
from dnn_cli.execution.scheduler import FixedSearch, SearchStrategy
from dnn_cli.execution.sweep_plan import PlannedRun, plan_extreme_runs, plan_sweep
from dnn_cli.report.sweep_view import format_sweep_settings
from dnn_cli.runs.record import Membership, Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo, read_run_info
from dnn_cli.runs.store import Store

_STATUS_ORDER = ("completed", "diverged", "running", "interrupted", "failed")
"""Statuses of runs, the most useful first. Of several runs of the same experiment, a sweep uses the most useful run. A
diverged run is useful, because another run would diverge again."""


@dataclass(frozen=True)
class _ExistingRun:
    """Run of an experiment that an earlier command trained or started."""

    run: Run
    record: Record

    @property
    def is_done(self) -> bool:
        return self.record.status in ("completed", "diverged")


def find_existing_runs(store: Store, planned_runs: Iterable[PlannedRun]) -> dict[str, _ExistingRun]:
    """Find the most useful existing run of each planned run, and return these runs by outcome digest.

    Runs that were resumed by force are left out, and so are runs whose data has changed.

    Raises:
        DataError: the user's data cannot be read to compare it with the data of the runs.
    """
    planned_by_digest = {planned.outcome_digest: planned for planned in planned_runs}
    candidates = [
        run_info
        for run_info in store.list_runs()
        if run_info.record
        and run_info.record.experiment in planned_by_digest
        and not _has_forced_resume(run_info.record)
    ]
    existing_runs: dict[str, _ExistingRun] = {}
    for run_info in sorted(candidates, key=_get_status_rank):
        assert run_info.record is not None and run_info.record.experiment is not None  # noqa: S101 - candidates have both
        existing_runs.setdefault(run_info.record.experiment, _ExistingRun(run_info.run, run_info.record))
    fingerprints: dict[str, str] = {}
    for key in list(existing_runs):
        data = planned_by_digest[key].loaded.experiment.data
        if data.dataset in USER_DATA_KINDS and existing_runs[key].record.data.get("fingerprint") != _load_fingerprint(
            data, fingerprints
        ):
            # The content of the data has changed since the run.
            del existing_runs[key]
    return existing_runs


def _has_forced_resume(record: Record) -> bool:
    """Return whether a run was resumed by force after a change.

    The config of such a run describes only the training after the change.
    """
    return any(resume.forced for resume in record.resumed)


def _get_status_rank(run_info: RunInfo) -> int:
    """Return the rank of a run among the runs of one experiment; 0 is the most useful."""
    return _STATUS_ORDER.index(run_info.record.status) if run_info.record else len(_STATUS_ORDER)


def _load_fingerprint(data: Data, fingerprints: dict[str, str]) -> str:
    """Return the fingerprint of the examples of a data section.

    `fingerprints` caches fingerprints, so that the examples are read only once.
    """
    key = data.model_dump_json()
    if key not in fingerprints:
        from dnn_cli.data.examples import load_examples

        fingerprints[key] = load_examples(data).compute_fingerprint()
    return fingerprints[key]


def _add_to_sweep(existing_run: _ExistingRun, membership: Membership) -> None:
    """Add a membership to the record of an existing run. If the record cannot be written, nothing changes."""
    if membership in existing_run.record.sweeps:
        return
    with suppress(RunError), existing_run.run.hold_lock():
        record = existing_run.run.read_raw_record()
        existing_run.run.write_record(record.model_copy(update={"sweeps": (*record.sweeps, membership)}))


def list_other_versions(existing_runs: Sequence[_ExistingRun], current_versions: dict[str, str]) -> list[str]:
    """List the versions of Keras and TensorFlow in run records that differ from the current versions."""
    others = {
        f"{name} {recorded_version}"
        for existing_run in existing_runs
        for name in ("keras", "tensorflow")
        if (recorded_version := existing_run.record.versions.get(name)) is not None
        and recorded_version != current_versions.get(name)
    }
    return sorted(others)


PRUNED_PREFIX = "pruned"
"""Beginning of the stop reason of a run that the search strategy stopped early."""


@dataclass(frozen=True)
class SweepRun:
    """State of one planned run of a sweep: its run on disk, and its result if this command trained the run."""

    planned_run: PlannedRun
    run_info: RunInfo | None
    """Run as read from disk; `None` if the planned run was never started."""

    result: TaskResult | None
    """Result of the training; `None` if this command did not train the run."""

    @property
    def status(self) -> str:
        """Status of the run; `not begun` for a planned run that was never started."""
        if self.run_info is not None and self.run_info.record is not None:
            return self.run_info.record.status
        return self.result.status if self.result else "not begun"

    @property
    def exit_reason(self) -> str:
        """Reason why the run did not complete, in one line; empty for a completed run."""
        if self.result is not None:
            return self.result.exit_reason
        record = self.run_info.record if self.run_info else None
        return (record.reason if record and record.status != "completed" else None) or ""

    @property
    def has_failed(self) -> bool:
        """Whether the run has failed or diverged."""
        return self.status in ("failed", "diverged")

    @property
    def is_unfinished(self) -> bool:
        """Whether the run can still complete: it has not completed, failed or diverged, and was not pruned."""
        return self.status not in ("completed", "failed", "diverged") and not self.exit_reason.startswith(PRUNED_PREFIX)


@dataclass
class SweepExecution:
    """Planned runs of a sweep, with their existing runs and tasks. A bayesian search adds planned runs later."""

    sweep: Sweep
    store: Store
    planned_runs: list[PlannedRun]
    existing_runs: dict[str, _ExistingRun]
    """Existing runs, by the outcome digests of their experiments."""

    name: str
    """Name that all experiments of the sweep have."""

    force: bool = False
    """Whether experiments with an existing run are trained again."""

    tensorboard: bool = False
    """Whether every trained run gets a TensorBoard log."""

    runs_per_setting: int = 1
    """Number of runs of each setting: one for each seed and, in a cross-validation, each fold."""

    abandoned_numbers: set[int] = field(default_factory=set)
    """Numbers of the planned runs that the search strategy abandoned before their start."""

    task_labels: dict[int, str] = field(default_factory=dict)
    """Text of each task's varied settings, such as `learning_rate=0.1 seed=1`, by the number of the task."""

    study_id: str | None = None
    """Id of the study of which the planned runs are a part; `None` in a sweep."""

    has_several_tasks: bool = False
    """Whether the planned runs are of several configs, so that a label needs the name of the experiment."""

    @classmethod
    def from_sweep(
        cls, sweep: Sweep, store: Store, *, force: bool = False, tensorboard: bool = False
    ) -> "SweepExecution":
        """Plan a sweep and find its existing runs. A bayesian search plans its runs later.

        Raises:
            ConfigError: an experiment is not valid. The error lists the issues of all experiments.
            UsageError: the sweep has too many runs.
            DataError: the user's data cannot be read to compare it with the data of existing runs.
        """
        if sweep.search == "bayesian":
            extreme_runs = plan_extreme_runs(sweep)
            fold_runs = sum(run.trial == extreme_runs[0].trial for run in extreme_runs)
            runs_per_setting = fold_runs * max(1, len(sweep.seeds))
            name = extreme_runs[0].loaded.experiment.name
            return cls(sweep, store, [], {}, name, force, tensorboard, runs_per_setting)
        planned_runs = plan_sweep(sweep)
        existing_runs = {} if force else find_existing_runs(store, planned_runs)
        name = planned_runs[0].loaded.experiment.name
        return cls(sweep, store, planned_runs, existing_runs, name, force, tensorboard)

    @cached_property
    def id(self) -> str:
        """Id of the sweep or study."""
        return self.study_id or compute_sweep_id(self.sweep)

    @property
    def missing_numbers(self) -> list[int]:
        """Numbers of the planned runs that must be trained or resumed. Of equal experiments, the first is trained."""
        first_numbers: dict[str, int] = {}
        for number, planned_run in enumerate(self.planned_runs):
            first_numbers.setdefault(planned_run.outcome_digest, number)
        return [number for number in first_numbers.values() if self.is_missing(self.planned_runs[number])]

    def is_missing(self, planned_run: PlannedRun) -> bool:
        """Return whether a planned run has neither a finished run nor a run in training."""
        existing_run = self.existing_runs.get(planned_run.outcome_digest)
        return existing_run is None or not (existing_run.is_done or existing_run.record.status == "running")

    def get_state(self, planned_run: PlannedRun) -> str:
        """Return the status of a planned run's existing run; `to train` without an existing run."""
        existing_run = self.existing_runs.get(planned_run.outcome_digest)
        return existing_run.record.status if existing_run else "to train"

    @property
    def remaining_count(self) -> int:
        """Number of runs that the sweep still has to train.

        A bayesian search plans its runs during the sweep. The number is then the number of trials, times the number of
        runs of each setting, minus the number of runs that are already planned.
        """
        if self.sweep.search != "bayesian":
            return len(self.missing_numbers)
        return (self.sweep.trials or 0) * self.runs_per_setting - len(self.planned_runs)

    def plan_lanes(self, choice: str, *, gpu: bool, workers: int) -> LanePlan:
        """Plan which missing runs are trained together, in the lanes of one program.

        Args:
            choice: The value of the option `--lanes`.
            gpu: Whether the processor is a GPU.
            workers: The number of worker processes.

        Raises:
            UsageError: the user has chosen a number of lanes with which the runs cannot be trained.
        """
        if self.sweep.search == "bayesian":
            if choice not in (AUTO, OFF):
                raise UsageError(
                    f"--lanes {choice} needs runs that are known in advance, and a bayesian search proposes them one "
                    "by one",
                    "use --lanes off, or --search random",
                )
            return LanePlan(line="no lanes: a bayesian search proposes runs one by one" if choice == AUTO else "")
        tasks = [self.build_task(number) for number in self.missing_numbers]
        # The result of a study must be the same after an interruption, and bits depend on the number of lanes.
        planned_tasks = [
            replace(self.build_task(number), run_directory=None, lanes=1)
            for number in (range(len(self.planned_runs)) if self.study_id else ())
        ]
        return plan_lanes(tasks, choice, gpu=gpu, workers=workers, planned_tasks=planned_tasks)

    def build_search_strategy(self, lane_plan: LanePlan) -> SearchStrategy:
        """Build the object that proposes the experiments of the sweep and learns from their scores.

        Args:
            lane_plan: The plan of the lanes.

        Raises:
            UsageError: the search is bayesian and Optuna is missing.
        """
        if self.sweep.search == "bayesian":
            from dnn_cli.execution.optuna_search import OptunaSearch

            return OptunaSearch(self)
        return self.build_fixed_search(lane_plan)

    def record_existing_runs(self) -> None:
        """Record the existing runs of planned runs as members of this sweep or study."""
        for planned_run in self.planned_runs:
            if planned_run.outcome_digest in self.existing_runs:
                _add_to_sweep(self.existing_runs[planned_run.outcome_digest], self.build_membership(planned_run))

    def build_fixed_search(self, lane_plan: LanePlan) -> SearchStrategy:
        """Build the search strategy that trains all missing runs.

        Existing runs, which may come from other commands, are recorded as members of this sweep.
        """
        self.record_existing_runs()
        return FixedSearch(lane_plan.tasks)

    def build_task(self, number: int) -> Task:
        """Build the task that trains a planned run, or resumes its existing run."""
        planned_run = self.planned_runs[number]
        existing_run = self.existing_runs.get(planned_run.outcome_digest)
        settings = format_sweep_settings(planned_run.setting)
        name = f"{planned_run.loaded.experiment.name}: " if self.has_several_tasks else ""
        self.task_labels[number] = name + settings
        return Task(
            number,
            planned_run.loaded,
            self.store.root.absolute(),
            compute_network_digest(planned_run.loaded.experiment),
            existing_run.run.directory.absolute() if existing_run else None,
            sweeps=tuple(map(self.build_membership, self._list_equal_runs(planned_run))),
            tensorboard=self.tensorboard,
            lanes=existing_run.record.lanes if existing_run else 1,
        )

    def _list_equal_runs(self, planned_run: PlannedRun) -> list[PlannedRun]:
        """Return the planned runs with the experiment of a planned run.

        Several trials of a study can have one setting, if a range has few values. A sweep has each experiment once.
        """
        if self.study_id is None:
            return [planned_run]
        return [other for other in self.planned_runs if other.outcome_digest == planned_run.outcome_digest]

    def collect_runs(self, results: Iterable[TaskResult]) -> list[SweepRun]:
        """Return the states of all planned runs, except those that the search strategy abandoned.

        Args:
            results: The results of the tasks that this command trained.
        """
        results_by_number = {result.number: result for result in results}
        for result in results_by_number.values():
            # The record could not be written before, for example on a full disk.
            if result.record is None and result.run_directory is not None:
                with suppress(DnnError):
                    Run(result.run_directory).close_record(result.status, result.exit_reason)
        sweep_runs = []
        for number, planned_run in enumerate(self.planned_runs):
            if number in self.abandoned_numbers:
                continue
            new_result = results_by_number.get(number)
            run = (
                self.existing_runs[planned_run.outcome_digest].run
                if planned_run.outcome_digest in self.existing_runs
                else None
            )
            run = (
                Run(new_result.run_directory)
                if new_result is not None and new_result.run_directory is not None
                else run
            )
            sweep_runs.append(SweepRun(planned_run, read_run_info(run) if run else None, new_result))
        return sweep_runs

    def find_earlier_runs(self, runs: Iterable[SweepRun]) -> list[RunInfo]:
        """Find the completed runs of this sweep that are not among `runs`.

        A sweep keeps its id when its values change, so earlier commands may have trained other values. Runs on other
        data are left out, because their scores cannot be compared with the current ones.
        """
        current = {run.run_info.run.directory.name: run.run_info.record for run in runs if run.run_info is not None}
        data = {record.data.get("fingerprint") for record in current.values() if record is not None}
        return [
            run_info
            for run_info in self.store.list_runs()
            if run_info.record is not None
            and run_info.record.status == "completed"
            and run_info.run.directory.name not in current
            and run_info.record.data.get("fingerprint") in data
            and any(sweep.id == self.id for sweep in run_info.record.sweeps)
        ]

    def build_membership(self, planned_run: PlannedRun) -> Membership:
        """Build the membership of a planned run in this sweep or study."""
        name = planned_run.loaded.experiment.name
        return Membership(id=self.id, name=name, settings=planned_run.setting, study=planned_run.study)
