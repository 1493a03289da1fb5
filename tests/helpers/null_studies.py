"""Real studies whose values are trained with random numbers of their own, and what these studies find.

Equal values that are trained with equal seeds have equal scores, and no study could name a winner among them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from dnn_cli.execution.messages import Event
from dnn_cli.execution.scheduler import Executor, train_all
from dnn_cli.execution.study_execution import Phase, StudyExecution, record_plan
from dnn_cli.execution.study_planning import PlannedStudy, StudyOptions, plan_study
from dnn_cli.execution.sweep_plan import PlannedRun, SweepPlanner
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.store import Store
from dnn_cli.study.study_result import StudyResult, build_study_result
from dnn_cli.study.study_runs import Arm

STUDY_YAML = """\
name: digits
data: {dataset: digits}
model:
  layers:
    - Flatten
    - {type: Dense, units: 16, activation: relu, name: hidden}
    - {type: Dense, units: 10, activation: softmax, name: output}
optimizer: adam
batch_size: 60
epochs: 3
diagnostics: false
"""
"""Config of the studies, which trains in a fraction of a second."""

_SEEDS_OF_A_VALUE = 1000
"""Number of seeds that each value of each study has for its trainings. All seeds of a plan are smaller."""


@dataclass(frozen=True)
class StudySize:
    """Numbers of trials and seeds of a study, and its tuned key."""

    trials: int
    finalists: int
    finalist_seeds: int
    final_seeds: int | None = None
    """Number of final seeds; `None` chooses the number by its power."""

    tuned_key: str = "optimizer.learning_rate=log(1e-5, 0.1)"
    """Tuned key with its range. The default range is the one of the catalogue for Adam.

    Other keys of an optimizer are not tuned, because each of their values would need a compiled program."""


class IndependentStudy(StudyExecution):
    """Study in which each value is trained with seeds of its own.

    The runs have the seeds of the plan in their settings. These seeds pair the final runs, as in any study.
    """

    def __init__(self, planned: PlannedStudy, store: Store, number: int) -> None:
        super().__init__(planned, store)
        self.number = number

    @cached_property
    def _planners(self) -> dict[str, SweepPlanner]:
        """Planners of single runs, by the name of the task."""
        return {name: SweepPlanner(sweep) for name, sweep in self.sweeps.items()}

    def _build_phase(self, title: str, planned_runs: list[PlannedRun]) -> Phase:
        return super()._build_phase(title, list(map(self._replace_seed, planned_runs)))

    def _replace_seed(self, planned_run: PlannedRun) -> PlannedRun:
        """Return a planned run that trains with a seed of its value. Its setting keeps the seed of the plan."""
        assert planned_run.study is not None
        block = self.number * len(self.plan.labels) + self.plan.labels.index(planned_run.study.value)
        plan_seed = int(planned_run.setting["seed"])
        assert plan_seed < _SEEDS_OF_A_VALUE
        setting = {**planned_run.setting, "seed": str(_SEEDS_OF_A_VALUE * block + plan_seed)}
        trained = self._planners[planned_run.loaded.experiment.name].plan_run(planned_run.trial, setting)
        return replace(planned_run, loaded=trained.loaded, outcome_digest=trained.outcome_digest)

    def build_result(self) -> StudyResult:
        """Return the result of the study, whose final runs are paired by the seeds of the plan."""
        runs = self.store.with_details(self.store.list_runs())
        return build_study_result(self.plan, list(map(_restore_plan_seed, runs)))


def _restore_plan_seed(run_info: RunInfo) -> RunInfo:
    """Return a run with the seed of the plan in place of the seed of its training."""
    details = run_info.details
    return replace(run_info, loaded_details=replace(details, seed=details.seed % _SEEDS_OF_A_VALUE))


def plan_independent_study(
    directory: Path, question: str, size: StudySize, number: int, text: str = STUDY_YAML
) -> IndependentStudy:
    """Plan a study in an empty directory, and write its plan.

    Args:
        directory: The directory for the config and the runs.
        question: The key with its values.
        size: The numbers of trials and seeds, and the tuned key.
        number: The number of the study. Studies with different numbers have different seeds, splits of the data and
            settings of the trials.
        text: The config.
    """
    config = directory / "digits.yaml"
    config.write_text(text, encoding="utf-8")
    options = StudyOptions((size.tuned_key,), trials=size.trials, seeds=size.final_seeds, search_seed=number)
    planned = plan_study([str(config)], [question, f"data.split_seed={number}"], options)
    plan = planned.plan.model_copy(
        update={
            "finalists": min(size.finalists, size.trials),
            "finalist_seeds": planned.plan.finalist_seeds[: size.finalist_seeds],
        }
    )
    study = IndependentStudy(replace(planned, plan=plan), Store(directory / "runs"), number)
    study.plan = record_plan(study.plan, study.store)
    return study


class _NoDisplay:
    """Display of a study that shows nothing."""

    def on_task_started(self, task: object) -> None: ...

    def on_event(self, event: Event) -> None: ...


def train_study(
    study: StudyExecution, executor: Executor, *, lanes: str = "off", workers: int = 1, stop: Callable[[], str] = str
) -> int:
    """Train the missing runs of a study, phase after phase, and return their number. A failed run raises."""
    count = 0
    for phase in study.iter_phases():
        execution = phase.execution
        lane_plan = execution.plan_lanes(lanes, gpu=False, workers=workers)
        results = train_all(execution.build_fixed_search(lane_plan), executor, _NoDisplay(), stop)
        for result in results:
            assert result.status in ("completed", "diverged"), result.exit_reason
        count += len(results)
    return count


@dataclass(frozen=True)
class StudyOutcome:
    """Winners of a study with one task."""

    winners: dict[Arm, str | None]
    """Label of the best value in each arm if another value is called worse; else `None`."""

    has_different_choices: bool
    """Whether two values have different chosen trials."""

    effect: float
    """Difference of the first value's mean from the second's in the arm with defaults, in standard deviations."""


def read_outcome(result: StudyResult) -> StudyOutcome:
    """Return the outcome of a complete study with one task.

    Its final runs must be paired by seeds, and two values with equal scores were trained with equal seeds.
    """
    assert result.is_complete
    (task,) = result.tasks
    winners: dict[Arm, str | None] = {"default": None, "tuned": None}
    for arm, comparison in task.arms.items():
        scores = [tuple(group.seed_means.values()) for group in comparison.groups]
        assert len(set(scores)) == len(scores), f"two values have equal scores: {scores}"
        assert {seed for group in comparison.groups for seed in group.seed_means} <= set(result.plan.final_seeds)
        verdict_set = comparison.verdict_set
        if verdict_set.reference and any(verdict.word in ("better", "worse") for verdict in verdict_set.verdicts):
            winners[arm] = verdict_set.reference.name
    chosen = {item.best.number for item in task.values.values() if item.best is not None}
    by_label = {group.name: group.averaged_scores for group in task.arms["default"].groups}
    return StudyOutcome(winners, len(chosen) > 1, _compute_effect([by_label[label] for label in result.plan.labels]))


def _compute_effect(scores: Sequence[Sequence[float]]) -> float:
    """Return the difference of the means of two groups of scores, in standard deviations within a group."""
    first, second, *_ = scores
    spread = ((stdev(first) ** 2 + stdev(second) ** 2) / 2) ** 0.5
    return (fmean(first) - fmean(second)) / spread if spread else 0.0
