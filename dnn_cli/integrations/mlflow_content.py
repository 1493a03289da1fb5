"""Content of a run in MLflow: parameters, tags, metrics and files."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dnn_cli.config.keys import flatten_config
from dnn_cli.errors import RunError
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import RunInfo

_MLFLOW_STATUS = {
    "completed": "FINISHED",
    "running": "RUNNING",
    "interrupted": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
}

_MAX_VALUE_LENGTH = 6000
_MAX_TAG_LENGTH = 5000
_MAX_KEY_LENGTH = 250
"""Largest length of the key of a parameter, tag or metric in MLflow, in characters.

`_MAX_VALUE_LENGTH` and `_MAX_TAG_LENGTH` are the largest lengths of the value of a parameter and of a tag.
"""


@dataclass(frozen=True)
class MlflowContent:
    """Content of a run in MLflow: name, status, times, parameters, tags, metrics and files."""

    name: str
    status: str
    started: int
    """Start of the training in milliseconds since 1970, as MLflow counts time."""

    ended: int | None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: tuple[tuple[str, float, int, int], ...]
    """Name, value, time in milliseconds since 1970, and step of each metric.

    The step of a training score is the epoch. The step of an evaluation is its number among all evaluations, from 1.
    """

    files: tuple[Path, ...]

    @property
    def digest(self) -> str:
        """Digest that changes whenever the content or one of its files changes."""
        sizes = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in self.files]
        parts = (self.name, self.status, self.ended, self.params, self.tags, self.metrics, sizes)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def build_mlflow_content(run_info: RunInfo, *, models: bool = False) -> MlflowContent:
    """Build the content of a run in MLflow. With `models`, its files include the saved models.

    Raises:
        RunError: the run has no readable record, config or metrics.
    """
    record = run_info.record
    if record is None or run_info.config is None:
        raise RunError(run_info.error or run_info.details.error or "the run has no config")
    run = run_info.run
    paths = [run.config, run.metrics, run.record, *((run.model, run.best_model) if models else ())]
    return MlflowContent(
        name=run_info.name,
        status=_MLFLOW_STATUS[record.status],
        started=_parse_milliseconds(record.started),
        ended=None if record.status == "running" or record.ended is None else _parse_milliseconds(record.ended),
        params=dict(iter_params(flatten_config(run_info.config))),
        tags=dict(_iter_tags(run_info, record)),
        metrics=tuple(_iter_metrics(record, run.read_metrics())),
        files=tuple(path for path in paths if path.is_file() and not path.is_symlink()),
    )


def iter_params(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys and values of a config as the names and texts of MLflow's parameters.

    `True` becomes `true`, as in YAML. Long values are cut to the length that MLflow accepts.
    """
    for key, value in settings.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield clean_key(key), text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 1]}…"


def _iter_tags(run_info: RunInfo, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the record and annotations of a run as tags, such as `dnn.id`.

    The note and the git commit have the names that MLflow itself uses, such as `mlflow.note.content`.
    """
    annotations, git = run_info.annotations, record.git or {}
    all_tags = {
        "dnn.id": record.id,
        "dnn.status": record.status,
        "dnn.reason": record.reason,
        "dnn.dir": str(run_info.run.directory.absolute()),
        "dnn.tags": ", ".join(annotations.tags),
        "dnn.sweeps": ", ".join(sweep.id for sweep in record.sweeps),
        "dnn.reproduces": record.reproduces,
        "dnn.device": record.platform.get("device"),
        "dnn.data": record.data.get("fingerprint"),
        "dnn.weights": record.results.weights,
        "dnn.parameters": record.parameters.get("total"),
        **{f"dnn.version.{name}": version for name, version in record.versions.items()},
        "mlflow.note.content": annotations.note,
        "mlflow.source.git.commit": git.get("commit"),
        "dnn.git.dirty": None if not git else str(bool(git.get("dirty"))).lower(),
    }
    yield from (
        (clean_key(key), str(value)[:_MAX_TAG_LENGTH]) for key, value in all_tags.items() if value not in (None, "")
    )


def _iter_metrics(record: Record, rows: Sequence[Scores]) -> Iterator[tuple[str, float, int, int]]:
    """Yield scores as (name, value, time, step). The time is in milliseconds since 1970.

    The scores are those of all epochs, of the saved model, and of the evaluations.
    """
    when = started = _parse_milliseconds(record.started)
    for row in rows:
        when = round(when + 1000 * row["seconds"])
        yield from (
            (clean_key(name), float(value), when, int(row["epoch"])) for name, value in row.items() if name != "epoch"
        )
    for name, value in (record.results.model or {}).items():
        yield clean_key(f"model.{name}"), float(value), max(when, started), record.epochs
    for number, evaluation in enumerate(record.evaluated, 1):
        for name, value in evaluation.scores.items():
            yield clean_key(f"{evaluation.split}.{name}"), float(value), _parse_milliseconds(evaluation.at), number


def clean_key(key: str) -> str:
    """Return a name in which `_` replaces each character that MLflow refuses or reads as a directory."""
    return re.sub(r"[^\w. -]", "_", key)[:_MAX_KEY_LENGTH]


def _parse_milliseconds(text: str) -> int:
    """Return a time of a record in milliseconds since 1970; 0 for text that is not a time."""
    try:
        parsed = datetime.fromisoformat(text)
        return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
