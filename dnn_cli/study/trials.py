"""Trials of a study: the settings that are tried for each value, their scores, and the choice of the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.config.metrics import lower_is_better
from dnn_cli.config.search_spaces import SearchSpace, parse_tuned_keys
from dnn_cli.study.plan import Plan, StudyTask
from dnn_cli.study.range_growth import (
    Edge,
    ExtraTrials,
    build_grown_space,
    find_edges,
    place_trials,
    plan_extra_trials,
)
from dnn_cli.study.study_runs import StudyRun

MAX_ROUNDS = 2
"""Largest number of rounds of extra trials on one task."""

_TrialRuns = Mapping[str, Mapping[int, Sequence[StudyRun]]]
"""Tuning runs of a task, by label of the value and number of the trial."""


@dataclass(frozen=True)
class Trial:
    """Trial of a value: its setting and, after its training, its score."""

    number: int
    setting: Mapping[str, str]
    """Text of each tuned key."""

    status: str
    """`completed`, `diverged` or `to train`."""

    score: float | None = None
    """Score on the tuning half, in a cross-validation the mean over the folds; `None` unless completed."""

    @property
    def is_finished(self) -> bool:
        """Whether the trial needs no training."""
        return self.status != "to train"


@dataclass(frozen=True)
class ValueTrials:
    """All trials of a value that are known so far."""

    trials: tuple[Trial, ...]
    base_count: int
    """Number of trials before any range has grown."""

    space: SearchSpace
    """Search space after the growth of ranges."""

    grown_keys: tuple[str, ...]
    """Keys whose ranges have grown, once for each growth."""

    edges: tuple[Edge, ...]
    """Edges of the final ranges at which the best trial is."""

    @property
    def base_trials(self) -> tuple[Trial, ...]:
        """Trials before any range has grown."""
        return self.trials[: self.base_count]

    @property
    def is_finished(self) -> bool:
        """Whether all known trials are finished."""
        return all(trial.is_finished for trial in self.trials)

    @property
    def diverged_share(self) -> float:
        """Share of the trials that diverged."""
        return sum(trial.status == "diverged" for trial in self.trials) / len(self.trials)


def choose_trial(task: StudyTask, trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the best score; of equal scores, the earliest. `None` without a score."""
    sign = 1.0 if lower_is_better(task.score) else -1.0
    scored = [trial for trial in trials if trial.score is not None]
    return min(scored, key=lambda trial: (sign * (trial.score or 0.0), trial.number), default=None)


def _read_spaces(task: StudyTask) -> dict[str, SearchSpace]:
    """Return the search space of each value before any range has grown, by label."""
    return {
        label: parse_tuned_keys([f"{key}={text}" for key, text in space.items()])
        for label, space in task.search_spaces.items()
    }


def read_trials(plan: Plan, task: StudyTask, runs: _TrialRuns) -> dict[str, ValueTrials]:
    """Return the trials of each value, by label, with those of a further round if ranges grow.

    The result depends on the plan and on the scores of the runs alone. The extra trials of a round are known after all
    earlier trials of the task are finished.

    Args:
        plan: The plan of the study.
        task: The task.
        runs: The tuning runs of the task.
    """
    spaces, points = _read_spaces(task), np.array(plan.points)
    rounds: list[ExtraTrials] = []
    while True:
        trials = {
            label: [
                _read_trial(number, setting, runs.get(label, {}).get(number, ()), len(task.halves))
                for number, setting in enumerate(place_trials(label, space, plan.trials, rounds, points))
            ]
            for label, space in spaces.items()
        }
        is_finished = all(trial.is_finished for items in trials.values() for trial in items)
        if not is_finished or len(rounds) == MAX_ROUNDS:
            break
        best = {label: choose_trial(task, items) for label, items in trials.items()}
        best_settings = {label: None if trial is None else trial.setting for label, trial in best.items()}
        experiments = {label: _read_experiment(runs[label]) for label in spaces}
        extra = plan_extra_trials(spaces, experiments, best_settings, plan.trials, rounds)
        if extra is None:
            break
        rounds.append(extra)
    return {
        label: _build_value_trials(label, spaces[label], items, plan, task, rounds) for label, items in trials.items()
    }


def _build_value_trials(
    label: str,
    space: SearchSpace,
    trials: Sequence[Trial],
    plan: Plan,
    task: StudyTask,
    rounds: Sequence[ExtraTrials],
) -> ValueTrials:
    """Return the trials of one value with its search space after all rounds."""
    grown = build_grown_space(label, space, rounds)
    best = choose_trial(task, trials)
    grown_keys = tuple(item.growths[label].edge.key for item in rounds if label in item.growths)
    edges = find_edges(grown, best.setting) if best is not None else ()
    return ValueTrials(tuple(trials), plan.trials, grown, grown_keys, edges)


def _read_trial(number: int, setting: Mapping[str, str], runs: Sequence[StudyRun], run_count: int) -> Trial:
    """Return a trial with the score of its runs.

    A trial of several folds is finished when all folds are finished, or when one of them has diverged.
    """
    if any(run.record.status == "diverged" for run in runs):
        return Trial(number, setting, "diverged")
    scores = [run.score for run in runs if run.score is not None]
    if len(scores) < run_count:
        return Trial(number, setting, "to train")
    return Trial(number, setting, "completed", fmean(scores))


def _read_experiment(runs: Mapping[int, Sequence[StudyRun]]) -> Experiment:
    """Return the experiment of a value, from the config of one of its tuning runs.

    Raises:
        ConfigError: the config of the run is damaged.
    """
    return load_resolved_experiment(str(runs[0][0].run_info.run.config))
