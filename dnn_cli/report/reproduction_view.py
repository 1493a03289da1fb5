"""A reproduction as words, as a table of what differs, and as JSON."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from dnn_cli.compare.reproduction import MetricDifference, ReproductionResult
from dnn_cli.report.runs_table import build_run_document
from dnn_cli.report.tables import build_table
from dnn_cli.report.text import format_count, format_score

_DIGEST_LENGTH = 16
"""Characters of a digest that are shown, enough to tell two apart."""


def format_reproduction_result(reproduction: ReproductionResult) -> list[str]:
    """How it came out, a sentence a line."""
    original_text = f"{reproduction.original_record.name} {reproduction.original_record.id}"
    if reproduction.is_identical:
        lines = [f"{original_text} came out bit-identical: {', '.join(_list_identical_parts(reproduction))}"]
    else:
        lines = [f"{original_text} came out differently: {'; '.join(_list_different_parts(reproduction))}"]
    if reproduction.only_in_new:
        lines.append(f"  not compared: {', '.join(reproduction.only_in_new)}, which the first run does not record")
    return lines


def _list_identical_parts(reproduction: ReproductionResult) -> list[str]:
    """What was compared and is identical."""
    parts = {
        "weights": reproduction.equal_weights,
        f"{format_count(reproduction.epochs, 'epoch')} of metrics": reproduction.equal_metrics,
        "predictions": reproduction.equal_predictions,
    }
    return [name for name, same in parts.items() if same]


def _list_different_parts(reproduction: ReproductionResult) -> list[str]:
    """What is not identical; of a training that did not complete, how it ended and how far it was the same."""
    again, departure = reproduction.new_record, reproduction.first_difference
    metrics = [_format_departure(departure)] if departure else []
    if again.status != "completed":
        reason = f" ({again.reason})" if again.reason else ""
        return [f"{reproduction.original_record.status} then, {again.status} now{reason}", *metrics]
    weights = ["weights"] if reproduction.equal_weights is False else []
    predictions = ["predictions"] if reproduction.equal_predictions is False else []
    return [*weights, *metrics, *predictions]


def _format_departure(departure: MetricDifference) -> str:
    """Since when the metrics are others, and by how much at first."""
    then, now = format_score(departure.then), format_score(departure.now)
    if then == now:  # to four places
        then, now = str(departure.then), str(departure.now)
    return f"metrics from epoch {departure.epoch} on ({departure.metric} {then} then, {now} now)"


def format_differences_intro(reproduction: ReproductionResult) -> str | None:
    """What is said before the table of differences, or in its place; `None` where there is nothing to say."""
    if reproduction.differences:
        return "though this differs:" if reproduction.is_identical else "this differs:"
    return None if reproduction.is_identical else "nothing that run.json records differs"


def build_differences_table(reproduction: ReproductionResult) -> Table:
    """A difference a row."""
    rows = [
        [difference.what, format_recorded_value(difference.then), format_recorded_value(difference.now)]
        for difference in reproduction.differences
    ]
    return build_table(["what", "then", "now"], rows, flexible=["then", "now"])


def format_recorded_value(value: Any) -> str:
    """A recorded value in few words, a digest by its beginning."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "true", False: "false"}[value]
    text = str(value)
    digits = text.removeprefix("sha256:")
    is_digest = len(digits) in (40, 64) and set(digits) <= set("0123456789abcdef")
    return f"{text[: len(text) - len(digits) + _DIGEST_LENGTH]}…" if is_digest else text


def build_reproduction_document(reproduction: ReproductionResult) -> dict[str, Any]:
    """The JSON of `dnn reproduce`."""
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
