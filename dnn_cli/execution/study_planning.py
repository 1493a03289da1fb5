"""Planning of a study before its first training: the question, search spaces, halves of the data and seeds."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.search_spaces import SearchSpace, build_search_space, parse_tuned_keys, select_search_spaces
from dnn_cli.config.sweep_reader import SweepOptions, read_sweep
from dnn_cli.config.sweeps import Sweep, compute_sweep_id
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.errors import UsageError
from dnn_cli.execution.study_halves import HALVES_KEY, find_halves
from dnn_cli.execution.study_question import (
    build_experiments,
    check_arguments,
    check_losses,
    check_question,
    check_task,
    list_values,
)
from dnn_cli.execution.sweep_plan import MAX_RUNS
from dnn_cli.study.plan import Halves, Plan, StudyTask, Value
from dnn_cli.study.power import choose_seeds
from dnn_cli.study.range_growth import count_extra_trials
from dnn_cli.study.trials import MAX_ROUNDS
from dnn_cli.study.unit_points import draw_unit_points

FINALISTS, FINALIST_SEEDS = 6, 8
"""Number of the best trials of each value that are trained again before the choice, and the number of their seeds.

With the best of 20 trials of one seed each, the luck of that seed gives a winner in 33% of studies of five equal
values. `tests/stress/study_error_rate.py` measures the share."""

_MIN_FINALIST_SEEDS = 2
"""Smallest number of seeds of a finalist, from which the noise of a score is estimated."""

_MIN_FINAL_SEEDS, _MAX_FINAL_SEEDS = 3, 1000


@dataclass(frozen=True)
class StudyOptions:
    """Options of a study on the command line."""

    tune: tuple[str, ...] = ()
    """Texts `KEY=RANGE` of the tuned keys; empty to use the catalogue of search spaces."""

    trials: int = 20
    seeds: int | None = None
    """Number of final seeds; `None` chooses the number by its power, and one seed for each fold."""

    target: str = "auto"
    search_seed: int = 0
    folds: int | None = None
    repetitions: int | None = None
    zips: tuple[str, ...] = ()
    allow_code: bool = False
    """Whether the modules of custom layers may run."""


@dataclass(frozen=True)
class PlannedStudy:
    """Plan of a study, and the sweeps that build its experiments, by the name of the task."""

    plan: Plan
    sweeps: dict[str, Sweep]


def plan_study(files: Sequence[str], arguments: Sequence[str], options: StudyOptions) -> PlannedStudy:
    """Plan a study from its configs, arguments and options. Nothing is written.

    Args:
        files: The paths of the configs, one for each task.
        arguments: The overrides and the question, such as `optimizer=sgd,adam`.
        options: The options.

    Raises:
        ConfigError: an experiment is not valid. The error lists the issues of all values and tasks.
        UsageError: the question or an option is invalid.
        DataError: the data cannot be read.
    """
    sweep_options = SweepOptions(
        folds=options.folds,
        repetitions=options.repetitions,
        zips=options.zips,
        allow_code=options.allow_code,
        subject="study",
    )
    check_arguments(arguments)
    words = [*arguments, f"{HALVES_KEY}=true"]
    sweeps: dict[str, Sweep] = {}
    tasks: list[StudyTask] = []
    spaces_of_all_tasks: list[SearchSpace] = []
    tuned_space = parse_tuned_keys(options.tune)
    with cache_dataset_info():
        for file in files:
            sweep = read_sweep(file, words, sweep_options)
            values = list_values(sweep)
            experiments = build_experiments(sweep, values)
            first = experiments[0]
            if first.name in sweeps:
                raise UsageError(
                    f"two configs have the name {first.name}",
                    f"write {file} once"
                    if file in files[: len(tasks)]
                    else f"set another name in {file}, for example name: {first.name}_2",
                )
            check_question(values, experiments)
            check_task(first, tasks)
            check_losses(values, experiments)
            spaces = _choose_search_spaces(tuned_space, values, experiments, options.trials)
            spaces_of_all_tasks += spaces.values()
            tasks.append(_build_task(file, first, spaces, find_halves(sweep, values)))
            sweeps[first.name] = sweep
    folds = max(len(task.halves) for task in tasks)
    # The verdicts on folds have a pair of scores for each fold, whatever the number of seeds.
    seeds = options.seeds or (choose_seeds(len(values)) if folds == 1 else 1)
    finalists = min(FINALISTS, options.trials)
    finalist_seeds = max(_MIN_FINALIST_SEEDS, math.ceil(FINALIST_SEEDS / folds))
    runs_of_value = options.trials + finalists * finalist_seeds + 2 * seeds
    _check_run_count(sum(len(task.halves) for task in tasks) * len(values) * runs_of_value)
    plan = Plan(
        study=_compute_study_id(list(sweeps.values()), values),
        question=tuple(values[0].settings),
        values=tuple(values),
        fixed=next(iter(sweeps.values())).fixed,
        trials=options.trials,
        tuning_seed=first.seed,
        finalists=finalists,
        finalist_seeds=tuple(range(first.seed + 1, first.seed + 1 + finalist_seeds)),
        final_seeds=_choose_final_seeds(first.seed, seeds),
        repetitions=options.repetitions,
        target=options.target,
        sampler_seed=options.search_seed,
        tuned_keys=tuple(options.tune),
        points=_draw_points(spaces_of_all_tasks, options),
        tasks=tuple(tasks),
    )
    return PlannedStudy(plan, sweeps)


def _check_run_count(run_count: int) -> None:
    """Check the number of runs of a study without extra trials.

    Raises:
        UsageError: the study has too many runs.
    """
    if run_count > MAX_RUNS:
        raise UsageError(
            f"the study has {run_count:,} runs; the maximum is {MAX_RUNS:,}", "use fewer values, trials or seeds"
        )


def _choose_search_spaces(
    tuned_space: SearchSpace, values: Sequence[Value], experiments: Sequence[Experiment], trials: int
) -> dict[str, SearchSpace]:
    """Return the search space of each value, by label: the keys of `--tune`, or those of the catalogue.

    Raises:
        ConfigError: an experiment refuses an end of a range.
        UsageError: a value has no key to tune, no value has a key of `--tune`, or a tuned key is the question.
    """
    question = values[0].settings
    by_label = {value.label: experiment for value, experiment in zip(values, experiments, strict=True)}
    if not tuned_space:
        return {label: build_search_space(experiment, trials, question) for label, experiment in by_label.items()}
    for tuned in tuned_space:
        if tuned.key in question:
            raise UsageError(f"--tune {tuned}: {tuned.key} is the question of the study", "tune another key")
    return select_search_spaces(tuned_space, by_label)


def _build_task(
    file: str,
    experiment: Experiment,
    spaces: Mapping[str, SearchSpace],
    halves: tuple[Halves, ...],
) -> StudyTask:
    """Return the task of a config, from the experiment of its first value."""
    return StudyTask(
        name=experiment.name,
        config=file,
        experiment=compute_outcome_digest(experiment),
        score=experiment.monitor,
        epochs=experiment.epochs,
        examples=experiment.data.training_examples,
        halves=halves,
        search_spaces={label: {item.key: str(item.values) for item in space} for label, space in spaces.items()},
    )


def _compute_study_id(sweeps: Sequence[Sweep], values: Sequence[Value]) -> str:
    """Return the id of a study: eight hex digits from its configs, its overrides and its question.

    More trials or seeds, and other tuned keys, do not change the id.
    """
    identity = [sorted(map(compute_sweep_id, sweeps)), [value.settings for value in values], "study"]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]


def _choose_final_seeds(tuning_seed: int, count: int) -> tuple[int, ...]:
    """Return the seeds of the final runs: 1, 2 and so on, without the seeds of the trials and the finalists."""
    tuning_seeds = range(tuning_seed, tuning_seed + FINALIST_SEEDS + 1)
    return tuple(seed for seed in range(1, count + FINALIST_SEEDS + 2) if seed not in tuning_seeds)[:count]


def _draw_points(spaces: Sequence[SearchSpace], options: StudyOptions) -> tuple[tuple[float, ...], ...]:
    """Return the unit points of all trials, extra trials included.

    The coordinates are rounded, so that the file of the plan holds them exactly.
    """
    extra = max(
        (
            count_extra_trials(tuned.values, options.trials)
            for space in spaces
            for tuned in space
            if tuned.values.is_logarithmic
        ),
        default=0,
    )
    count, dimensions = options.trials + MAX_ROUNDS * extra, max(map(len, spaces))
    points = draw_unit_points(count, dimensions, options.search_seed)
    return tuple(tuple(round(float(coordinate), 6) for coordinate in point) for point in points)


def parse_seeds(text: str) -> int | None:
    """Return the number of final seeds that an option names; `None` for `auto`.

    Raises:
        UsageError: the text is neither `auto` nor a number of seeds.
    """
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and _MIN_FINAL_SEEDS <= int(text) <= _MAX_FINAL_SEEDS):
        raise UsageError(
            f"--seeds {text} is not a number of seeds from {_MIN_FINAL_SEEDS} to {_MAX_FINAL_SEEDS:,}",
            "use --seeds auto",
        )
    return int(text)


def parse_target(text: str) -> str:
    """Return the target that an option names, as text: `auto` or a number.

    Raises:
        UsageError: the text is neither `auto` nor a finite number.
    """
    if text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"--target {text} is not a score", "use a number such as --target 0.88, or --target auto")
    return repr(number)
