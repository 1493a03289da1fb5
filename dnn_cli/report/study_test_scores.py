"""Test scores of the final runs of a study, by value of the question, as a table and as JSON."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from dnn_cli.compare.significance import compute_standard_deviation
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_mean
from dnn_cli.runs.record import Record, StudyRole
from dnn_cli.runs.run_info import RunInfo


@dataclass(frozen=True)
class ValueTestScores:
    """Test scores of the final runs of one value on one task."""

    task: str
    value: str
    runs: tuple[Record, ...]

    def list_scores(self, name: str) -> list[float]:
        """Return the test score with a name, such as `accuracy`, of each run that was evaluated."""
        evaluations = (run.find_test_evaluation() for run in self.runs)
        return [float(item.scores[name]) for item in evaluations if item is not None and name in item.scores]

    @property
    def score_names(self) -> list[str]:
        """Names of the test scores, the loss last."""
        evaluations = (run.find_test_evaluation() for run in self.runs)
        names = dict.fromkeys(name for item in evaluations if item is not None for name in item.scores)
        return sorted(names, key=lambda name: name == "loss")


def collect_test_scores(pairs: Sequence[tuple[RunInfo, StudyRole]]) -> list[ValueTestScores]:
    """Return the test scores of final runs by task and value, sorted by the names of both.

    Args:
        pairs: The final runs of one arm of a study with their roles, the latest first.
    """
    records: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for run_info, role in reversed(pairs):
        if run_info.record is not None:
            records[run_info.record.name, role.value].append(run_info.record)
    return [ValueTestScores(task, value, tuple(runs)) for (task, value), runs in sorted(records.items())]


def build_test_score_cells(scores: Sequence[ValueTestScores]) -> TableCells:
    """Build a table with a row for each value: the number of evaluated runs, and mean and deviation of each score."""
    has_tasks = len({item.task for item in scores}) > 1
    names = list(dict.fromkeys(name for item in scores for name in item.score_names))
    columns = [
        *([Column[ValueTestScores]("task", lambda item: item.task)] if has_tasks else []),
        Column[ValueTestScores]("value", lambda item: item.value, fit="wrapped"),
        Column[ValueTestScores]("runs", lambda item: str(sum(map(_is_evaluated, item.runs))), is_numeric=True),
        *(_build_score_column(name) for name in names),
    ]
    return build_cells(columns, scores, [f"test_{name}" for name in reversed(names[1:])])


def _is_evaluated(record: Record) -> bool:
    """Return whether the saved model of a run has been evaluated on the test set."""
    return record.find_test_evaluation() is not None


def _build_score_column(name: str) -> Column[ValueTestScores]:
    """Return the column with the mean of a test score and its standard deviation over the runs."""

    def format_cell(item: ValueTestScores) -> str:
        scores = item.list_scores(name)
        return format_mean(fmean(scores), compute_standard_deviation(scores)) if scores else "–"

    return Column(f"test_{name}", format_cell, is_numeric=True)


def build_test_score_document(scores: Sequence[ValueTestScores], evaluated: Sequence[str]) -> dict[str, Any]:
    """Build the JSON document of the test scores of a study.

    Args:
        scores: The test scores by task and value.
        evaluated: The ids of the runs that this command evaluated. The other runs were evaluated before.
    """
    return {
        "evaluated": list(evaluated),
        "values": [
            {
                "task": item.task,
                "value": item.value,
                "runs": [record.id for record in item.runs if _is_evaluated(record)],
                "scores": {
                    name: {"mean": fmean(numbers), "standard_deviation": compute_standard_deviation(numbers)}
                    for name in item.score_names
                    if (numbers := item.list_scores(name))
                },
            }
            for item in scores
        ],
    }
