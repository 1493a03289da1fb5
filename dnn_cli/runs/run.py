"""A run directory: the paths of its files, and the reading and writing of its small files."""

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
from dnn_cli.host.regular_file import FileTooLargeError, NotRegularFileError, read_regular_file
from dnn_cli.runs.atomic_write import write_text
from dnn_cli.runs.evaluations import MAX_SCORE, Scores
from dnn_cli.runs.lock import LockState, UnknownLockHolder, hold_lock, read_lock_state
from dnn_cli.runs.record import SCHEMA_VERSION, Record, Results, get_utc_now

CONFIG_FILE, RECORD_FILE, METRICS_FILE, ANNOTATIONS_FILE = "config.yaml", "run.json", "metrics.csv", "labels.json"
"""Names of the small files of a run."""

PREDICTIONS_FILE = "predictions.npz"
"""Name of the file with the outputs of a network on the validation set."""

_REQUIRED_METRICS = {"epoch", "loss", "seconds"}
"""Columns that every `metrics.csv` has."""

_MAX_TEXT_BYTES = 50_000_000
"""Largest size of a text file of a run, in bytes: larger files are not written by `dnn`."""

MAX_QUIET_SECONDS = 3600
"""A training process of unknown state counts as ended if no file of its run has changed for this number of seconds.

A training writes a checkpoint every few minutes. The additional time allows for different clocks of two machines."""

_NO_LOCKS_REASON = "no locks on this file system"
_DEAD_PROCESS_REASON = (
    "its process ended unexpectedly: it was killed, perhaps because memory ran out, or the machine stopped"
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory and the paths of its files."""

    directory: Path

    @property
    def config(self) -> Path:
        """Path of the resolved config: the config with all overrides and defaults, which can be trained again."""
        return self.directory / CONFIG_FILE

    @property
    def record(self) -> Path:
        """Path of the run record: see `runs.record`."""
        return self.directory / RECORD_FILE

    @property
    def metrics(self) -> Path:
        """Path of the scores: a CSV file with one row per epoch."""
        return self.directory / METRICS_FILE

    @property
    def diagnostics(self) -> Path:
        """Path of the measurements of the layers: see `runs.diagnostics_csv`."""
        return self.directory / "diagnostics.csv"

    @property
    def model(self) -> Path:
        """Path of the trained model, for `keras.saving.load_model`."""
        return self.directory / "model.keras"

    @property
    def best_model(self) -> Path:
        """Path of the model of the best epoch. Only runs whose experiment has a `model_checkpoint` have this file."""
        return self.directory / "best.keras"

    @property
    def predictions(self) -> Path:
        """Path of the network's outputs on the validation set: the arrays `outputs`, `labels` and `indices`."""
        return self.directory / PREDICTIONS_FILE

    @property
    def reporting_predictions(self) -> Path:
        """Path of the network's outputs on the reporting half of the validation set (`data.reporting_half`).

        The arrays are those of `predictions`, and `weights` if the examples have weights.
        """
        return self.directory / "reporting_predictions.npz"

    @property
    def inputs(self) -> Path:
        """Path of the input profile, with which new inputs are scaled and checked: see `runs.input_profile`."""
        return self.directory / "inputs.npz"

    @property
    def checkpoints(self) -> Path:
        """Path of the directory of the checkpoints."""
        return self.directory / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """Path of the last checkpoint: see `runs.checkpoint`."""
        return self.checkpoints / "last.npz"

    @property
    def previous_checkpoint(self) -> Path:
        """Path of the checkpoint before the last, which is used if the last checkpoint is damaged."""
        return self.checkpoints / "previous.npz"

    @property
    def tensorboard(self) -> Path:
        """Path of TensorBoard's log, if the run has one. The log can be built again from the other files."""
        return self.directory / "tensorboard"

    @property
    def log(self) -> Path:
        """Path of the log: printed lines and messages of TensorFlow. A training process locks this file."""
        return self.directory / "train.log"

    @property
    def annotations(self) -> Path:
        """Path of the annotations: see `runs.annotations`.

        `files` lacks this path, because trainings never write the file.
        """
        return self.directory / ANNOTATIONS_FILE

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of all files that a training writes, in the order in which a run archive is unpacked.

        A resumed training needs the first files. The record comes near the end, so that most files are complete when
        the record appears.
        """
        return (
            self.last_checkpoint, self.previous_checkpoint, self.config, self.metrics, self.diagnostics, self.model,
            self.best_model, self.predictions, self.reporting_predictions, self.inputs, self.record, self.log,
        )  # fmt: skip

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold the lock of the run while the block runs, so that only this process trains in the directory.

        Raises:
            RunError: another process trains or may train the run, or the log cannot be written.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(hold_lock(self.log))
            except UnknownLockHolder as error:
                raise RunError(f"{error.holder} may be training {self.directory}", error.hint) from None
            except BlockingIOError:
                record = self.read_raw_record()
                holder = record.process if record.status == "running" and record.process else "another process"
                raise RunError(
                    f"run {record.id} is being trained by {holder}", "wait until the process ends, or stop the process"
                ) from None
            except OSError as error:
                raise RunError(f"{self.log} cannot be written: {error.strerror or error}") from None
            yield

    def write_record(self, record: Record) -> None:
        """Write `run.json` atomically.

        Raises:
            RunError: the file cannot be written.
        """
        write_text(self.record, json.dumps(record.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def read_record(self) -> Record:
        """Read the record of the run; the record of an unfinished run gets its epochs from `metrics.csv`.

        A run whose record has the status `running`, but whose process has ended, gets the status `interrupted`.

        Raises:
            RunError: the record is missing or damaged, a newer `dnn` wrote it, or `metrics.csv` is damaged.
        """
        record = self.read_raw_record()
        if record.status != "running":
            return record
        state = read_lock_state(self.log)
        if state is LockState.HELD:
            return self.with_current_metrics(record)
        if state is LockState.UNKNOWN and (quiet_seconds := self.compute_quiet_seconds()) < MAX_QUIET_SECONDS:
            return self.with_current_metrics(record, "running", _NO_LOCKS_REASON)
        # The training may have ended between the reading of the record and of the lock.
        record = self.read_raw_record()
        reason = (
            _DEAD_PROCESS_REASON
            if state is LockState.FREE
            else f"{_NO_LOCKS_REASON}, and no file of the run has changed for {quiet_seconds / 3600:.0f} h"
        )
        return record if record.status != "running" else self.with_current_metrics(record, "interrupted", reason)

    def compute_quiet_seconds(self) -> float:
        """Return the seconds since a file last changed: the log, the metrics, the last checkpoint or the record."""
        changed = 0.0
        for path in (self.log, self.metrics, self.last_checkpoint, self.record):
            with suppress(OSError):
                changed = max(changed, path.stat().st_mtime)
        return time.time() - changed

    def with_current_metrics(self, record: Record, status: str = "running", reason: str | None = None) -> Record:
        """Return the record of an unfinished training, with the number of epochs and the scores from `metrics.csv`.

        Args:
            record: The record in `run.json`.
            status: The status of the returned record.
            reason: The reason for the status, if any.

        Raises:
            RunError: `metrics.csv` is damaged.
        """
        rows, monitor = self.read_metrics(), record.results.monitor
        if not all({"epoch", "seconds", monitor} <= row.keys() for row in rows):
            raise RunError("metrics.csv lacks a required column")
        progress = {"epochs": len(rows), "seconds": round(sum(row["seconds"] for row in rows), 3) if rows else None}
        results = Results.from_rows(rows, monitor)
        return record.model_copy(update={**progress, "status": status, "reason": reason, "results": results})

    def close_record(self, status: str, reason: str) -> Record:
        """Write the final record of a run whose process ended before it could write one, and return the record.

        A record whose status is not `running` stays unchanged.

        Raises:
            RunError: another process trains the run, or the directory cannot be written.
        """
        with self.hold_lock():
            record = self.read_raw_record()
            if record.status != "running":
                return record
            record = self.with_current_metrics(record, status, reason).model_copy(update={"ended": get_utc_now()})
            self.write_record(record)
            return record

    def read_raw_record(self) -> Record:
        """Read `run.json` as it is, without checking whether the training process still lives.

        Raises:
            RunError: the record is missing or damaged, or a newer `dnn` wrote it.
        """
        return parse_record(read_text_file(self.record))

    def write_metrics(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Write `metrics.csv` atomically.

        Raises:
            RunError: the file cannot be written.
        """
        write_text(self.metrics, format_metrics_csv(list(rows)))

    def read_metrics(self) -> list[Scores]:
        """Read the rows of `metrics.csv`; an empty list without the file, before the end of the first epoch.

        Raises:
            RunError: the file is damaged, lacks a column, or has a number beyond `MAX_SCORE`.
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
            raise RunError("metrics.csv lacks a required column")
        # The comparison is false for nan, too.
        if not all(abs(value) <= MAX_SCORE for row in scores for value in row.values()):
            raise RunError("metrics.csv contains a number that is not a score")
        return scores


def parse_record(text: str | bytes) -> Record:
    """Parse the content of `run.json`.

    Raises:
        RunError: the text is not a record, or a newer `dnn` wrote it.
    """
    try:
        content = pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise RunError(f"run.json is not JSON: {error}") from None
    version = content.get("schema_version") if isinstance(content, dict) else 0
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise RunError(f"run.json has schema_version {version}; this version of dnn reads up to {SCHEMA_VERSION}")
    try:
        return Record.model_validate(content)
    except pydantic.ValidationError as error:
        raise RunError(f"run.json: {format_validation_error(error)}") from None


def format_metrics_csv(rows: Sequence[Mapping[str, float]], *, header: bool = True) -> str:
    """Format rows with equal keys as CSV; with `header`, the first line has the keys."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    if header and rows:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def format_validation_error(error: pydantic.ValidationError) -> str:
    """Format the first issue of a JSON file: the key and the message."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}"


def read_text_file(path: Path) -> str:
    """Read a small UTF-8 text file.

    Raises:
        RunError: the file is missing, not a regular file, too large, not UTF-8, or cannot be read.
    """
    try:
        return read_regular_file(path, _MAX_TEXT_BYTES).decode()
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{path.name} is missing") from None
    except (NotRegularFileError, FileTooLargeError) as error:
        raise RunError(f"{path.name} is {error.strerror}") from None
    except UnicodeDecodeError:
        raise RunError(f"{path.name} is not UTF-8 text") from None
    except OSError as error:
        raise RunError(f"{path.name} cannot be read: {error.strerror}") from None
