"""A sweep in words: what is planned, how each run ended, and what came of it."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from dnn_cli.report.tables import table
from dnn_cli.report.words import duration, score
from dnn_cli.runs.record import Record
from dnn_cli.spec.catalog import short
from dnn_cli.spec.differences import short_keys
from dnn_cli.spec.yaml_file import parse_yaml


def setting_text(setting: Mapping[str, str]) -> str:
    """What sets a run apart, in few words: `optimizer=sgd momentum=0.9 seed=1`."""
    values = [short(parse_yaml(text, "").value) if text[:1] in "[{" else text for text in setting.values()]
    return " ".join(f"{key}={value}" for key, value in zip(short_keys(list(setting)), values, strict=True))


def outcome_text(record: Record | None, status: str, why: str) -> str:
    """Return how a run ended: the score of its saved model and its training time, or why it has no score.

    The score is the one by which the table below the progress lines compares the runs.
    """
    if record is None or status != "completed":
        return why if why.startswith("pruned") else f"{status}: {why}" if why else status
    monitor, final = record.results.monitor, record.results.final or {}
    return f"{monitor} {score(final.get(monitor))} at the end  {duration(record.seconds)}"


def plan_table(settings: Sequence[Mapping[str, str]], states: Sequence[str], seconds: Sequence[float | None]) -> Table:
    """What a sweep would train: a run a row, what varies as columns, and about how long it takes."""
    keys = list(dict.fromkeys(key for setting in settings for key in setting))
    rows = [
        [
            str(number),
            *(setting.get(key, "–") for key in keys),
            state,
            "" if took is None else f"about {duration(took)}",
        ]
        for number, (setting, state, took) in enumerate(zip(settings, states, seconds, strict=True), 1)
    ]
    short = short_keys(keys)
    return table(["run", *short, "state", "time"], rows, right=["run", "time"], flexible=[*short, "state"])
