"""`Run`: one run directory, and the only place that knows the names of the files in it."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pydantic
import pydantic_core

from dnn_cli.errors import RunError
from dnn_cli.runs.files import write_text
from dnn_cli.runs.lock import is_held
from dnn_cli.runs.record import LARGEST, SCHEMA_VERSION, Record, Scores

MAX_BYTES = 50_000_000
"""Larger records or metrics are not ours."""


@dataclass(frozen=True)
class Run:
    """A run directory by its path."""

    directory: Path

    @property
    def config(self) -> Path:
        """The resolved experiment, trainable again as it is."""
        return self.directory / "config.yaml"

    @property
    def record(self) -> Path:
        """How the run went: see `runs.record`."""
        return self.directory / "run.json"

    @property
    def metrics(self) -> Path:
        """A row an epoch."""
        return self.directory / "metrics.csv"

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
    def log(self) -> Path:
        """What was printed, and TensorFlow's own noise. Locked as long as the training lives."""
        return self.directory / "train.log"

    def write_record(self, record: Record) -> None:
        """Replace `run.json`."""
        write_text(self.record, json.dumps(record.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def read_record(self) -> Record:
        """The content of `run.json`; a run that says it is running but whose process is gone was interrupted.

        Raises:
            RunError: there is no readable record, or a newer `dnn` wrote it.
        """
        record = self.parse_record()
        if record.status != "running" or is_held(self.log):
            return record
        record = self.parse_record()  # it may have ended between the two looks
        if record.status != "running":
            return record
        return record.model_copy(update={"status": "interrupted", "reason": "its process ended without a word"})

    def parse_record(self) -> Record:
        """The content of `run.json` as it stands."""
        try:
            content = pydantic_core.from_json(read_text(self.record), allow_inf_nan=False)
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

    def write_metrics(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Replace `metrics.csv`."""
        rows = list(rows)
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.metrics, text.getvalue())

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
            rows = list(csv.DictReader(io.StringIO(read_text(self.metrics)), strict=True))
            scores: list[Scores] = [
                {name: int(value) if name == "epoch" else float(value) for name, value in row.items()} for row in rows
            ]
        except (TypeError, ValueError, csv.Error) as error:
            raise RunError(f"metrics.csv is damaged: {error}") from None
        if not all(abs(value) <= LARGEST for row in scores for value in row.values()):  # which nan is not, either
            raise RunError("metrics.csv holds a number that is no score")
        return scores


def read_text(path: Path) -> str:
    """The text of a small file.

    Raises:
        RunError: it cannot be read as one.
    """
    try:
        if not path.is_file():
            raise RunError(f"{path.name} is {'no file' if path.exists() else 'missing'}")
        if path.stat().st_size > MAX_BYTES:
            raise RunError(f"{path.name} is larger than {MAX_BYTES:,} bytes")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise RunError(f"{path.name} is not UTF-8 text") from None
    except OSError as error:
        raise RunError(f"{path.name} cannot be read: {error.strerror}") from None
