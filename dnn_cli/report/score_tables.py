"""Tables of scores with their 95% intervals, and the intervals as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dnn_cli.metrics.class_intervals import ClassIntervals, compute_class_intervals, compute_macro_intervals
from dnn_cli.metrics.classification import ClassificationReport
from dnn_cli.metrics.imbalance import ImbalanceScore
from dnn_cli.metrics.score_intervals import ScoreInterval
from dnn_cli.report.table_cells import Column, TableCells, build_cells
from dnn_cli.report.text import format_interval, format_score
from dnn_cli.runs.evaluations import Interval

_ScoreRow = tuple[str, float, Interval | None]


def build_score_cells(
    scores: Mapping[str, float],
    intervals: Mapping[str, ScoreInterval],
    further: Mapping[str, ImbalanceScore] | None = None,
) -> TableCells:
    """Build a table with a row for each score, the loss first: its value and its 95% interval.

    Args:
        scores: The scores by name.
        intervals: The intervals by name; a score can lack an interval.
        further: Further scores for the last rows; `None` without such scores.
    """
    rows: list[_ScoreRow] = [
        (name, scores[name], (intervals[name].low, intervals[name].high) if name in intervals else None)
        for name in sorted(scores, key=lambda name: name != "loss")
    ]
    rows += [(name, score.value, score.interval) for name, score in (further or {}).items()]
    columns = [
        Column[_ScoreRow]("score", lambda row: row[0], fit="cut"),
        Column[_ScoreRow]("value", lambda row: format_score(row[1]), is_numeric=True),
        Column[_ScoreRow]("95% interval", lambda row: format_interval(row[2]), is_numeric=True),
    ]
    return build_cells(columns, rows)


def build_interval_documents(
    scores: Mapping[str, float], intervals: Mapping[str, ScoreInterval]
) -> dict[str, dict[str, Any] | None]:
    """Build the JSON documents of intervals by score: both ends and the method; `None` for a score without interval."""
    return {name: asdict(intervals[name]) if name in intervals else None for name in scores}


def build_class_interval_documents(report: ClassificationReport) -> dict[str, Any]:
    """Build the JSON documents of the intervals of each class, in the order of the classes, and of their means."""
    return {
        "classes": [_build_class_document(intervals) for intervals in compute_class_intervals(report)],
        "macro": _build_class_document(compute_macro_intervals(report)),
    }


def _build_class_document(intervals: ClassIntervals) -> dict[str, list[float] | None]:
    """Build the JSON document of the intervals of one class: low and high end of each score."""
    return {name: None if ends is None else list(ends) for name, ends in asdict(intervals).items()}
