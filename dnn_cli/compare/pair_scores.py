"""Scores of two experiments by seed, from which a sequential comparison takes its pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnn_cli.compare.comparison_points import parse_comparison_point
from dnn_cli.compare.run_scores import RunScore, read_run_scores
from dnn_cli.runs.pair_record import RecordedPair
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.study_roles import leave_out_tuning_runs


@dataclass(frozen=True)
class SideScores:
    """Scores of the runs of one experiment, by seed."""

    run_ids: Mapping[int, str]
    """Ids of the finished runs, by seed."""

    scores: Mapping[int, float | None]
    """Scores of the saved models by seed; `None` for a run that diverged."""

    failed: Mapping[int, str]
    """Reason why the latest run of a seed failed, by seed. A seed with a finished run is left out."""

    run_scores: tuple[RunScore, ...]
    seconds: float | None
    """Mean training time of a finished run, in seconds; `None` without finished runs."""


def read_side_scores(runs: Sequence[RunInfo], variant_digest: str, metric: str) -> SideScores:
    """Return the scores of the runs of one experiment.

    Of several completed runs of a seed, the latest counts. A diverged run counts if no run of its seed is completed.
    Tuning runs of studies are left out, because their scores have chosen the settings of the experiment.

    Args:
        runs: All runs of a directory, with details.
        variant_digest: The variant digest of the experiment.
        metric: The compared metric.

    Raises:
        UsageError: completed runs of the experiment lack the metric.
    """
    ours = [run_info for run_info in leave_out_tuning_runs(runs) if _is_run_of(run_info, variant_digest)]
    read = read_run_scores(ours, metric, parse_comparison_point("final")) if ours else None
    run_scores = tuple(read.run_scores) if read else ()
    scores: dict[int, float | None] = {run_score.seed: run_score.score for run_score in run_scores}
    run_ids = {run_score.seed: run_score.record.id for run_score in run_scores}
    failed: dict[int, str] = {}
    times = [run_score.record.seconds or 0.0 for run_score in run_scores]
    for run_info in ours:
        record, seed = run_info.record, run_info.details.seed
        if record is None or seed in run_ids:
            continue
        if record.status == "diverged":
            scores[seed], run_ids[seed] = None, record.id
            failed.pop(seed, None)
        elif record.status == "failed":
            failed.setdefault(seed, record.reason or "unknown reason")
    return SideScores(run_ids, scores, failed, run_scores, sum(times) / len(times) if times else None)


def _is_run_of(run_info: RunInfo, variant_digest: str) -> bool:
    """Return whether a run is a network of an experiment."""
    record = run_info.record
    return record is not None and not record.is_baseline and run_info.details.variant_digest == variant_digest


def build_pair(seed: int, sides: tuple[SideScores, SideScores]) -> RecordedPair | None:
    """Return the pair of a seed; `None` unless both runs are finished."""
    if any(seed not in side.scores for side in sides):
        return None
    first, second = sides
    return RecordedPair(
        seed=seed, runs=(first.run_ids[seed], second.run_ids[seed]), scores=(first.scores[seed], second.scores[seed])
    )


def list_common_seeds(sides: tuple[SideScores, SideScores]) -> list[int]:
    """Return the seeds of which both experiments have a finished run, in ascending order."""
    return sorted(sides[0].scores.keys() & sides[1].scores.keys())
