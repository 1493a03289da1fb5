"""Run scores: completed runs, each with the score that is compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dnn_cli.compare.comparison_points import ComparisonPoint, ScoreCurve, find_score_curve
from dnn_cli.compare.repeats import RepeatedRun, drop_repeats
from dnn_cli.config.config_diff import find_config_differences
from dnn_cli.config.cross_validation import FOLD_KEYS, Fold, remove_fold
from dnn_cli.config.digests import remove_extra_file_keys
from dnn_cli.config.score_names import expand_score_name
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.runs.evaluations import EVALUATE_HINT, is_test_score
from dnn_cli.runs.record import NON_SCORE_COLUMNS, Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True, slots=True)
class RunScore:
    """Run score: a completed run with the score that is compared."""

    run_info: RunInfo
    record: Record
    curve: ScoreCurve
    """Values of the compared metric, one for each epoch."""

    score: float
    """Number by which the run is compared."""

    settings: dict[str, str]
    """Values of the config keys in which the compared runs differ, such as `{"optimizer.type": "adam"}`."""

    @property
    def run(self) -> Run:
        return self.run_info.run

    @property
    def is_baseline(self) -> bool:
        """Whether the run is a baseline, which has one score and no seed."""
        return self.record.is_baseline

    @property
    def seed(self) -> int:
        return self.run_info.details.seed

    @property
    def variant_settings(self) -> dict[str, str]:
        """The settings that the runs of a variant share: all but the seed and, in a cross-validation, the fold."""
        left_out = ("seed", *(FOLD_KEYS if self.fold else ()))
        return {key: value for key, value in self.settings.items() if key not in left_out}

    @property
    def fold(self) -> Fold | None:
        """The fold of the run in a cross-validation; `None` for other runs."""
        return self.run_info.details.fold

    @property
    def variant_digest(self) -> str:
        """The digest that runs of the same variant share."""
        return self.run_info.details.variant_digest

    @property
    def best_score(self) -> float:
        return self.curve.best_score

    @property
    def last_score(self) -> float:
        return self.curve.values[-1]

    @property
    def parameter_count(self) -> int:
        return self.record.parameters.get("total", 0)


@dataclass(frozen=True)
class _ReadScores:
    """Run scores that were read for a comparison, and the runs that were left out."""

    metric: str
    run_scores: list[RunScore]
    left_out: list[RunInfo]
    """Runs that are unreadable, unfinished, or lack the metric.

    The reason is in `error` or in the status of the record."""

    repeats: list[RepeatedRun]
    """Runs that do not count, because a later run repeats them."""


def read_run_scores(runs: Sequence[RunInfo], metric: str | None, point: ComparisonPoint) -> _ReadScores:
    """Return the completed runs that have a metric, and the other runs with the reason for leaving them out.

    Of several runs with the same experiment and seed, only the latest counts.

    Args:
        runs: The runs.
        metric: A column of `metrics.csv`, or a score on the test set such as `test_accuracy`; `None` for the metric
            that most runs monitor.
        point: The comparison point.

    Raises:
        UsageError: no completed run has the metric.
    """
    usable, left_out = _split_usable_runs(runs)
    metric = (
        expand_score_name(metric)
        if metric
        else _find_usual_metric(run_info.record for run_info in usable if run_info.record)
    )
    run_scores: list[RunScore] = []
    have_metric = False
    for run_info in usable:
        curve = find_score_curve(run_info, metric) if metric not in NON_SCORE_COLUMNS else None
        have_metric = have_metric or curve is not None
        if curve is not None and point.unit and run_info.record is not None and run_info.record.is_baseline:
            left_out.append(replace(run_info, error="a baseline has no epochs"))
            continue
        score = None if curve is None else point.compute_score(curve)
        if curve is None or score is None or run_info.record is None:
            left_out.append(replace(run_info, error=f"has no {metric}" if curve is None else point.missing_reason))
        else:
            run_scores.append(RunScore(run_info, run_info.record, curve, score, {}))
    if usable and not have_metric and is_test_score(metric):
        raise UsageError(f"no completed run has the test score {metric}", EVALUATE_HINT)
    if usable and not have_metric:
        metric_names = sorted(
            {name for run_info in usable for name in run_info.details.columns if name not in NON_SCORE_COLUMNS}
        )
        raise UsageError(
            f"no completed run has the metric {metric}",
            suggest_nearest_name(metric, metric_names) or f"use one of {', '.join(metric_names)}",
        )
    counted, repeats = drop_repeats(run_scores, lambda run_score: run_score.run_info)
    return _ReadScores(metric, _add_differing_settings(counted), left_out, repeats)


def _split_usable_runs(runs: Sequence[RunInfo]) -> tuple[list[RunInfo], list[RunInfo]]:
    """Return the completed runs whose config and metrics can be read, and the other runs."""
    usable, left_out = [], []
    for run_info in runs:
        if run_info.record is None or run_info.record.status != "completed":
            left_out.append(run_info)
            continue
        details, reason = run_info.details, run_info.details.error
        if not reason and not details.columns:
            reason = "metrics.csv is missing or has no row, though the run is completed"
        if reason:
            left_out.append(replace(run_info, record=None, error=reason))
        else:
            usable.append(run_info)
    return usable, left_out


def _find_usual_metric(records: Iterable[Record]) -> str:
    """Return the metric that most of the runs monitor; `val_accuracy` if there are no runs."""
    monitored = [record.results.monitor for record in records]
    return max(sorted(set(monitored)), key=monitored.count, default="val_accuracy")


def _add_differing_settings(run_scores: Sequence[RunScore]) -> list[RunScore]:
    """Return the run scores with their `settings`: the values of the keys in which the runs differ.

    Networks are compared with networks. A baseline has its method and the keys in which it differs from other
    baselines.
    """
    settings = _list_network_settings([run_score for run_score in run_scores if not run_score.is_baseline])
    baselines = [run_score for run_score in run_scores if run_score.is_baseline]
    first = index_by_variant(baselines)
    configs = [remove_fold(run_score.run_info.config or {}) for run_score in first.values()]
    differences = dict(zip(first, find_config_differences(configs), strict=True))
    has_repetitions = _has_repetitions(run_scores)
    for run_score in baselines:
        settings[id(run_score)] = {
            **_list_fold_settings(run_score.fold, has_repetitions=has_repetitions),
            **differences[run_score.variant_digest],
            "baseline": _format_method(run_score),
        }
    return [
        RunScore(run_score.run_info, run_score.record, run_score.curve, run_score.score, settings[id(run_score)])
        for run_score in run_scores
    ]


def _has_repetitions(run_scores: Sequence[RunScore]) -> bool:
    """Return whether runs are folds of cross-validations with different seeds of the split."""
    return len({run_score.fold.split_seed for run_score in run_scores if run_score.fold}) > 1


def _format_method(run_score: RunScore) -> str:
    """Return the method of a baseline with its subsample, such as `boosting examples=10000`."""
    return format_config_value((run_score.run_info.config or {}).get("baseline"))


def _list_network_settings(run_scores: Sequence[RunScore]) -> dict[int, dict[str, str]]:
    """Return the `settings` of run scores of networks, by `id(run_score)`."""
    first = index_by_variant(run_scores)
    seedless_configs = [
        {**remove_fold(remove_extra_file_keys(run_score.run_info.config or {})), "seed": 0}
        for run_score in first.values()
    ]
    settings = dict(zip(first, find_config_differences(seedless_configs), strict=True))
    several = len({run_score.seed for run_score in run_scores}) > 1
    has_repetitions = _has_repetitions(run_scores)
    return {
        id(run_score): {
            **({"seed": str(run_score.seed)} if several else {}),
            **_list_fold_settings(run_score.fold, has_repetitions=has_repetitions),
            **settings[run_score.variant_digest],
        }
        for run_score in run_scores
    }


def _list_fold_settings(fold: Fold | None, *, has_repetitions: bool) -> dict[str, str]:
    """Return the settings of a fold: its number and, with repetitions, the seed of its split."""
    if fold is None:
        return {}
    seed = {"data.split_seed": str(fold.split_seed)} if has_repetitions else {}
    return {**seed, "data.fold": str(fold.number)}


def index_by_variant(run_scores: Sequence[RunScore]) -> dict[str, RunScore]:
    """Return the first run score of every variant, by the variant digest.

    Callers read the config of this run for the whole variant, so that the configs of its other runs are not read.
    """
    return {run_score.variant_digest: run_score for run_score in reversed(run_scores)}


def has_different_data(run_scores: Sequence[RunScore]) -> bool:
    """Return whether runs were trained on different data."""
    return len({run_score.record.data.get("fingerprint") for run_score in run_scores}) > 1


def has_example_weights(run_score: RunScore) -> bool:
    """Return whether the examples of a run have weights, so that its scores are weighted means."""
    return ((run_score.run_info.config or {}).get("data") or {}).get("weight") is not None


def has_standardized_targets(run_score: RunScore) -> bool:
    """Return whether a run was trained on standardized targets, so that its loss does not have their units."""
    return ((run_score.run_info.config or {}).get("data") or {}).get("standardize_target") is True
