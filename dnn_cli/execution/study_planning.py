"""Planning of a study before its first training: the question, search spaces, halves of the data and seeds."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dnn_cli.config.data import Data
from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.overrides import expand_key, partition_override
from dnn_cli.config.search_spaces import SearchSpace, build_search_space, parse_tuned_keys, select_search_spaces
from dnn_cli.config.sweep_config import Sweep, SweepOptions, compute_sweep_id, read_sweep
from dnn_cli.config.sweep_values import ValueRange
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.errors import ConfigError, LocatedIssue, UsageError, UserDataError
from dnn_cli.execution.sweep_plan import MAX_RUNS, SweepPlanner
from dnn_cli.report.sweep_view import format_sweep_settings
from dnn_cli.study.plan import Halves, Plan, StudyTask, Value
from dnn_cli.study.power import choose_seeds
from dnn_cli.study.range_growth import count_extra_trials
from dnn_cli.study.trials import MAX_ROUNDS
from dnn_cli.study.unit_points import draw_unit_points

_HALVES_KEY = "data.reporting_half"
_HALVES_OVERRIDE = f"{_HALVES_KEY}=true"
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
        folds=options.folds, repetitions=options.repetitions, zips=options.zips, subject="study"
    )
    _check_arguments(arguments)
    words = [*arguments, _HALVES_OVERRIDE]
    sweeps: dict[str, Sweep] = {}
    tasks: list[StudyTask] = []
    spaces_of_all_tasks: list[SearchSpace] = []
    tuned_space = parse_tuned_keys(options.tune)
    with cache_dataset_info():
        for file in files:
            sweep = read_sweep(file, words, sweep_options)
            values = _list_values(sweep)
            experiments = _build_experiments(sweep, values)
            first = experiments[0]
            if first.name in sweeps:
                raise UsageError(
                    f"two configs have the name {first.name}",
                    f"write {file} once"
                    if file in files[: len(tasks)]
                    else f"set another name in {file}, for example name: {first.name}_2",
                )
            _check_question(values, experiments)
            _check_task(first, tasks)
            _check_losses(values, experiments)
            spaces = _choose_search_spaces(tuned_space, values, experiments, options.trials)
            spaces_of_all_tasks += spaces.values()
            tasks.append(_build_task(file, first, spaces, _find_halves(sweep, values)))
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


def _check_arguments(arguments: Sequence[str]) -> None:
    """Check that no argument has a key that a study sets itself.

    Raises:
        UsageError: an argument sets the seed or the reporting half.
    """
    for argument in arguments:
        key = expand_key(partition_override(argument)[0].removeprefix("~"))
        if key == "seed":
            raise UsageError(
                "a study chooses its seeds itself",
                f"remove {argument}, and use --seeds N for the number of final seeds",
            )
        if key == _HALVES_KEY:
            raise UsageError("a study divides the validation examples itself", f"remove {argument}")


def _check_run_count(run_count: int) -> None:
    """Check the number of runs of a study without extra trials.

    Raises:
        UsageError: the study has too many runs.
    """
    if run_count > MAX_RUNS:
        raise UsageError(
            f"the study has {run_count:,} runs; the maximum is {MAX_RUNS:,}", "use fewer values, trials or seeds"
        )


def _list_values(sweep: Sweep) -> list[Value]:
    """Return the values of the question of a study.

    Raises:
        UsageError: several keys vary, or the values are a range.
    """
    if len(sweep.parameters) + (sweep.zipped is not None) > 1:
        keys = [*sweep.parameters, *([" and ".join(sweep.zipped.keys)] if sweep.zipped else [])]
        raise UsageError(
            f"a study has one question, but {', '.join(keys)} vary",
            "give all but one a single value, or use --zip for values that belong together",
        )
    if sweep.zipped is not None:
        settings = sweep.zipped.list_settings()
    else:
        ((key, values),) = sweep.parameters.items()
        if isinstance(values, ValueRange):
            raise UsageError(
                f"the question of a study needs values, and {key}={values} is a range",
                f"to tune {key}, use --tune '{key}={values}'",
            )
        settings = [{key: text} for text in values.texts]
    labels = [_format_label(setting) for setting in settings]
    # Values with one short text, such as adam and {type: adam}, keep the text that the user typed.
    return [
        Value(label=label if labels.count(label) == 1 else ", ".join(setting.values()), settings=setting)
        for label, setting in zip(labels, settings, strict=True)
    ]


def _format_label(setting: dict[str, str]) -> str:
    """Return the label of a value, such as `adam` or `sgd momentum=0.9`. Numbers and several keys have their key."""
    text = format_sweep_settings(setting)
    if len(setting) > 1:
        return text
    value = text.partition("=")[2]
    is_clear = value[:1].isalpha() and value not in ("true", "false", "none", "null")
    return value if is_clear else text


def _build_experiments(sweep: Sweep, values: Sequence[Value]) -> list[Experiment]:
    """Return the experiment of each value, without a fold and with the seed of the config.

    Raises:
        ConfigError: an experiment is not valid. The error lists the issues of all values.
        UsageError: there are fewer than two validation examples.
    """
    planner = SweepPlanner(replace(sweep, repetitions=None))
    experiments: list[Experiment] = []
    issues: dict[LocatedIssue, None] = {}
    for value in values:
        try:
            experiments.append(planner.plan_run(0, value.settings).loaded.experiment)
        except ConfigError as error:
            issues.update(dict.fromkeys(error.issues))
    if any(issue.key == _HALVES_KEY for issue in issues):
        raise UsageError(
            "a study needs two validation examples or more: one to choose settings, and one to judge them",
            "set data.validation_size=0.2",
        )
    if issues:
        raise ConfigError(list(issues))
    return experiments


def _check_question(values: Sequence[Value], experiments: Sequence[Experiment]) -> None:
    """Check that the values give different experiments with one score.

    Raises:
        UsageError: two values are one experiment, or the scores differ.
    """
    labels: dict[str, str] = {}
    for value, experiment in zip(values, experiments, strict=True):
        digest = compute_outcome_digest(experiment)
        if digest in labels:
            raise UsageError(f"{labels[digest]} and {value.label} are one experiment", "remove one of the two values")
        labels[digest] = value.label
    scores = dict.fromkeys(experiment.monitor for experiment in experiments)
    if len(scores) > 1:
        raise UsageError(
            f"the values have different scores: {', '.join(scores)}", "set the same first metric for all values"
        )


def _check_task(experiment: Experiment, earlier_tasks: Sequence[StudyTask]) -> None:
    """Check that a task differs from the earlier tasks in more than its name.

    Raises:
        UsageError: the experiment with the first value is that of an earlier task.
    """
    digest = compute_outcome_digest(experiment)
    for task in earlier_tasks:
        if task.experiment == digest:
            raise UsageError(f"{task.name} and {experiment.name} are one task", "remove one of the two configs")


def _check_losses(values: Sequence[Value], experiments: Sequence[Experiment]) -> None:
    """Check that the values have one loss if the loss is their score.

    Raises:
        UsageError: the score is the loss, and two values have different losses.
    """
    first, *others = experiments
    if first.monitor != "val_loss":
        return
    for value, experiment in zip(values[1:], others, strict=True):
        if experiment.loss != first.loss:
            metric = "accuracy" if first.data.info.is_classification else "mae"
            raise UsageError(
                f"{values[0].label} and {value.label} have different losses, so that their losses cannot be compared",
                f"set metrics=[{metric}]",
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


def _find_halves(sweep: Sweep, values: Sequence[Value]) -> tuple[Halves, ...]:
    """Return the halves of the validation set, one entry for each fold of a cross-validation.

    Raises:
        UsageError: the values have different halves, so that their scores cannot be compared.
        DataError: the data cannot be read.
    """
    planner = SweepPlanner(replace(sweep, seeds=()))
    first: tuple[Halves, ...] | None = None
    cache: dict[str, tuple[Halves, ...]] = {}
    for value in values:
        folds = [planned.loaded.experiment.data for planned in planner.plan_seeds(0, value.settings)]
        key = json.dumps([data.model_dump(mode="json") for data in folds])
        if key not in cache:
            cache[key] = tuple(_split_in_halves(data) for data in folds)
        first = first or cache[key]
        if cache[key] != first:
            raise UsageError(
                f"{values[0].label} and {value.label} have different validation examples, so that their scores cannot "
                "be compared",
                "use the same data.validation_size and data.split_seed for all values",
            )
    return first or ()


def _split_in_halves(data: Data) -> Halves:
    """Return the sizes of the halves of the validation set, and a digest of the indices of their examples.

    Raises:
        DataError: the data cannot be read.
    """
    from dnn_cli.data.examples import load_targets, split_examples

    try:
        split = split_examples(data, load_targets(data))
    except UserDataError as error:
        # A study cannot do without the reporting half.
        suggestion = error.suggestion.removesuffix(f", or set {_HALVES_KEY}=false")
        raise UserDataError(error.message, suggestion, error.key) from None
    content = b"|".join(part.tobytes() for part in (split.validation, split.reporting))
    return Halves(
        tuning=len(split.validation),
        reporting=len(split.reporting),
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )


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
