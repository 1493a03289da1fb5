"""Trials of a study: the settings that are tried for each value, their scores, and the choice of the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_resolved_experiment
from dnn_cli.config.score_names import lower_is_better
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

    finalist_scores: tuple[float, ...] = ()
    """Scores on the tuning half with the finalist seeds; empty unless the trial is a finalist with finished runs."""

    has_finalist_runs: bool = False
    """Whether all runs with the finalist seeds are finished."""

    is_finalist: bool = False
    """Whether the trial is one of the best of its value."""

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
    """Edges of the final ranges at which the chosen finalist is; before the choice, the best trial."""

    @property
    def base_trials(self) -> tuple[Trial, ...]:
        """Trials before any range has grown."""
        return self.trials[: self.base_count]

    @property
    def is_finished(self) -> bool:
        """Whether all known trials are finished."""
        return all(trial.is_finished for trial in self.trials)

    @property
    def finalists(self) -> list[Trial]:
        """The finalists; empty before all trials are finished."""
        return [trial for trial in self.trials if trial.is_finalist] if self.is_finished else []

    @property
    def is_chosen(self) -> bool:
        """Whether all runs that decide the choice are finished."""
        return self.is_finished and all(trial.has_finalist_runs for trial in self.finalists)

    @property
    def diverged_share(self) -> float:
        """Share of the trials that diverged."""
        return sum(trial.status == "diverged" for trial in self.trials) / len(self.trials)


def rank_trials(task: StudyTask, trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that have a score, the best first; of equal scores, the earliest first."""
    sign = 1.0 if lower_is_better(task.score) else -1.0
    scored = [trial for trial in trials if trial.score is not None]
    return sorted(scored, key=lambda trial: (sign * (trial.score or 0.0), trial.number))


def choose_finalist(task: StudyTask, trials: Sequence[Trial]) -> Trial | None:
    """Return the finalist with the best mean score over the finalist seeds; of equal means, the better trial.

    A finalist that diverged with a seed is not chosen. The result is `None` without a finalist with scores.
    """
    sign = 1.0 if lower_is_better(task.score) else -1.0
    finalists = [trial for trial in rank_trials(task, trials) if trial.finalist_scores]
    return min(finalists, key=lambda trial: sign * fmean(trial.finalist_scores), default=None)


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
                _read_trial(number, setting, runs.get(label, {}).get(number, ()), plan, task)
                for number, setting in enumerate(place_trials(label, space, plan.trials, rounds, points))
            ]
            for label, space in spaces.items()
        }
        is_finished = all(trial.is_finished for items in trials.values() for trial in items)
        if not is_finished or len(rounds) == MAX_ROUNDS:
            break
        ranked = {label: rank_trials(task, items) for label, items in trials.items()}
        best_settings = {label: items[0].setting if items else None for label, items in ranked.items()}
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
    grown_keys = tuple(item.growths[label].edge.key for item in rounds if label in item.growths)
    finalists = {trial.number for trial in rank_trials(task, trials)[: plan.finalists]}
    marked = tuple(
        replace(trial, is_finalist=True) if trial.number in finalists else replace(trial, finalist_scores=())
        for trial in trials
    )
    best = choose_finalist(task, marked) or next(iter(rank_trials(task, marked)), None)
    edges = find_edges(grown, best.setting) if best is not None else ()
    return ValueTrials(marked, plan.trials, grown, grown_keys, edges)


def _read_trial(
    number: int, setting: Mapping[str, str], runs: Sequence[StudyRun], plan: Plan, task: StudyTask
) -> Trial:
    """Return a trial with the scores of its runs."""
    score, status = _read_score([run for run in runs if run.seed == plan.tuning_seed], task)
    by_seed = [_read_score([run for run in runs if run.seed == seed], task) for seed in plan.finalist_seeds]
    scores = tuple(value for value, _ in by_seed if value is not None)
    is_diverged = any(item_status == "diverged" for _, item_status in by_seed)
    is_scored = len(scores) == len(plan.finalist_seeds)
    return Trial(
        number,
        setting,
        status,
        score,
        scores if is_scored else (),
        has_finalist_runs=is_scored or (is_diverged and all(item_status != "to train" for _, item_status in by_seed)),
    )


def _read_score(runs: Sequence[StudyRun], task: StudyTask) -> tuple[float | None, str]:
    """Return the score of the runs of one setting and seed, one run for each fold, and their status.

    The runs of several folds are finished when all folds are finished, or when one of them has diverged.
    """
    if any(run.record.status == "diverged" for run in runs):
        return None, "diverged"
    scores = [run.score for run in runs if run.score is not None]
    return (None, "to train") if len(scores) < len(task.halves) else (fmean(scores), "completed")


def _read_experiment(runs: Mapping[int, Sequence[StudyRun]]) -> Experiment:
    """Return the experiment of a value, from the config of one of its tuning runs.

    Raises:
        ConfigError: the config of the run is damaged.
    """
    return load_resolved_experiment(str(runs[0][0].run_info.run.config))
