"""A reproduction as words, as a table of what differs, and as JSON."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from dnn_cli.compare.reproduction import Departure, Reproduction
from dnn_cli.report.runs import run_document
from dnn_cli.report.tables import table
from dnn_cli.report.words import count, score

SHORT = 16
"""Characters of a digest that are shown, enough to tell two apart."""


def verdict(reproduction: Reproduction) -> list[str]:
    """How it came out, a sentence a line."""
    named = f"{reproduction.original.name} {reproduction.original.id}"
    if reproduction.identical:
        lines = [f"{named} came out bit-identical: {', '.join(what_is_same(reproduction))}"]
    else:
        lines = [f"{named} came out differently: {'; '.join(what_is_not(reproduction))}"]
    if reproduction.unknown:
        lines.append(f"  not compared: {', '.join(reproduction.unknown)}, of which the first run tells nothing")
    return lines


def what_is_same(reproduction: Reproduction) -> list[str]:
    """What was compared and is identical."""
    parts = {
        "weights": reproduction.weights,
        f"{count(reproduction.epochs, 'epoch')} of metrics": reproduction.metrics,
        "predictions": reproduction.predictions,
    }
    return [name for name, same in parts.items() if same]


def what_is_not(reproduction: Reproduction) -> list[str]:
    """What is not identical; of a training that did not complete, how it ended and how far it was the same."""
    again, departure = reproduction.again, reproduction.departure
    metrics = [departure_text(departure)] if departure else []
    if again.status != "completed":
        reason = f" ({again.reason})" if again.reason else ""
        return [f"{reproduction.original.status} then, {again.status} now{reason}", *metrics]
    weights = ["weights"] if reproduction.weights is False else []
    predictions = ["predictions"] if reproduction.predictions is False else []
    return [*weights, *metrics, *predictions]


def departure_text(departure: Departure) -> str:
    """Since when the metrics are others, and by how much at first."""
    then, now = score(departure.then), score(departure.now)
    if then == now:  # to four places
        then, now = str(departure.then), str(departure.now)
    return f"metrics from epoch {departure.epoch} on ({departure.metric} {then} then, {now} now)"


def introduction(reproduction: Reproduction) -> str | None:
    """What is said before the table of differences, or in its place; `None` where there is nothing to say."""
    if reproduction.differences:
        return "though this differs:" if reproduction.identical else "this differs:"
    return None if reproduction.identical else "nothing that run.json records differs"


def differences_table(reproduction: Reproduction) -> Table:
    """A difference a row."""
    rows = [[one.what, value_text(one.then), value_text(one.now)] for one in reproduction.differences]
    return table(["what", "then", "now"], rows, flexible=["then", "now"])


def value_text(value: Any) -> str:
    """A recorded value in few words, a digest by its beginning."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "true", False: "false"}[value]
    text = str(value)
    digits = text.removeprefix("sha256:")
    is_digest = len(digits) in (40, 64) and set(digits) <= set("0123456789abcdef")
    return f"{text[: len(text) - len(digits) + SHORT]}…" if is_digest else text


def reproduction_document(reproduction: Reproduction) -> dict[str, Any]:
    """The JSON of `dnn reproduce`."""
    return {
        "original": reproduction.original.id,
        "run": run_document(reproduction.run, reproduction.again),
        "identical": reproduction.identical,
        "weights": reproduction.weights,
        "metrics": reproduction.metrics,
        "predictions": reproduction.predictions,
        "first_difference": asdict(reproduction.departure) if reproduction.departure else None,
        "differences": [asdict(one) for one in reproduction.differences],
    }
