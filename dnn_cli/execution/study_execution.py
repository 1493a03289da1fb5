"""Execution of a study in phases: trials and the default arm, extra trials where a range has grown, and the tuned arm."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dnn_cli.config.sweep_config import Sweep
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.execution.study_planning import PlannedStudy
from dnn_cli.execution.sweep_execution import SweepExecution, find_existing_runs
from dnn_cli.execution.sweep_plan import PlannedRun, SweepPlanner
from dnn_cli.runs.record import StudyRole
from dnn_cli.runs.store import Store
from dnn_cli.study.plan import StudyTask, Value
from dnn_cli.study.study_runs import Arm, TaskRuns, group_by_task, list_study_runs
from dnn_cli.study.trials import PlannedTrial, choose_trial, plan_rounds, read_trials


@dataclass(frozen=True)
class Phase:
    """Phase of a study: a title, and the planned runs that can be trained together."""

    title: str
    execution: SweepExecution


class StudyExecution:
    """Execution of a study: the planned runs of its phases, which depend on the scores of earlier phases."""

    def __init__(self, planned: PlannedStudy, store: Store, *, tensorboard: bool = False) -> None:
        self.plan, self.sweeps, self.store, self.tensorboard = planned.plan, planned.sweeps, store, tensorboard

    def collect_runs(self) -> dict[str, TaskRuns]:
        """Return the runs of each task under the current plan, by the name of the task."""
        return group_by_task(list_study_runs(self.store.list_runs(), self.plan), self.plan)

    def plan_first_phase(self) -> Phase:
        """Return the phase of the trials and of the default arm, which depends on no score."""
        with cache_dataset_info():
            runs = [
                planned_run
                for task in self.plan.tasks
                for planned_run in [
                    *self._plan_trials(task, plan_rounds(self.plan, task, {})[0]),
                    *(run for value in self.plan.values for run in self._plan_final_runs(task, value, "default", {}, None)),
                ]
            ]
        return self._build_phase("trials, and final runs with defaults", runs)

    def iter_phases(self) -> Iterator[Phase]:
        """Yield the phases in their order. The caller trains the missing runs of a phase before the next phase.

        The phases end early if a run of a phase is still missing.
        """
        first = self.plan_first_phase()
        yield first
        round_number = 1
        while runs := self._plan_round(round_number):
            yield self._build_phase("extra trials where a range has grown", runs)
            round_number += 1
        if self.has_all_trials():
            yield self._build_phase("final runs with tuned settings", self._plan_tuned_arm())

    def has_all_trials(self) -> bool:
        """Return whether all trials of all rounds are finished."""
        runs = self.collect_runs()
        return all(
            trial.is_finished
            for task in self.plan.tasks
            for trials in read_trials(self.plan, task, runs[task.name].trials).values()
            for trial in trials
        )

    def _plan_round(self, number: int) -> list[PlannedRun]:
        """Return the planned runs of the extra trials of a round, counted from 1; empty if no task has this round."""
        collected = self.collect_runs()
        runs: list[PlannedRun] = []
        with cache_dataset_info():
            for task in self.plan.tasks:
                rounds = plan_rounds(self.plan, task, collected[task.name].trials)
                if number < len(rounds):
                    runs += self._plan_trials(task, rounds[number])
        return runs

    def _plan_tuned_arm(self) -> list[PlannedRun]:
        """Return the planned final runs with the best setting of each value. A value without a score is left out."""
        collected = self.collect_runs()
        runs: list[PlannedRun] = []
        with cache_dataset_info():
            for task in self.plan.tasks:
                trials = read_trials(self.plan, task, collected[task.name].trials)
                for value in self.plan.values:
                    if (best := choose_trial(task, trials[value.label])) is not None:
                        runs += self._plan_final_runs(task, value, "tuned", best.setting, best.number)
        return runs

    def _plan_trials(self, task: StudyTask, trials: Mapping[str, list[PlannedTrial]]) -> list[PlannedRun]:
        """Return the planned runs of some trials of each value."""
        sweep = replace(self.sweeps[task.name], seeds=(str(self.plan.tuning_seed),))
        planner = SweepPlanner(sweep)
        settings = {value.label: value.settings for value in self.plan.values}
        return [
            replace(planned_run, study=self._build_role("tuning", "tuned", label, trial.number))
            # The values alternate, so that workers compile different networks and a time limit stops all values alike.
            for same_number in zip(*trials.values(), strict=True)
            for label, trial in zip(trials, same_number, strict=True)
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

    def _build_role(self, phase: str, arm: Arm, label: str, trial: int | None) -> StudyRole:
        """Return the role of a run in this study."""
        return StudyRole(plan=self.plan.digest, phase=phase, arm=arm, value=label, trial=trial)  # type: ignore[arg-type]

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
        )
        return Phase(title, execution)
