"""Scores of the runs of an axis plot, and the runs that diverged or failed and therefore have no score."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnn_cli.compare.comparison_points import ComparisonPoint, explain_missing_scores, find_score_curve
from dnn_cli.compare.run_scores import RunScore, read_run_scores
from dnn_cli.errors import UsageError
from dnn_cli.report.run_groups import format_copies_note, format_run_ids, format_superseded_note
from dnn_cli.runs.run_info import RunInfo

_FAILED_STATUSES = ("diverged", "failed")
"""Statuses of runs that are drawn without a score."""


@dataclass(frozen=True)
class MetricScores:
    """Runs with a score of a metric, runs without a score because they diverged or failed, and notes on other runs."""

    metric: str
    run_scores: tuple[RunScore, ...]
    failed: tuple[RunInfo, ...]
    notes: tuple[str, ...]

    @property
    def runs(self) -> list[RunInfo]:
        """All runs of the plot."""
        return [*(run_score.run_info for run_score in self.run_scores), *self.failed]


def read_metric_scores(runs: Sequence[RunInfo], metric: str | None, point: ComparisonPoint) -> MetricScores:
    """Read the scores of a metric; `None` selects the metric that most runs monitor.

    Raises:
        UsageError: no run has a score of the metric at the comparison point.
    """
    scores = read_run_scores(runs, metric, point)
    if not scores.run_scores:
        curves = [curve for run_info in runs if (curve := find_score_curve(run_info, scores.metric))]
        if point.missing_reason and any(run_info.error == point.missing_reason for run_info in scores.left_out):
            raise UsageError(*explain_missing_scores(point, curves))
        raise UsageError("no completed run has a score", "dnn runs shows the status of each run")
    counted = {_get_training_key(run_score.run_info) for run_score in scores.run_scores}
    failed: dict[tuple[str, int, object], RunInfo] = {}
    others = []
    for run_info in scores.left_out:
        if run_info.record is None or run_info.record.status not in _FAILED_STATUSES:
            others.append(run_info)
        elif _get_training_key(run_info) not in counted:
            failed[_get_training_key(run_info)] = run_info
    notes = [f"left out, because without {scores.metric} {point.title}: {format_run_ids(others)}"] if others else []
    notes += [text for text in (format_copies_note(scores.repeats), format_superseded_note(scores.repeats)) if text]
    return MetricScores(scores.metric, tuple(scores.run_scores), tuple(failed.values()), tuple(notes))


def _get_training_key(run_info: RunInfo) -> tuple[str, int, object]:
    """Return the variant digest, the seed and the fold of a run: runs with an equal key repeat one training."""
    return run_info.details.variant_digest, run_info.details.seed, run_info.details.fold
