"""Mean test scores of groups of seeds as a table and as JSON."""

from collections.abc import Sequence
from typing import Any

from dnn_cli.compare.group_scores import GroupScores
from dnn_cli.compare.out_of_fold import MeanScore
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_count, format_interval, format_score


def format_group_headline(group_scores: GroupScores) -> str:
    """Return the label of a group with its number of runs, such as `digits: 5 seeds`."""
    noun = "run" if group_scores.group.is_baseline else "seed"
    return f"{group_scores.label}: {format_count(len(group_scores.group.run_scores), noun)} on the test set"


def build_group_score_cells(group_scores: GroupScores) -> TableCells:
    """Build a table with a row for each test score: mean, standard deviation over the seeds, and 95% interval."""
    columns = [
        Column[MeanScore]("score", lambda score: score.metric, fit="cut"),
        Column[MeanScore]("mean", lambda score: format_score(score.mean), is_numeric=True),
        Column[MeanScore]("± over seeds", lambda score: format_score(score.spread), is_numeric=True),
        Column[MeanScore]("95% interval", lambda score: format_interval(score.interval), is_numeric=True),
    ]
    return build_cells(columns, group_scores.scores)


def build_group_score_documents(groups: Sequence[GroupScores]) -> list[dict[str, Any]]:
    """Build the JSON documents of the mean test scores of groups, with the scores of each run."""
    return [
        {
            "name": item.label,
            "seeds": item.group.seeds,
            "scores": {
                score.metric: {
                    "mean": score.mean,
                    "standard_deviation": score.spread,
                    "interval": list(score.interval) if score.interval else None,
                }
                for score in item.scores
            },
            "runs": [
                {
                    "id": run_score.record.id,
                    "seed": run_score.seed,
                    "test_reads": len(run_score.record.test_reads),
                    "scores": {score.metric: run_score.record.get_test_score(score.metric) for score in item.scores},
                }
                for run_score in item.group.run_scores
            ],
        }
        for item in groups
    ]
