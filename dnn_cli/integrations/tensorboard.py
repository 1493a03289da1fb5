"""Runs as TensorBoard events: curves of training and validation, and a row of the HParams table.

TensorBoard's own classes write the events, without TensorFlow. Writing events therefore cannot influence the training.

The log does not contain the HParams summary that defines the columns of the table. TensorBoard would use the first such
summary for all runs, and hide columns that only other runs have. Without a summary, TensorBoard collects the columns of
all runs.
"""

import importlib.util
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dnn_cli.config.keys import PlainValue, select_hyperparameters
from dnn_cli.errors import RunError, UsageError
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import RunInfo

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

_LOG_PARTS = ("", "train", "validation")
"""Subdirectories of a log: the log itself, and the curves of training and of validation.

TensorBoard draws the curves of both splits in the same charts.
"""

_EVENT_FILE_PREFIX = "events.out.tfevents."
"""Prefix of the names of event files. TensorBoard reads only files with this prefix."""

TENSORBOARD_INSTALL_COMMAND = "pip install -e '.[tensorboard]'"


def is_tensorboard_installed() -> bool:
    """Return whether TensorBoard is installed."""
    return importlib.util.find_spec("tensorboard") is not None


def check_tensorboard_installed() -> None:
    """Check that TensorBoard is installed.

    Raises:
        UsageError: TensorBoard is not installed.
    """
    if not is_tensorboard_installed():
        raise UsageError("--tensorboard needs TensorBoard, which is not installed", TENSORBOARD_INSTALL_COMMAND)


class EventLog:
    """TensorBoard log of one run in a directory. TensorBoard can read each event as soon as it is added."""

    def __init__(self, directory: Path, record: Record, experiment: Mapping[str, Any], rows: Sequence[Scores]) -> None:
        """Begin a log, write the finished epochs to the log, and delete older logs of the run.

        TensorBoard then shows the run from its beginning, with each epoch once.

        Args:
            directory: The directory of the log.
            record: The run record.
            experiment: The config of the run. Its hyperparameters are in the run's row of the HParams table.
            rows: The rows of `metrics.csv`: the scores of each finished epoch.

        Raises:
            RunError: the directory cannot be written, or TensorBoard does not work.
        """
        self.streams: dict[str, BinaryIO] = {}
        when = _parse_unix_time(record.started)
        try:
            older = list(_iter_event_files(directory, record.id))
            for part in _LOG_PARTS:
                self.open_stream(directory, part, record.id)
            self.add_summary("", _build_session_start(record.id, select_hyperparameters(experiment), when), 0, when)
            for row in rows:
                when += row["seconds"]
                self.add_epoch(row, when)
            for path in older:
                path.unlink(missing_ok=True)
        except OSError as error:
            self.discard()
            raise RunError(f"{directory} cannot be written: {error.strerror or error}") from None
        except ImportError as error:
            self.discard()
            raise RunError(f"TensorBoard cannot be imported: {error}", TENSORBOARD_INSTALL_COMMAND) from None

    def open_stream(self, directory: Path, part: str, run_id: str) -> None:
        """Open a new event file for a part of the log.

        TensorBoard reads event files in the order of their names. The name therefore begins with the current time.

        Args:
            directory: The directory of the log.
            part: The subdirectory: `train`, `validation`, or an empty text for the log itself.
            run_id: The id of the run, which ends the name of the file.

        Raises:
            OSError: the directory is a symbolic link, or cannot be written.
        """
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        part_directory = directory / part if part else directory
        for path in (directory, part_directory):
            if path.is_symlink():
                raise OSError(None, "it is a symbolic link")
        part_directory.mkdir(parents=True, exist_ok=True)
        now = time.time_ns()
        name = f"{_EVENT_FILE_PREFIX}{now // 10**9:010d}.{now % 10**9:09d}.{run_id}"
        self.streams[part] = (part_directory / name).open("xb")
        self.write_event(part, Event(wall_time=now / 1e9, file_version="brain.Event:2"))
        self.write_event(part, Event(wall_time=now / 1e9, session_log=SessionLog(status=SessionLog.START)))

    def add_epoch(self, row: Mapping[str, float], when: float | None = None) -> None:
        """Add the scores of an epoch under the names of Keras's TensorBoard callback, such as `epoch_loss`.

        Epochs count from 1. `when` is the time in seconds since 1970, by default the current time.
        """
        for part, scores in (("train", _filter_training_scores(row)), ("validation", _filter_validation_scores(row))):
            if scores:
                summary = _build_scalar_summary({f"epoch_{name}": value for name, value in scores.items()})
                self.add_summary(part, summary, int(row["epoch"]), when)

    def end_session(self, record: Record) -> None:
        """Add the status of the run at its end, and the scores of the saved model."""
        when = _parse_unix_time(record.ended) if record.ended else time.time()
        if model := record.results.model:
            summary = _build_scalar_summary({f"model.{name}": value for name, value in model.items()})
            self.add_summary("", summary, record.epochs, when)
        self.add_summary("", _build_session_end(record, when), 0, when)

    def add_summary(self, part: str, summary: "Summary", step: int, when: float | None = None) -> None:
        """Add a summary of a step to a part of the log.

        `when` is in seconds since 1970, by default the current time.
        """
        from tensorboard.compat.proto.event_pb2 import Event

        self.write_event(part, Event(wall_time=time.time() if when is None else when, step=step, summary=summary))

    def write_event(self, part: str, event: "Event") -> None:
        """Write one event to a part of the log, and flush its file."""
        from tensorboard.summary.writer.record_writer import RecordWriter

        RecordWriter(self.streams[part]).write(event.SerializeToString())
        self.streams[part].flush()

    def close(self) -> None:
        """Close the files of the log."""
        for stream in self.streams.values():
            with suppress(OSError):
                stream.close()

    def discard(self) -> None:
        """Close and delete the files of the log."""
        self.close()
        for stream in self.streams.values():
            with suppress(OSError):
                os.unlink(stream.name)


def write_event_log(directory: Path, run_info: RunInfo) -> None:
    """Write the complete log of a run.

    Raises:
        RunError: the run has no readable record or config, or the directory cannot be written.
    """
    if run_info.record is None or run_info.config is None:
        raise RunError(run_info.error or run_info.details.error or "the run has no config")
    log = EventLog(directory, run_info.record, run_info.config, run_info.run.read_metrics())
    try:
        if run_info.record.status != "running":
            log.end_session(run_info.record)
    finally:
        log.close()


def _iter_event_files(directory: Path, run_id: str) -> Iterator[Path]:
    """Yield the event files of a run in a log directory."""
    for part in _LOG_PARTS:
        part_directory = directory / part if part else directory
        if not part_directory.is_symlink():
            yield from (
                path
                for path in part_directory.glob(f"{_EVENT_FILE_PREFIX}*.{run_id}")
                if path.is_file() and not path.is_symlink()
            )


def _filter_training_scores(row: Mapping[str, float]) -> dict[str, float]:
    """Return the training scores and the learning rate from a row of `metrics.csv`."""
    return {name: value for name, value in row.items() if name not in ("epoch", "seconds") and name[:4] != "val_"}


def _filter_validation_scores(row: Mapping[str, float]) -> dict[str, float]:
    """Return the validation scores from a row of `metrics.csv`, without the prefix `val_` in their names."""
    return {name[4:]: value for name, value in row.items() if name.startswith("val_")}


def _build_scalar_summary(values: Mapping[str, float]) -> "Summary":
    """Build a TensorBoard summary of numbers from a mapping of tags to numbers."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def _build_session_start(run_id: str, settings: Mapping[str, PlainValue], when: float) -> "Summary":
    """Build the event content that begins a run's row of the HParams table: its settings and start time."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    summary: Summary = hparams_pb(dict(settings), trial_id=run_id, start_time_secs=when)
    return summary


def _build_session_end(record: Record, when: float) -> "Summary":
    """Build the event content that ends a run's row of the HParams table: its status and end time."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    status = STATUS_SUCCESS if record.status == "completed" else STATUS_FAILURE
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=when))
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])


def _parse_unix_time(text: str) -> float:
    """Return a time of a record in seconds since 1970; the current time for text that is not a time."""
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return time.time()
