"""Mean scores of groups of runs on the test set: runs that differ only in the seed are one group."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.compare.group import Group
from dnn_cli.compare.out_of_fold import MeanScore, summarize_score
from dnn_cli.runs.evaluations import BEST_MODEL_PREFIX, get_weights_file
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class GroupScores:
    """Runs of one experiment that differ only in the seed, with their mean test scores."""

    label: str
    group: Group
    scores: tuple[MeanScore, ...]
    """Scores on the test set, the compared metric first."""


def summarize_test_scores(runs: Sequence[RunInfo], *, best: bool = False) -> list[GroupScores]:
    """Return the mean test scores of the groups among some runs, the best group first.

    Args:
        runs: Runs that were evaluated on the test set. Runs that are not completed are left out.
        best: Whether the scores are those of `best.keras`, not of `model.keras`.
    """
    prefix = BEST_MODEL_PREFIX if best else ""
    file_name = get_weights_file(prefix)
    all_scores = [
        run_info.record.get_test_scores(file_name)
        for run_info in runs
        if run_info.record is not None and run_info.record.status == "completed"
    ]
    shared = [name for name in (all_scores or [{}])[0] if all(name in scores for scores in all_scores)]
    # The order of the groups follows the first metric: the loss judges networks of the same task alone.
    names = [f"{prefix}{name}" for name in sorted(shared, key=lambda name: name == "test_loss")]
    if not names:
        return []
    comparisons = {name: compare_runs(runs, name) for name in names}
    first = comparisons[names[0]]
    return [
        GroupScores(
            first.get_label(group),
            group,
            tuple(summarize_score(comparisons[name], group, name) for name in names),
        )
        for group in first.groups
    ]
