"""Run in Python: its record, the scores of its epochs and its model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.errors import RunError
from dnn_cli.report.text import format_count
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run

if TYPE_CHECKING:
    import numpy as np
    import pandas
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class TrainedRun:
    """Run: its directory, its record (run.json), its scores and its model."""

    directory: Path
    record: Record

    def __repr__(self) -> str:
        return f"<{self.record.name} {self.status}, {format_count(self.record.epochs, 'epoch')}, in {self.directory}>"

    @property
    def status(self) -> str:
        """Status of the run: `completed`, `diverged`, `failed`, `interrupted` or `running`.

        For `diverged` and `failed`, `record.reason` contains the reason.
        """
        return self.record.status

    @cached_property
    def metrics(self) -> "dict[str, NDArray[np.float64]]":
        """Scores of all epochs: the columns of metrics.csv by name, each a float64 array of shape (epochs,).

        Raises:
            RunError: metrics.csv is damaged.
        """
        import numpy as np

        rows = Run(self.directory).read_metrics()
        return {name: np.array([row[name] for row in rows], np.float64) for name in (rows[0] if rows else ())}

    @cached_property
    def model(self) -> Any:
        """Trained `keras.Model`, loaded with Keras's `safe_mode`.

        Raises:
            RunError: the training ended without a saved model.
        """
        path = Run(self.directory).model
        if not path.exists():
            raise RunError(f"{self.directory} has no model: the run is {self.status}", self.record.reason or "")
        import keras

        return keras.saving.load_model(path, safe_mode=True)

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the scores of all epochs as a table with one row for each epoch.

        Raises:
            UsageError: pandas is not installed.
        """
        from dnn_cli.api.frames import build_frame

        return build_frame(self.metrics)

    def _repr_html_(self) -> str:
        from dnn_cli.api.html import render_curves, render_table
        from dnn_cli.report.runs_table import build_default_cells
        from dnn_cli.runs.run_info import read_run_info

        run_info = read_run_info(Run(self.directory)).with_details()
        return render_table(build_default_cells([run_info])) + render_curves([run_info])
