"""Result of a reproduction as text, as a table of differences, and as JSON."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from dnn_cli.compare.reproduction import MetricDifference, ReproductionResult
from dnn_cli.report.runs_table import build_run_document
from dnn_cli.report.tables import build_table
from dnn_cli.report.text import format_count, format_score

_DIGEST_LENGTH = 16
"""Number of printed characters of a digest; 16 characters suffice to distinguish two digests."""


def format_reproduction_result(reproduction: ReproductionResult) -> list[str]:
    """Return the result of a reproduction, a sentence in each line."""
    original_text = f"{reproduction.original_record.name} {reproduction.original_record.id}"
    if reproduction.is_identical:
        parts = ", ".join(_list_identical_parts(reproduction))
        lines = [f"the reproduction of {original_text} is bit-identical: {parts}"]
    else:
        lines = [f"the reproduction of {original_text} differs: {'; '.join(_list_different_parts(reproduction))}"]
    if reproduction.only_in_new:
        lines.append(f"  not compared: {', '.join(reproduction.only_in_new)}, which the original run does not record")
    return lines


def _list_identical_parts(reproduction: ReproductionResult) -> list[str]:
    """Return the names of the results that are identical: weights, metrics and predictions."""
    parts = {
        "weights": reproduction.equal_weights,
        f"{format_count(reproduction.epochs, 'epoch')} of metrics": reproduction.equal_metrics,
        "predictions": reproduction.equal_predictions,
    }
    return [name for name, same in parts.items() if same]


def _list_different_parts(reproduction: ReproductionResult) -> list[str]:
    """Return the names of the results that differ: weights, metrics with their first differing epoch, and predictions.

    If the new training did not complete, return both statuses and the first epoch whose metrics differ.
    """
    again, departure = reproduction.new_record, reproduction.first_difference
    metrics = [_format_departure(departure)] if departure else []
    if again.status != "completed":
        reason = f" ({again.reason})" if again.reason else ""
        return [f"{reproduction.original_record.status} before, {again.status} now{reason}", *metrics]
    weights = ["weights"] if reproduction.equal_weights is False else []
    predictions = ["predictions"] if reproduction.equal_predictions is False else []
    return [*weights, *metrics, *predictions]


def _format_departure(departure: MetricDifference) -> str:
    """Return the departure (the first difference of metrics) as text: its epoch, and both values of one metric."""
    then, now = format_score(departure.then), format_score(departure.now)
    # Values that are equal to four places need all their digits.
    if then == now:
        then, now = str(departure.then), str(departure.now)
    return f"metrics from epoch {departure.epoch} on ({departure.metric} {then} before, {now} now)"


def format_differences_intro(reproduction: ReproductionResult) -> str | None:
    """Return the line above the table of differences, such as `possible causes:`.

    The table lists recorded conditions, such as library versions, that differ between the two runs. If all conditions
    are equal, the line says so and replaces the table. If the results are identical as well, return `None`. For
    trainings that were not deterministic, the line gives this cause.
    """
    if not (reproduction.is_identical or reproduction.is_deterministic):
        return "a cause is deterministic: false: equal trainings on a GPU can end with different weights"
    if reproduction.differences:
        return "differences without effect on the results:" if reproduction.is_identical else "possible causes:"
    return None if reproduction.is_identical else "all conditions that run.json records are equal"


def build_differences_table(reproduction: ReproductionResult) -> Table:
    """Build a table with a row for each recorded condition, such as a library version, that differs between runs."""
    rows = [
        [difference.what, format_recorded_value(difference.then), format_recorded_value(difference.now)]
        for difference in reproduction.differences
    ]
    return build_table(["condition", "original", "now"], rows, flexible=["original", "now"])


def format_recorded_value(value: Any) -> str:
    """Return a value of a run record as text. A digest is shortened to 16 characters."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "true", False: "false"}[value]
    text = str(value)
    digits = text.removeprefix("sha256:")
    is_digest = len(digits) in (40, 64) and set(digits) <= set("0123456789abcdef")
    return f"{text[: len(text) - len(digits) + _DIGEST_LENGTH]}…" if is_digest else text


def build_reproduction_document(reproduction: ReproductionResult) -> dict[str, Any]:
    """Build the JSON document of `dnn reproduce`."""
    return {
        "original": reproduction.original_record.id,
        "run": build_run_document(reproduction.run, reproduction.new_record),
        "identical": reproduction.is_identical,
        "weights": reproduction.equal_weights,
        "metrics": reproduction.equal_metrics,
        "predictions": reproduction.equal_predictions,
        "first_difference": asdict(reproduction.first_difference) if reproduction.first_difference else None,
        "differences": [asdict(difference) for difference in reproduction.differences],
    }
