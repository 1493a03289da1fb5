"""Settings, plan and results of a sweep, as text and as a table."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from dnn_cli.config.config_diff import shorten_keys
from dnn_cli.config.value_texts import format_config_value
from dnn_cli.config.yaml_reader import parse_yaml
from dnn_cli.report.tables import build_table
from dnn_cli.report.text import format_duration, format_score
from dnn_cli.runs.record import Record


def format_sweep_settings(setting: Mapping[str, str]) -> str:
    """Return the settings of a run in a sweep as short text: `optimizer=sgd momentum=0.9 seed=1`."""
    values = [
        format_config_value(parse_yaml(text, "").value) if text[:1] in "[{" else text for text in setting.values()
    ]
    return " ".join(f"{key}={value}" for key, value in zip(shorten_keys(list(setting)), values, strict=True))


def format_run_result(record: Record | None, status: str, reason: str) -> str:
    """Return the score and training time of a completed run, or the reason why a run has no score.

    The score is that of the saved model. The table that `dnn sweep` prints at its end compares the same scores.
    """
    if record is None or status != "completed":
        return reason if reason.startswith("pruned") else f"{status}: {reason}" if reason else status
    monitor, final = record.results.monitor, record.results.final_scores or {}
    return f"{monitor} {format_score(final.get(monitor))} at the end  {format_duration(record.seconds)}"


def build_plan_table(
    settings: Sequence[Mapping[str, str]], states: Sequence[str], seconds: Sequence[float | None]
) -> Table:
    """Build the table of a planned sweep, with a row for each run.

    Args:
        settings: The settings that vary, for each run: the text of each value, by key.
        states: The state of each run: `to train`, or the status of a run that exists.
        seconds: The estimated training time of each run; `None` for a run that is not trained.
    """
    keys = list(dict.fromkeys(key for setting in settings for key in setting))
    rows = [
        [
            str(number),
            *(setting.get(key, "–") for key in keys),
            state,
            "" if took is None else f"about {format_duration(took)}",
        ]
        for number, (setting, state, took) in enumerate(zip(settings, states, seconds, strict=True), 1)
    ]
    short_headers = shorten_keys(keys)
    return build_table(
        ["run", *short_headers, "state", "time"], rows, right=["run", "time"], flexible=[*short_headers, "state"]
    )
