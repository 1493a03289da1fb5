"""The saved predictions of a run: the arrays of `predictions.npz` and `reporting_predictions.npz`.

Predictions for the reporting half of the validation set have a file of their own, so that no reader of validation
scores sees them.
"""

import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError, UserDataError
from dnn_cli.formats.npz_archive import open_archive
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.run import PREDICTIONS_FILE, Run
from dnn_cli.runs.runs_directory import build_runs_dir_option

_DAMAGED_FILE_HINT = "delete the file to compare only weights and metrics"


def write_predictions(
    path: Path,
    outputs: NDArray[Any],
    labels: NDArray[Any],
    indices: NDArray[np.int64],
    weights: NDArray[np.float32] | None = None,
) -> None:
    """Write predictions atomically, as arrays that `read_predictions` reads.

    Args:
        path: The path of the file.
        outputs: The outputs of the model, float32 of shape (n, units).
        labels: The targets, class numbers of shape (n,), or numbers of a regression of shape (n, targets).
        indices: The indices of the examples in the data, int64 of shape (n,).
        weights: The weights of the examples (`data.weight`), of shape (n,); `None` to write no weights.

    Raises:
        RunError: the file cannot be written.
    """
    optional: dict[str, Any] = {} if weights is None else {"weights": weights}
    with atomic_write(path) as temporary:
        np.savez(temporary, outputs=outputs, labels=labels, indices=indices, **optional)


def read_predictions(run: Run) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of `predictions.npz`, in alphabetical order of their names; `None` without the file.

    Raises:
        RunError: the file is damaged, or has other content than a training writes.
    """
    # A comparison asks for the files of many runs until one exists. Joining paths would take as long as looking.
    if not os.path.lexists(f"{os.fspath(run.directory)}/{PREDICTIONS_FILE}"):
        return None
    return _read_arrays(run.predictions, _DAMAGED_FILE_HINT)


def suggest_new_training(run: Run) -> str:
    """Return a suggestion for a run of a study with a damaged file: a repeated study trains a removed run again."""
    command = ["dnn", "runs", "rm", str(run.directory), *build_runs_dir_option(run.directory.parent)]
    return f"remove the run with {shlex.join(command)}, and repeat the dnn study command"


def read_reporting_predictions(run: Run) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of `reporting_predictions.npz`, in alphabetical order of their names; `None` without the file.

    Raises:
        RunError: the file is damaged, or has other content than a training writes.
    """
    return _read_arrays(run.reporting_predictions, suggest_new_training(run))


def _read_arrays(path: Path, hint: str) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of a file of predictions; `None` without the file.

    Args:
        path: The path of the file.
        hint: The suggestion of the error for a damaged file.

    Raises:
        RunError: the file is damaged, or has other content than a training writes.
    """
    if not os.path.lexists(path):
        return None
    try:
        with open_archive(str(path)) as archive:
            headers = {name: archive.read_header(name) for name in sorted(archive.names)}
            # A training writes its arrays uncompressed: they fit within the size of the file.
            if sum(header.nbytes for header in headers.values()) > path.stat().st_size:
                raise UserDataError(f"{path} is shorter than its arrays")
            return {name: archive.read_array(header) for name, header in headers.items()}
    except (UserDataError, OSError) as error:
        raise RunError(f"the predictions are damaged: {error}", hint) from None
