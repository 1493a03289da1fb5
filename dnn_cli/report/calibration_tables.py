"""Calibration of a classification as a table, a reliability diagram and JSON, before and after a temperature."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dnn_cli.metrics.calibration import Calibration, CalibrationScore
from dnn_cli.metrics.threshold_choice import ThresholdScore
from dnn_cli.report.series_chart import ChartPoint, Series, SeriesChart, SeriesPanel
from dnn_cli.report.tables import PlainTable, build_table
from dnn_cli.report.text import format_count, format_interval, format_score

CALIBRATION_LABELS = {"error": "calibration error", "brier": "Brier score", "log_loss": "log loss"}
"""Labels of the scores of a calibration, by the names of their fields."""


def build_calibration_table(
    before: Calibration, after: Calibration | None = None, temperature: float | None = None
) -> PlainTable:
    """Build a table of calibration error, Brier score and log loss with 95% intervals.

    Args:
        before: The calibration of the model.
        after: The calibration with the temperature; `None` without a temperature.
        temperature: The temperature; `None` without a temperature.
    """
    headers = ["calibration", "value", "95% interval"]
    calibrations = [before]
    if after is not None:
        # A trailing space makes the repeated header differ, because tables find columns by header.
        headers += [f"at T={temperature:.3g}", "95% interval "]
        calibrations.append(after)
    rows = [
        [label, *(text for calibration in calibrations for text in _format_score(getattr(calibration, field)))]
        for field, label in CALIBRATION_LABELS.items()
    ]
    return build_table(headers, rows, right=headers[1:])


def _format_score(score: CalibrationScore | ThresholdScore) -> tuple[str, str]:
    """Return the texts of a score and of its interval."""
    return format_score(score.value), format_interval(score.interval)


def build_threshold_table(
    before: Mapping[str, ThresholdScore], after: Mapping[str, ThresholdScore], threshold: float
) -> PlainTable:
    """Build a table of scores of threshold_scores for two classes at 0.5 and at a threshold, with 95% intervals."""
    headers = ["threshold", "at 0.5", "95% interval", f"at {threshold:.3g}", "95% interval "]
    headers[3] += " " if headers[3] == headers[1] else ""
    rows = [[name, *_format_score(before[name]), *_format_score(after[name])] for name in before]
    return build_table(headers, rows, right=headers[1:])


def build_reliability_chart(before: Calibration, after: Calibration | None = None, split: str = "") -> SeriesChart:
    """Build the reliability diagram: the accuracy of predictions over their confidence, with a line of equality.

    Args:
        before: The calibration of the model.
        after: The calibration with a temperature; `None` without a temperature.
        split: The examples of the diagram, such as `450 test examples`; empty without a caption.
    """
    calibrations = {"model": before, **({"with temperature": after} if after else {})}
    lowest = min(part.confidence for calibration in calibrations.values() for part in calibration.bins)
    series = [
        Series(
            name,
            tuple(
                ChartPoint(part.confidence, part.accuracy, format_count(part.examples, "example"))
                for part in calibration.bins
            ),
        )
        for name, calibration in calibrations.items()
    ]
    equality = Series("accuracy = confidence", lines=(((lowest, lowest), (1.0, 1.0)),))
    panel = SeriesPanel("accuracy", "confidence", (*series, equality), y_values=(lowest, 1.0), point_noun="bin")
    size = before.bins[0].examples
    caption = f"each point has about {format_count(size, 'example')}" + (f" of {split}" if split else "")
    return SeriesChart((panel,), (*calibrations, equality.name), (caption,))


def build_calibration_document(
    before: Calibration, after: Calibration | None = None, temperature: float | None = None
) -> dict[str, Any]:
    """Build the JSON document of a calibration: scores with intervals and bins, before and after a temperature.

    `after` and `temperature` are `None` for a run without a temperature.
    """
    return {**asdict(before), "temperature": temperature, "after": asdict(after) if after else None}
