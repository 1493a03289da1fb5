"""The saved predictions of a run: the arrays of `predictions.npz`, checked while they are read."""

import os
from typing import Any

from numpy.typing import NDArray

from dnn_cli.errors import RunError, UserDataError
from dnn_cli.formats.npz_archive import open_archive
from dnn_cli.runs.run import Run

_DAMAGED_FILE_HINT = "delete the file to compare only weights and metrics"


def read_predictions(run: Run) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of `predictions.npz`, in alphabetical order of their names; `None` without the file.

    Raises:
        RunError: the file is damaged, or has other content than a training writes.
    """
    path = run.predictions
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
        raise RunError(f"the predictions are damaged: {error}", _DAMAGED_FILE_HINT) from None
