"""Checkpoints: all that a training needs to go on, in one file that is complete or absent.

The file is an .npz of plain arrays; the first, `progress`, is UTF-8 JSON. The previous checkpoint is kept until the
next one is complete. The checksums of the zip reveal damage. Nothing in the file is ever unpickled.
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
from dnn_cli.runs.record import Scores
from dnn_cli.runs.run import Run

_CHECKPOINT_VERSION = 1


class TrainingProgress(BaseModel):
    """How far a training is, and what of it is no array."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    version: int = Field(default=_CHECKPOINT_VERSION, ge=_CHECKPOINT_VERSION, le=_CHECKPOINT_VERSION)
    experiment: str
    """The training digest of the experiment."""

    optimizer: dict[str, Any] = {}
    """As the experiment had it."""

    epoch: int = Field(default=0, ge=0)
    """Whole epochs that are done."""

    calls: int = Field(default=0, ge=0)
    """Calls of the engine that are done of the epoch after them."""

    stopped: bool = False
    """Whether a callback has ended the training."""

    rows: list[Scores] = []
    """Those of `metrics.csv`."""

    seconds: float = 0.0
    """Of training, so far."""

    epoch_seconds: float = 0.0
    """Of them, in the epoch that is begun."""

    callbacks: dict[str, dict[str, int | float | None]] = {}
    """What callbacks remember, by their names."""

    @model_validator(mode="after")
    def check_row_count(self) -> "TrainingProgress":
        """There is a row for every whole epoch."""
        if [row.get("epoch") for row in self.rows] != list(range(1, self.epoch + 1)):
            raise ValueError("its rows are not those of its epochs")
        return self


@dataclass(frozen=True)
class Checkpoint:
    """The progress of a training, and all its variables by the names of `training.training_state`."""

    progress: TrainingProgress
    arrays: Mapping[str, NDArray[Any]]


def write_checkpoint(run: Run, checkpoint: Checkpoint) -> None:
    """Write the last checkpoint; the one that was the last is then the previous.

    Raises:
        RunError: it could not be written; those that were there are as they were.
    """
    _create_checkpoint_directory(run.checkpoints)
    progress = np.frombuffer(checkpoint.progress.model_dump_json().encode(), np.uint8)
    with atomic_write(run.last_checkpoint, backup=run.previous_checkpoint) as temporary:
        np.savez(temporary, allow_pickle=False, progress=progress, **checkpoint.arrays)


def _create_checkpoint_directory(directory: Path) -> None:
    """Create the directory for checkpoints in the run itself.

    Raises:
        RunError: the directory cannot be created, or is a link.
    """
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"{directory} cannot be made: {error.strerror}") from error
    if directory.is_symlink():
        raise RunError(f"{directory} is a link, and checkpoints are written nowhere else than in their run")


def read_last_checkpoint(run: Run) -> tuple[Checkpoint | None, str | None]:
    """The last checkpoint that is whole, `None` where none is; and why it is not the last, if it is not."""
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
    """One checkpoint.

    Raises:
        RunError: it is damaged, or no checkpoint.
    """
    try:
        if path.parent.is_symlink():
            raise UserDataError(f"{path.parent.name} is a link")
        with open_archive(str(path)) as archive:
            headers = [archive.read_header(name) for name in archive.names]
            if sum(header.nbytes for header in headers) > path.stat().st_size:  # ours are not compressed
                raise UserDataError("it is larger than its file")
            arrays = {header.name: archive.read_array(header) for header in headers}
        progress = TrainingProgress.model_validate_json(arrays.pop("progress").tobytes())
    except UserDataError as error:
        raise RunError(f"checkpoint {path.name} is damaged: {error.message.removeprefix(f'{path}: ')}") from None
    except (KeyError, OSError, pydantic.ValidationError):
        raise RunError(f"checkpoint {path.name} is damaged: it does not say how far it is") from None
    return Checkpoint(progress, arrays)
