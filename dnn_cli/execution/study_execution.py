"""Execution of a study in phases: trials and the default arm, extra trials of grown ranges, and the tuned arm."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.sweeps import Sweep
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.errors import RunError, UsageError
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.study_evaluation import evaluate_on_test_set
from dnn_cli.execution.study_planning import PlannedStudy
from dnn_cli.execution.sweep_execution import SweepExecution, find_existing_runs
from dnn_cli.execution.sweep_plan import PlannedRun, SweepPlanner
from dnn_cli.execution.test_reads import ReadOrigin
from dnn_cli.report.text import format_count
from dnn_cli.runs.lock import hold_lock
from dnn_cli.runs.record import StudyRole
from dnn_cli.runs.store import Store
from dnn_cli.runs.study_roles import STUDY_PREFIX, find_study_directory
from dnn_cli.study.plan import (
    Plan,
    StudyTask,
    Value,
    get_study_directory,
    read_plan,
    revise_plan,
    write_plan,
)
from dnn_cli.study.study_result import build_study_result
from dnn_cli.study.study_runs import Arm, TaskRuns, find_finished_runs, group_by_task, list_study_runs
from dnn_cli.study.trials import Trial, ValueTrials, choose_finalist, read_trials

_LOCK_FILE = "study.lock"


@dataclass(frozen=True)
class Phase:
    """Phase of a study: a title, and the planned runs that can be trained together."""

    title: str
    execution: SweepExecution

    def format_title(self) -> str:
        """Return the title with the number of runs to train."""
        return f"{self.title}: {format_count(len(self.execution.missing_numbers), 'run')}"


class StudyExecution:
    """Execution of a study: the planned runs of its phases, which depend on the scores of earlier phases."""

    def __init__(self, planned: PlannedStudy, store: Store, *, tensorboard: bool = False) -> None:
        self.plan, self.sweeps, self.store, self.tensorboard = planned.plan, planned.sweeps, store, tensorboard

    def collect_runs(self) -> dict[str, TaskRuns]:
        """Return the runs of each task under the current plan, by the name of the task."""
        return group_by_task(list_study_runs(self.store.list_runs(), self.plan), self.plan)

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold the lock on the study while the block runs, so that one process at a time changes its plan.

        Raises:
            UsageError: another process executes the study.
            RunError: the directory of the study cannot be written.
        """
        directory = _choose_directory(self.plan, self.store)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with hold_lock(directory / _LOCK_FILE):
                yield
        except BlockingIOError:
            raise UsageError(
                f"another process executes study {self.plan.study}",
                "wait for its end, and repeat the command",
            ) from None
        except OSError as error:
            raise RunError(f"{directory} cannot be written: {error.strerror}", "use --runs-dir DIRECTORY") from None

    def list_trials(self) -> dict[str, dict[str, ValueTrials]]:
        """Return the trials that are known so far, by the name of the task and the label of the value."""
        runs = self.collect_runs()
        return {task.name: read_trials(self.plan, task, runs[task.name].trials) for task in self.plan.tasks}

    def plan_first_phase(self) -> Phase:
        """Return the phase of the trials and of the default arm, which depend on no score."""
        runs: list[PlannedRun] = []
        with cache_dataset_info():
            for task in self.plan.tasks:
                trials = read_trials(self.plan, task, {})
                runs += self._plan_trials(task, {label: item.trials for label, item in trials.items()})
                for value in self.plan.values:
                    runs += self._plan_final_runs(task, value, "default", {}, None)
        return self._build_phase("trials, and final runs with defaults", runs)

    def iter_phases(self) -> Iterator[Phase]:
        """Yield the phases in their order. The caller trains the missing runs of a phase before the next phase.

        The phases end early if a run of a phase is still missing.
        """
        yield self.plan_first_phase()
        counts = {task.name: self.plan.trials for task in self.plan.tasks}
        while True:
            trials = self.list_trials()
            earlier = [
                trial
                for name, by_label in trials.items()
                for item in by_label.values()
                for trial in item.trials[: counts[name]]
            ]
            if not all(trial.is_finished for trial in earlier):
                return
            runs: list[PlannedRun] = []
            with cache_dataset_info():
                for task in self.plan.tasks:
                    by_label = trials[task.name]
                    runs += self._plan_trials(
                        task, {label: item.trials[counts[task.name] :] for label, item in by_label.items()}
                    )
                    counts[task.name] = max(len(item.trials) for item in by_label.values())
            if not runs:
                break
            yield self._build_phase("extra trials where a range has grown", runs)
        yield self._build_phase("best trials with more seeds", self._plan_finalists())
        if all(item.is_chosen for by_label in self.list_trials().values() for item in by_label.values()):
            yield self._build_phase("final runs with tuned settings", self._plan_tuned_arm())

    def _plan_finalists(self) -> list[PlannedRun]:
        """Return the planned runs of the best trials of each value with the finalist seeds."""
        trials = self.list_trials()
        runs: list[PlannedRun] = []
        with cache_dataset_info():
            for task in self.plan.tasks:
                finalists = {label: item.finalists for label, item in trials[task.name].items()}
                runs += self._plan_trials(task, finalists, self.plan.finalist_seeds)
        return runs

    def _plan_tuned_arm(self) -> list[PlannedRun]:
        """Return the planned final runs with the best setting of each value. A value without a score is left out."""
        trials = self.list_trials()
        runs: list[PlannedRun] = []
        with cache_dataset_info():
            for task in self.plan.tasks:
                for value in self.plan.values:
                    if (best := choose_finalist(task, trials[task.name][value.label].trials)) is not None:
                        runs += self._plan_final_runs(task, value, "tuned", best.setting, best.number)
        return runs

    def _plan_trials(
        self, task: StudyTask, trials: Mapping[str, Sequence[Trial]], seeds: Sequence[int] = ()
    ) -> list[PlannedRun]:
        """Return the planned runs of some trials of each value, by default with the tuning seed."""
        sweep = replace(self.sweeps[task.name], seeds=tuple(map(str, seeds or (self.plan.tuning_seed,))))
        planner = SweepPlanner(sweep)
        settings = {value.label: value.settings for value in self.plan.values}
        return [
            replace(planned_run, study=self._build_role("tuning", "tuned", label, trial.number))
            # The values alternate, so that workers compile different networks and a time limit stops all values alike.
            for same_rank in zip_longest(*trials.values())
            for label, trial in zip(trials, same_rank, strict=True)
            if trial is not None
            for planned_run in planner.plan_seeds(trial.number, {**settings[label], **trial.setting})
        ]

    def _plan_final_runs(
        self, task: StudyTask, value: Value, arm: Arm, setting: Mapping[str, str], trial: int | None
    ) -> list[PlannedRun]:
        """Return the planned final runs of one value in one arm, one for each seed and fold."""
        sweep = replace(self.sweeps[task.name], seeds=tuple(map(str, self.plan.final_seeds)))
        role = self._build_role("final", arm, value.label, trial)
        planned = SweepPlanner(sweep).plan_seeds(trial or 0, {**value.settings, **setting})
        return [replace(planned_run, study=role) for planned_run in planned]

    def _build_role(self, phase: Literal["tuning", "final"], arm: Arm, label: str, trial: int | None) -> StudyRole:
        """Return the role of a run in this study."""
        return StudyRole(plan=self.plan.digest, phase=phase, arm=arm, value=label, trial=trial)

    def _build_phase(self, title: str, planned_runs: list[PlannedRun]) -> Phase:
        """Return a phase with its existing runs."""
        sweep: Sweep = next(iter(self.sweeps.values()))
        execution = SweepExecution(
            replace(sweep, search="grid"),
            self.store,
            planned_runs,
            find_existing_runs(self.store, planned_runs),
            self.plan.tasks[0].name,
            tensorboard=self.tensorboard,
            study_id=self.plan.study,
            has_several_tasks=len(self.plan.tasks) > 1,
        )
        return Phase(title, execution)

    def list_experiments(self) -> list[Experiment]:
        """Return the experiment of each value on each task, with its defaults."""
        with cache_dataset_info():
            return [
                SweepPlanner(replace(self.sweeps[task.name], repetitions=None))
                .plan_run(0, value.settings)
                .loaded.experiment
                for task in self.plan.tasks
                for value in self.plan.values
            ]

    def check_test_set(self) -> None:
        """Check before the training that the data of each task has a test set.

        Raises:
            UsageError: the data has no test set.
        """
        for experiment in self.list_experiments():
            if not experiment.data.test_examples:
                raise UsageError(f"{experiment.data.title} has no test set", "remove --test, or set data.test_size=0.2")

    def evaluate_test_set(self, reporter: Reporter) -> None:
        """Evaluate the final runs of the tuned arm on the test set, once each, and record the scores.

        Runs that have been evaluated before are left out. A study with missing runs evaluates nothing.

        Raises:
            DataError: the data cannot be read.
        """
        if not build_study_result(self.plan, self.store.with_details(self.store.list_runs())).is_complete:
            return
        by_arm = (task.final.get("tuned", {}) for task in self.collect_runs().values())
        runs = [run.run_info for by_value in by_arm for items in by_value.values() for run in items]
        code_directory = os.getcwd() if any(sweep.allow_code for sweep in self.sweeps.values()) else None
        force_command = f"dnn evaluate {STUDY_PREFIX}{self.plan.study} --force"
        evaluate_on_test_set(runs, reporter, ReadOrigin("dnn study --test", force_command), code_directory)

    def estimate_run_count(self) -> int:
        """Return the number of runs of the study without extra trials."""
        finalist_runs = self.plan.finalists * len(self.plan.finalist_seeds)
        runs_per_value = self.plan.trials + finalist_runs + 2 * len(self.plan.final_seeds)
        return sum(len(task.halves) * len(self.plan.values) * runs_per_value for task in self.plan.tasks)


def record_plan(plan: Plan, store: Store) -> Plan:
    """Write the plan of a study into its directory before its first training, and return it with its revisions.

    Raises:
        UsageError: the directory has a file that is not a plan.
        RunError: the file cannot be written.
    """
    directory = _choose_directory(plan, store)
    revised = revise_plan(read_plan(directory), plan, len(find_finished_runs(store.list_runs(), plan)))
    write_plan(directory, revised)
    return revised


def _choose_directory(plan: Plan, store: Store) -> Path:
    """Return the directory of a study: the existing one, or the one that its first command creates."""
    return find_study_directory(store.root, plan.study) or get_study_directory(store.root, plan)
