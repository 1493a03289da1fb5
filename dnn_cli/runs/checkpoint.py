"""Checkpoints: the state from which a training continues, in one file that is complete or absent.

The file is an .npz of plain arrays; the first array, `progress`, is UTF-8 JSON. The last two checkpoints are kept: the
older one is replaced only when a new one is complete. The checksums of the zip reveal damage. Pickle is never used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dnn_cli.errors import RunError, UserDataError
from dnn_cli.formats.npz_archive import open_archive
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.evaluations import Scores
from dnn_cli.runs.run import Run

_CHECKPOINT_VERSION = 1


class TrainingProgress(BaseModel):
    """The part of a checkpoint that is stored as JSON, not as arrays: progress, scores and state of the callbacks."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    version: int = Field(default=_CHECKPOINT_VERSION, ge=_CHECKPOINT_VERSION, le=_CHECKPOINT_VERSION)
    experiment: str
    """Training digest of the experiment: equal for experiments whose weights are identical after each epoch."""

    optimizer: dict[str, Any] = {}
    """Config of the optimizer in the experiment."""

    epoch: int = Field(default=0, ge=0)
    """Number of completed epochs."""

    calls: int = Field(default=0, ge=0)
    """Number of completed calls of the engine (the code that runs training steps) in the unfinished epoch."""

    stopped: bool = False
    """Whether a callback has ended the training."""

    rows: list[Scores] = []
    """Rows of `metrics.csv`: the scores of each completed epoch."""

    seconds: float = 0.0
    """Duration of the training until the checkpoint, in seconds."""

    epoch_seconds: float = 0.0
    """Duration of the unfinished epoch until the checkpoint, in seconds."""

    callbacks: dict[str, dict[str, int | float | None]] = {}
    """State of the callbacks, by callback name."""

    @model_validator(mode="after")
    def check_row_count(self) -> "TrainingProgress":
        """Raise an error unless there is one row for each completed epoch."""
        if [row.get("epoch") for row in self.rows] != list(range(1, self.epoch + 1)):
            raise ValueError("the rows do not match the epochs")
        return self


@dataclass(frozen=True)
class Checkpoint:
    """Progress of a training, and the values of all its variables as arrays.

    `training.training_state` names the arrays, for example `model.0`.
    """

    progress: TrainingProgress
    arrays: Mapping[str, NDArray[Any]]


def write_checkpoint(run: Run, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `last.npz`; the older checkpoint in this file moves to `previous.npz`.

    Raises:
        RunError: the checkpoint cannot be written. The older checkpoint is then in one of the two files.
    """
    _create_checkpoint_directory(run.checkpoints)
    progress = np.frombuffer(checkpoint.progress.model_dump_json().encode(), np.uint8)
    with atomic_write(run.last_checkpoint, backup=run.previous_checkpoint) as temporary:
        np.savez(temporary, allow_pickle=False, progress=progress, **checkpoint.arrays)


def _create_checkpoint_directory(directory: Path) -> None:
    """Create the directory for checkpoints inside the run directory.

    Raises:
        RunError: the directory cannot be created, or is a link.
    """
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"{directory} cannot be created: {error.strerror}") from error
    if directory.is_symlink():
        raise RunError(f"{directory} is a link, but checkpoints must be inside the directory of the run")


def read_last_checkpoint(run: Run) -> tuple[Checkpoint | None, str | None]:
    """Read the last intact checkpoint, and return the checkpoint and the damage of later checkpoints as text.

    The first value is `None` if no checkpoint is intact. The second value is `None` if no checkpoint is damaged.
    """
    trouble = None
    for path in (run.last_checkpoint, run.previous_checkpoint):
        if not path.exists():
            continue
        try:
            return read_checkpoint(path), trouble
        except RunError as error:
            trouble = f"{trouble}; {error.message}" if trouble else error.message
    return None, trouble


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        RunError: the file is damaged, or is not a checkpoint.
    """
    try:
        if path.parent.is_symlink():
            raise UserDataError(f"{path.parent.name} is a link")
        with open_archive(str(path)) as archive:
            headers = [archive.read_header(name) for name in archive.names]
            # A training writes its arrays uncompressed: they fit within the size of the file.
            if sum(header.nbytes for header in headers) > path.stat().st_size:
                raise UserDataError("its arrays are larger than the file")
            arrays = {header.name: archive.read_array(header) for header in headers}
        progress = TrainingProgress.model_validate_json(arrays.pop("progress").tobytes())
    except UserDataError as error:
        raise RunError(f"checkpoint {path.name} is damaged: {error.message.removeprefix(f'{path}: ')}") from None
    except (KeyError, OSError, pydantic.ValidationError):
        raise RunError(
            f"checkpoint {path.name} is damaged: the progress of the training is missing or not valid"
        ) from None
    return Checkpoint(progress, arrays)
