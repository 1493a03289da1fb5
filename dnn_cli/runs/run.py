"""`Run`: a run directory, its files, and how its small files are read and written."""

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pydantic
import pydantic_core

from dnn_cli.errors import RunError
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.lock import LockState, UnknownLockHolder, hold_lock, read_lock_state
from dnn_cli.runs.record import MAX_SCORE, SCHEMA_VERSION, Record, Results, Scores, get_utc_now

CONFIG_FILE, RECORD_FILE, METRICS_FILE, ANNOTATIONS_FILE = "config.yaml", "run.json", "metrics.csv", "labels.json"
"""The small files."""

_REQUIRED_METRICS = {"epoch", "loss", "seconds"}
"""Columns of every metrics.csv."""

_MAX_TEXT_BYTES = 50_000_000
"""Larger records or metrics are not ours."""

MAX_QUIET_SECONDS = 3600
"""Seconds without a change of a run's files after which a process that cannot be seen counts as gone.

Checkpoints are written every few minutes at the latest, and the clocks of two machines may differ."""

_NO_LOCKS_REASON = "no locks on this file system"
_DEAD_PROCESS_REASON = "its process ended without a word: killed, perhaps for want of memory, or the machine stopped"


@dataclass(frozen=True)
class Run:
    """A run directory by its path."""

    directory: Path

    @property
    def config(self) -> Path:
        """The resolved experiment, trainable again as it is."""
        return self.directory / CONFIG_FILE

    @property
    def record(self) -> Path:
        """How the run went: see `runs.record`."""
        return self.directory / RECORD_FILE

    @property
    def metrics(self) -> Path:
        """A row an epoch."""
        return self.directory / METRICS_FILE

    @property
    def diagnostics(self) -> Path:
        """Measurements of the layers: see `runs.diagnostics_csv`."""
        return self.directory / "diagnostics.csv"

    @property
    def model(self) -> Path:
        """The trained model, for `keras.saving.load_model`."""
        return self.directory / "model.keras"

    @property
    def best_model(self) -> Path:
        """The model of the best epoch, where the experiment has a `model_checkpoint`."""
        return self.directory / "best.keras"

    @property
    def predictions(self) -> Path:
        """Outputs on the validation set: arrays `outputs`, `labels` and `indices`."""
        return self.directory / "predictions.npz"

    @property
    def inputs(self) -> Path:
        """The input profile, with which the training inputs are no longer needed: see `runs.input_profile`."""
        return self.directory / "inputs.npz"

    @property
    def checkpoints(self) -> Path:
        """What a training needs to go on."""
        return self.directory / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """All that matters at some moment of the training: see `runs.checkpoint`."""
        return self.checkpoints / "last.npz"

    @property
    def previous_checkpoint(self) -> Path:
        """The one before, should the last be damaged."""
        return self.checkpoints / "previous.npz"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's log, where one was asked for; it can be made of the other files again."""
        return self.directory / "tensorboard"

    @property
    def log(self) -> Path:
        """What was printed, and TensorFlow's own noise. Locked as long as the training lives."""
        return self.directory / "train.log"

    @property
    def annotations(self) -> Path:
        """The annotations of the run: see `runs.annotations`. No training writes them, so `files` lacks this file."""
        return self.directory / ANNOTATIONS_FILE

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that a training writes: those without which it could not go on first, the record near the end."""
        return (
            self.last_checkpoint, self.previous_checkpoint, self.config, self.metrics, self.diagnostics, self.model,
            self.best_model, self.predictions, self.inputs, self.record, self.log,
        )  # fmt: skip

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Be the only one to train in this directory, as long as the block lasts.

        Raises:
            RunError: another process does, or the directory cannot be written.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(hold_lock(self.log))
            except UnknownLockHolder as error:
                raise RunError(f"{error.holder} may be training {self.directory}", error.hint) from None
            except BlockingIOError:
                record = self.read_raw_record()
                holder = record.process if record.status == "running" and record.process else "another process"
                raise RunError(f"run {record.id} is being trained by {holder}", "wait for it, or end it") from None
            except OSError as error:
                raise RunError(f"{self.log} cannot be written: {error.strerror or error}") from None
            yield

    def write_record(self, record: Record) -> None:
        """Replace `run.json`."""
        write_text(self.record, json.dumps(record.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def read_record(self) -> Record:
        """Return the record of a run; the record of an unfinished run gets its epochs from `metrics.csv`.

        A run whose record is `running`, but whose process is gone, was interrupted.

        Raises:
            RunError: there is no readable record, or a newer `dnn` wrote it.
        """
        record = self.read_raw_record()
        if record.status != "running":
            return record
        state = read_lock_state(self.log)
        if state is LockState.HELD:
            return self.with_current_metrics(record)
        if state is LockState.UNKNOWN and (quiet_seconds := self.compute_quiet_seconds()) < MAX_QUIET_SECONDS:
            return self.with_current_metrics(record, "running", _NO_LOCKS_REASON)
        record = self.read_raw_record()  # it may have ended between the two looks
        reason = (
            _DEAD_PROCESS_REASON
            if state is LockState.FREE
            else f"{_NO_LOCKS_REASON}, and no file of the run has changed for {quiet_seconds / 3600:.0f} h"
        )
        return record if record.status != "running" else self.with_current_metrics(record, "interrupted", reason)

    def compute_quiet_seconds(self) -> float:
        """Return the time since a file of the run has changed."""
        changed = 0.0
        for path in (self.log, self.metrics, self.last_checkpoint, self.record):
            with suppress(OSError):
                changed = max(changed, path.stat().st_mtime)
        return time.time() - changed

    def with_current_metrics(self, record: Record, status: str = "running", reason: str | None = None) -> Record:
        """A record that its training has not finished, with the epochs there are."""
        rows, monitor = self.read_metrics(), record.results.monitor
        if not all({"epoch", "seconds", monitor} <= row.keys() for row in rows):
            raise RunError("metrics.csv lacks a column")
        progress = {"epochs": len(rows), "seconds": round(sum(row["seconds"] for row in rows), 3) if rows else None}
        results = Results.from_rows(rows, monitor)
        return record.model_copy(update={**progress, "status": status, "reason": reason, "results": results})

    def close_record(self, status: str, reason: str) -> Record:
        """Write down how a run ended whose process could not; the record as it is then.

        Raises:
            RunError: another process trains it, or the directory cannot be written.
        """
        with self.hold_lock():
            record = self.read_raw_record()
            if record.status != "running":
                return record
            record = self.with_current_metrics(record, status, reason).model_copy(update={"ended": get_utc_now()})
            self.write_record(record)
            return record

    def read_raw_record(self) -> Record:
        """The content of `run.json` as it stands."""
        return parse_record(read_text_file(self.record))

    def write_metrics(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Replace `metrics.csv`."""
        write_text(self.metrics, format_metrics_csv(list(rows)))

    def read_metrics(self) -> list[Scores]:
        """The rows of `metrics.csv`; none where no epoch was completed.

        Raises:
            RunError: the file is not what a training writes.
        """
        try:
            self.metrics.lstat()
        except FileNotFoundError:
            return []
        try:
            rows = list(csv.DictReader(io.StringIO(read_text_file(self.metrics)), strict=True))
            scores: list[Scores] = [
                {name: int(value) if name == "epoch" else float(value) for name, value in row.items()} for row in rows
            ]
        except (TypeError, ValueError, csv.Error) as error:
            raise RunError(f"metrics.csv is damaged: {error}") from None
        if not all(row.keys() >= _REQUIRED_METRICS for row in scores):
            raise RunError("metrics.csv lacks a column")
        if not all(abs(value) <= MAX_SCORE for row in scores for value in row.values()):  # which nan is not, either
            raise RunError("metrics.csv holds a number that is no score")
        return scores


def parse_record(text: str | bytes) -> Record:
    """The content of a `run.json`.

    Raises:
        RunError: it is not a record, or a newer `dnn` wrote it.
    """
    try:
        content = pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise RunError(f"run.json is not JSON: {error}") from None
    version = content.get("schema_version") if isinstance(content, dict) else 0
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RunError(f"run.json has schema_version {version}; this dnn reads up to {SCHEMA_VERSION}")
    try:
        return Record.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RunError(f"run.json: {'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}") from None


def format_metrics_csv(rows: Sequence[Mapping[str, float]], *, header: bool = True) -> str:
    """Rows of equal keys as CSV, the keys above them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    if header and rows:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_text_file(path: Path) -> str:
    """The text of a small file.

    Raises:
        RunError: it cannot be read as one.
    """
    try:
        if not path.is_file():
            raise RunError(f"{path.name} is {'no file' if path.exists() else 'missing'}")
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise RunError(f"{path.name} is larger than {_MAX_TEXT_BYTES:,} bytes")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RunError(f"{path.name} is not UTF-8 text") from None
    except OSError as error:
        raise RunError(f"{path.name} cannot be read: {error.strerror}") from None
