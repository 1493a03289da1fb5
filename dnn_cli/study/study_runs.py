"""The runs of a study, by their roles: the trials of each value, and the final runs of each arm."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dnn_cli.runs.record import Record, StudyRole
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.study.plan import Plan

Arm = Literal["default", "tuned"]

_STATUS_ORDER = ("completed", "diverged", "running", "interrupted", "failed")
"""Statuses of runs, the most useful first. Of several runs with the same role and settings, the first is used."""

_FINISHED = ("completed", "diverged")


@dataclass(frozen=True)
class StudyRun:
    """Run of a study with its role and its settings."""

    run_info: RunInfo
    record: Record
    role: StudyRole
    settings: Mapping[str, str]
    """Text of each key that varies: the question, the tuned keys, the seed and the fold."""

    task: str
    """Name of the task. Equal experiments of two tasks share a run."""

    @property
    def seed(self) -> int:
        return int(self.settings["seed"])

    @property
    def fold_settings(self) -> tuple[tuple[str, str], ...]:
        """Settings that select the fold of a cross-validation; empty for other runs."""
        return tuple((key, self.settings[key]) for key in ("data.split_seed", "data.fold") if key in self.settings)

    @property
    def is_finished(self) -> bool:
        """Whether the run is completed or diverged."""
        return self.record.status in _FINISHED

    @property
    def score(self) -> float | None:
        """Monitored score of the saved model on the tuning half; `None` for a run that is not completed."""
        scores = self.record.results.final_scores
        if self.record.status != "completed" or scores is None:
            return None
        return float(scores[self.record.results.monitor])


@dataclass(frozen=True)
class TaskRuns:
    """Runs of one task of a study."""

    trials: Mapping[str, Mapping[int, Sequence[StudyRun]]] = field(default_factory=dict)
    """Tuning runs, by label of the value and number of the trial. In a cross-validation, a trial has several runs."""

    final: Mapping[Arm, Mapping[str, Sequence[StudyRun]]] = field(default_factory=dict)
    """Final runs, by arm and label of the value, in the order of seeds and folds."""

    @property
    def all_runs(self) -> list[StudyRun]:
        """All runs of the task."""
        trial_runs = [run for by_number in self.trials.values() for runs in by_number.values() for run in runs]
        return [*trial_runs, *(run for arm in self.final.values() for runs in arm.values() for run in runs)]

    def count_failed(self) -> int:
        """Return the number of runs that failed. Diverged runs are results, and do not count."""
        return sum(run.record.status == "failed" for run in self.all_runs)


def list_study_runs(runs: Iterable[RunInfo], plan: Plan) -> list[StudyRun]:
    """Return the runs of a study under its current plan. Of equal roles and settings, the most useful run is used."""
    chosen: dict[tuple[object, ...], StudyRun] = {}
    for run_info in runs:
        record = run_info.record
        for membership in record.sweeps if record is not None else ():
            role = membership.study
            if record is None or role is None or membership.id != plan.study or role.plan != plan.digest:
                continue
            run = StudyRun(run_info, record, role, membership.settings, membership.name)
            key = (membership.name, role, *sorted(membership.settings.items()))
            if key not in chosen or _get_rank(run) < _get_rank(chosen[key]):
                chosen[key] = run
    return list(chosen.values())


def _get_rank(run: StudyRun) -> int:
    """Return the rank of a run among runs of one role; 0 is the most useful."""
    return _STATUS_ORDER.index(run.record.status)


def group_by_task(runs: Iterable[StudyRun], plan: Plan) -> dict[str, TaskRuns]:
    """Return the runs of each task of a study, by the name of the task."""
    trials: dict[str, dict[str, dict[int, list[StudyRun]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    final: dict[str, dict[Arm, dict[str, list[StudyRun]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for run in sorted(runs, key=lambda run: (run.seed, run.fold_settings)):
        if run.role.phase == "tuning":
            trials[run.task][run.role.value][run.role.trial or 0].append(run)
        else:
            final[run.task][run.role.arm][run.role.value].append(run)
    return {task.name: TaskRuns(trials[task.name], final[task.name]) for task in plan.tasks}


def find_finished_runs(runs: Iterable[RunInfo], plan: Plan) -> list[RunInfo]:
    """Return the finished runs of a study, under its current plan or under another plan."""
    return [
        run_info
        for run_info in runs
        if run_info.record is not None
        and run_info.record.status in _FINISHED
        and any(m.study is not None and m.id == plan.study for m in run_info.record.sweeps)
    ]


def find_earlier_runs(runs: Iterable[RunInfo], plan: Plan) -> list[RunInfo]:
    """Return the finished runs of a study that were trained under another plan than the current plan."""
    return [
        run_info
        for run_info in find_finished_runs(runs, plan)
        if run_info.record is not None
        and any(
            m.study is not None and m.id == plan.study and m.study.plan != plan.digest for m in run_info.record.sweeps
        )
    ]
