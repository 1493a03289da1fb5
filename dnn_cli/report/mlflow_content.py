"""What MLflow is told of a run."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dnn_cli.errors import RunError
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.record import Record, Scores
from dnn_cli.spec.flat import flat

STATUS = {
    "completed": "FINISHED",
    "running": "RUNNING",
    "interrupted": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
}

MAX_VALUE = 6000
MAX_TAG = 5000
MAX_KEY = 250
"""MLflow's bounds, in letters: of a parameter, a tag and a key."""


@dataclass(frozen=True)
class Content:
    """What MLflow is told of a run."""

    name: str
    status: str
    started: int
    """Milliseconds since 1970, as all times of MLflow."""

    ended: int | None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: tuple[tuple[str, float, int, int], ...]
    """Name, value, time and step, which is the epoch."""

    files: tuple[Path, ...]

    @property
    def digest(self) -> str:
        """Another one once anything is other."""
        sizes = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in self.files]
        told = (self.name, self.status, self.ended, self.params, self.tags, self.metrics, sizes)
        return hashlib.sha256(repr(told).encode()).hexdigest()


def content(entry: Entry, *, models: bool = False) -> Content:
    """What MLflow is told of a run; `models`: its files of weights are, too.

    Raises:
        RunError: the run has no readable record, config or metrics.
    """
    record = entry.record
    if record is None or entry.experiment is None:
        raise RunError(entry.broken or entry.details.trouble or "there is no config")
    run = entry.run
    wanted = [run.config, run.metrics, run.record, *((run.model, run.best_model) if models else ())]
    return Content(
        name=entry.name,
        status=STATUS[record.status],
        started=milliseconds(record.started),
        ended=None if record.status == "running" or record.ended is None else milliseconds(record.ended),
        params=dict(params(flat(entry.experiment))),
        tags=dict(tags(entry, record)),
        metrics=tuple(metrics(record, run.read_metrics())),
        files=tuple(path for path in wanted if path.is_file() and not path.is_symlink()),
    )


def params(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The settings as MLflow takes them; true and false as in a config."""
    for key, value in settings.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield allowed(key), text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def tags(entry: Entry, record: Record) -> Iterator[tuple[str, str]]:
    """What else is known of a run; under MLflow's own names where it has some."""
    labels, git = entry.labels, record.git or {}
    found = {
        "dnn.id": record.id,
        "dnn.status": record.status,
        "dnn.reason": record.reason,
        "dnn.dir": str(entry.run.directory.absolute()),
        "dnn.tags": ", ".join(labels.tags),
        "dnn.sweeps": ", ".join(one.id for one in record.sweeps),
        "dnn.reproduces": record.reproduces,
        "dnn.device": record.platform.get("device"),
        "dnn.data": record.data.get("fingerprint"),
        "dnn.weights": record.results.weights,
        "dnn.parameters": record.parameters.get("total"),
        **{f"dnn.version.{name}": version for name, version in record.versions.items()},
        "mlflow.note.content": labels.note,
        "mlflow.source.git.commit": git.get("commit"),
        "dnn.git.dirty": None if not git else str(bool(git.get("dirty"))).lower(),
    }
    yield from ((allowed(key), str(value)[:MAX_TAG]) for key, value in found.items() if value not in (None, ""))


def metrics(record: Record, rows: Sequence[Scores]) -> Iterator[tuple[str, float, int, int]]:
    """Every score of every epoch, those of the saved model, and what `dnn evaluate` found."""
    when = begun = milliseconds(record.started)
    for row in rows:
        when = round(when + 1000 * row["seconds"])
        yield from (
            (allowed(name), float(value), when, int(row["epoch"])) for name, value in row.items() if name != "epoch"
        )
    for name, value in (record.results.model or {}).items():
        yield allowed(f"model.{name}"), float(value), max(when, begun), record.epochs
    for number, one in enumerate(record.evaluated, 1):
        for name, value in one.scores.items():
            yield allowed(f"{one.split}.{name}"), float(value), milliseconds(one.at), number


def allowed(key: str) -> str:
    """A name with nothing in it that MLflow refuses, or would take for a folder."""
    return re.sub(r"[^\w. -]", "_", key)[:MAX_KEY]


def milliseconds(text: str) -> int:
    """A time of a record; 0 where it is none."""
    try:
        found = datetime.fromisoformat(text)
        return round((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
