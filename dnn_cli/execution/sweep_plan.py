"""Plan of a sweep: its experiments, all checked before the first training, and estimates of their duration."""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from dnn_cli.config.cross_validation import list_fold_settings
from dnn_cli.config.digests import compute_network_digest, compute_outcome_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, build_experiment, read_config
from dnn_cli.config.network_summary import estimate_network_size
from dnn_cli.config.sweep_values import ValueRange
from dnn_cli.config.sweeps import Sweep, build_overrides
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.config.yaml_reader import MAX_ISSUES, Document
from dnn_cli.errors import ConfigError, LocatedIssue, UsageError
from dnn_cli.runs.record import StudyRole
from dnn_cli.runs.run_info import RunInfo

MAX_RUNS = 10_000
"""Largest number of runs of a sweep or study."""

_MAX_CHECKED_COMBINATIONS = 1_000
"""Maximum number of settings that are checked before a bayesian search. These settings combine listed values and the
ends of ranges."""

Setting = dict[str, str]
"""Values of the varied keys, by key, as a user would type them, such as `{"optimizer.learning_rate": "0.1"}`."""


@dataclass(frozen=True)
class PlannedRun:
    """Experiment of a sweep, before it has a run."""

    trial: int
    """Number of the setting, from 0. Planned runs that differ only in the seed or the fold have the same number."""

    setting: Setting
    """Values that this experiment has for the keys that vary in the sweep, including `seed` if the sweep has seeds."""

    loaded: LoadedExperiment
    outcome_digest: str
    """Digest by which experiments with the same result are recognised.

    The digest is equal for experiments whose trainings end with identical weights after the same number of epochs."""

    study: StudyRole | None = None
    """Role of the run in a study; `None` in a sweep."""


class SweepPlanner:
    """Object that builds the planned runs of a setting: one for each seed and, in a cross-validation, each fold."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.base_document = read_config(sweep.file)

    def plan_seeds(self, trial: int, setting: Setting) -> list[PlannedRun]:
        """Plan the experiments of a setting: one for each seed and fold.

        Raises:
            ConfigError: an experiment is not valid, or this machine cannot train it.
            UsageError: the sweep has repetitions, but no folds.
        """
        planned_runs: list[PlannedRun] = []
        for seeded_setting in [{**setting, "seed": seed} for seed in self.sweep.seeds] or [setting]:
            planned_run = self.plan_run(trial, seeded_setting)
            fold_settings = list_fold_settings(planned_run.loaded.experiment.data, self.sweep.repetitions)
            if fold_settings == [{}]:
                planned_runs.append(planned_run)
            else:
                planned_runs += [self.plan_run(trial, {**seeded_setting, **fold}) for fold in fold_settings]
        return planned_runs

    def plan_run(self, trial: int, setting: Setting) -> PlannedRun:
        """Plan the experiment that has the values of a setting.

        Raises:
            ConfigError: the experiment is not valid, or this machine cannot train it.
        """
        overrides = build_overrides(self.sweep, setting)
        base = self.base_document
        if self.sweep.name is not None:
            base = Document({**base.value, "name": self.sweep.name}, base.locations, base.issues)
        allow_code = self.sweep.allow_code
        loaded = build_experiment(base, self.sweep.file, overrides, to_train=True, allow_code=allow_code)
        return PlannedRun(trial, setting, loaded, compute_outcome_digest(loaded.experiment))


def plan_sweep(sweep: Sweep) -> list[PlannedRun]:
    """Plan the experiments of a grid search or a random search. Equal experiments are planned once.

    Raises:
        ConfigError: an experiment is not valid. The error lists the issues of all experiments.
        UsageError: the sweep has too many runs.
    """
    planner = SweepPlanner(sweep)
    setting_count = _count_grid(sweep) if sweep.search == "grid" else sweep.trials or 1
    _check_run_count(setting_count * max(1, len(sweep.seeds)))
    settings = _iter_grid(sweep) if sweep.search == "grid" else _iter_random_settings(sweep)
    runs_by_digest: dict[str, PlannedRun] = {}
    for planned_run in _plan_settings(planner, list(settings)):
        runs_by_digest.setdefault(planned_run.outcome_digest, planned_run)
    _check_run_count(len(runs_by_digest))
    return list(runs_by_digest.values())


def _check_run_count(run_count: int) -> None:
    """Check the number of runs of a sweep.

    Raises:
        UsageError: the sweep has too many runs.
    """
    if run_count > MAX_RUNS:
        raise UsageError(
            f"the sweep has {run_count:,} runs; the maximum is {MAX_RUNS:,}",
            "use fewer values, or use --search random with --trials",
        )


def plan_extreme_runs(sweep: Sweep) -> list[PlannedRun]:
    """Plan experiments at the extremes of a sweep, to check these experiments before the first training.

    A bayesian search chooses its settings during the sweep, so they cannot be checked before. The extremes combine the
    listed values with both ends of each range, for one seed. At most `_MAX_CHECKED_COMBINATIONS` are planned.

    Raises:
        ConfigError: an experiment is not valid. The error lists the issues of all experiments.
    """
    return _plan_settings(
        SweepPlanner(replace(sweep, seeds=sweep.seeds[:1])),
        list(itertools.islice(_iter_grid(sweep), _MAX_CHECKED_COMBINATIONS)),
    )


def _plan_settings(planner: SweepPlanner, settings: Sequence[Setting]) -> list[PlannedRun]:
    """Plan the experiments of several settings, each with all seeds.

    Raises:
        ConfigError: an experiment is not valid. The error lists each issue once, and at most `MAX_ISSUES`.
    """
    planned_runs: list[PlannedRun] = []
    issues: dict[LocatedIssue, None] = {}
    with cache_dataset_info():
        for number, setting in enumerate(settings):
            try:
                planned_runs += planner.plan_seeds(number, setting)
            except ConfigError as error:
                issues.update(dict.fromkeys(_locate_in_sweep_file(issue, planner.sweep) for issue in error.issues))
    if issues:
        raise ConfigError(list(issues)[:MAX_ISSUES])
    return planned_runs


def _locate_in_sweep_file(issue: LocatedIssue, sweep: Sweep) -> LocatedIssue:
    """Return an issue with the position of its value in the sweep file.

    If the value does not come from the sweep file, the issue is returned unchanged.
    """
    location = sweep.locations.get(issue.location.source.partition("=")[0]) if issue.location.line is None else None
    return replace(issue, location=location) if location else issue


def _count_grid(sweep: Sweep) -> int:
    """Return the number of combinations of the values of all varied keys. A range has two values: its ends."""
    counts = [len(values.end_values) for values in sweep.parameters.values()]
    return math.prod(counts) * (len(sweep.zipped.rows) if sweep.zipped else 1)


def _iter_grid(sweep: Sweep) -> Iterator[Setting]:
    """Yield every combination of the values of all varied keys. A range has two values: its ends.

    The last key varies fastest, and zipped keys together still faster.
    """
    for combination in itertools.product(*(values.end_values for values in sweep.parameters.values())):
        for zipped_setting in sweep.zipped.list_settings() if sweep.zipped else [{}]:
            yield {**dict(zip(sweep.parameters, combination, strict=True)), **zipped_setting}


def _iter_random_settings(sweep: Sweep) -> Iterator[Setting]:
    """Yield up to `trials` different random settings.

    The n-th draw depends only on the seed of the search, n and the keys. Of two searches with different `trials`, the
    longer search therefore begins with all settings of the shorter search.

    Draws end after 100 times `trials`, even if fewer settings were found. If `trials` is enough for all combinations,
    the combinations are yielded in order.
    """
    finite = not any(isinstance(values, ValueRange) for values in sweep.parameters.values())
    if finite and _count_grid(sweep) <= (sweep.trials or 0):
        yield from _iter_grid(sweep)
        return
    seen: set[tuple[str, ...]] = set()
    for number in itertools.count():
        if len(seen) == sweep.trials or number > 100 * (sweep.trials or 1):
            return
        setting = {
            key: values.value_at(_draw_share(sweep.search_seed, number, key))
            for key, values in sweep.parameters.items()
        }
        if sweep.zipped:
            share = _draw_share(sweep.search_seed, number, ",".join(sorted(sweep.zipped.keys)))
            setting |= sweep.zipped.list_settings()[int(share * len(sweep.zipped.rows))]
        if tuple(setting.values()) not in seen:
            seen.add(tuple(setting.values()))
            yield setting


def _draw_share(seed: int, number: int, key: str) -> float:
    """Return a random share from 0 to below 1, determined by the seed of the search, the number of the draw and a key.

    Zipped keys have a single share, by their names with commas between them.
    """
    return random.Random(f"{seed}/{number}/{key}").random()  # noqa: S311 - no secret


_STARTUP_SECONDS = 5.0
"""Estimated seconds to import TensorFlow."""

COMPILE_SECONDS, RUN_OVERHEAD_SECONDS = 0.8, 0.3
"""Estimated seconds to compile a network, and to start and save a training."""

_MULTIPLY_ADDS_PER_SECOND = 2e10
"""Multiply-adds per second on one core, measured on small networks, which also spend time on other work."""

_SECONDS_PER_BATCH = 6e-5
"""Seconds of overhead for a batch of any size."""


def estimate_run_seconds(experiment: Experiment, epoch_seconds: dict[str, float]) -> float:
    """Estimate the duration of a training, in seconds.

    Args:
        experiment: The experiment.
        epoch_seconds: Measured seconds per epoch, by network digest. Other networks are estimated by their size.
    """
    seconds_per_epoch = epoch_seconds.get(compute_network_digest(experiment))
    return RUN_OVERHEAD_SECONDS + experiment.epochs * (
        _estimate_epoch_seconds(experiment) if seconds_per_epoch is None else seconds_per_epoch
    )


def _estimate_epoch_seconds(experiment: Experiment) -> float:
    """Estimate the seconds of an epoch from the network and the numbers of examples and batches."""
    examples, multiply_adds = experiment.data.training_examples, estimate_network_size(experiment).multiply_adds
    slowdown = max(nested.layer.slowdown for nested in experiment.model.nested_layers)
    return 3.3 * slowdown * multiply_adds * examples / _MULTIPLY_ADDS_PER_SECOND + _SECONDS_PER_BATCH * math.ceil(
        examples / experiment.batch_size
    )


def compute_epoch_seconds(runs: Sequence[RunInfo], planned_runs: Sequence[PlannedRun]) -> dict[str, float]:
    """Compute the median seconds per epoch of completed runs of the planned experiments, by network digest."""
    networks = {planned.outcome_digest: compute_network_digest(planned.loaded.experiment) for planned in planned_runs}
    measured_seconds: dict[str, list[float]] = {}
    for run_info in runs:
        record = run_info.record
        if record is not None and record.status == "completed" and record.experiment in networks and record.epochs:
            measured_seconds.setdefault(networks[record.experiment], []).append((record.seconds or 0) / record.epochs)
    return {network: median(seconds) for network, seconds in measured_seconds.items()}


def estimate_total_seconds(planned_runs: Sequence[PlannedRun], workers: int, epoch_seconds: dict[str, float]) -> float:
    """Estimate the seconds in which a number of workers train all planned runs."""
    if not planned_runs:
        return 0.0
    run_seconds = [estimate_run_seconds(planned.loaded.experiment, epoch_seconds) for planned in planned_runs]
    network_count = len({compute_network_digest(planned.loaded.experiment) for planned in planned_runs})
    return _STARTUP_SECONDS + max(max(run_seconds), (sum(run_seconds) + COMPILE_SECONDS * network_count) / workers)
