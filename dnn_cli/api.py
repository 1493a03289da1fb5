"""The Python interface, for notebooks: `dnn_cli.load("configs/relu_adam.yaml", "epochs=3").train().metrics`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, load_experiment
from dnn_cli.config.network_summary import NetworkSummary, format_layer_flow, summarize_network
from dnn_cli.errors import RunError
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class _TrainedRun:
    """A run on disk and how it went."""

    directory: Path
    record: Record

    def __repr__(self) -> str:
        return f"<{self.record.name} {self.status}, {self.record.epochs} epochs, in {self.directory}>"

    @property
    def status(self) -> str:
        """`completed`, or `diverged` or `failed`, with the reason in `record.reason`."""
        return self.record.status

    @cached_property
    def metrics(self) -> "dict[str, NDArray[np.float64]]":
        """The columns of metrics.csv: each score as float64 of (epochs,).

        Raises:
            RunError: the file is not what a training writes.
        """
        import numpy as np

        rows = Run(self.directory).read_metrics()
        return {name: np.array([row[name] for row in rows], np.float64) for name in (rows[0] if rows else ())}

    @cached_property
    def model(self) -> Any:
        """The trained `keras.Model`, loaded in safe mode.

        Raises:
            RunError: the training ended without one.
        """
        path = Run(self.directory).model
        if not path.exists():
            raise RunError(f"{self.directory} holds no model: the run is {self.status}", self.record.reason or "")
        import keras

        return keras.saving.load_model(path, safe_mode=True)


@dataclass(frozen=True, repr=False)
class Config:
    """A valid experiment, and what to think about before training it."""

    loaded: LoadedExperiment

    def __repr__(self) -> str:
        return f"<config {self.loaded.file}: {format_layer_flow(self.experiment)}>"

    @property
    def experiment(self) -> Experiment:
        """Every key with its value."""
        return self.loaded.experiment

    @property
    def advice(self) -> list[str]:
        """Issues of the valid config, which are probably mistakes."""
        return list(map(str, self.loaded.advice))

    def summary(self) -> NetworkSummary:
        """Layers, shapes and parameters, worked out without TensorFlow."""
        return summarize_network(self.experiment)

    def train(self, runs_dir: str | Path = "runs") -> _TrainedRun:
        """Train as `dnn train` does, into a run directory of its own; scores are shown on standard error.

        Resets Keras's global state, as every training does so that none influences another.

        Raises:
            DataError: the data is not to be had.
            RunError: the run directory cannot be written.
            UsageError: the device is not there.
        """
        from dnn_cli.cli.progress import open_screen
        from dnn_cli.execution.run_training import train_new_run

        with open_screen() as screen:
            run, record = train_new_run(self.loaded, Store(Path(runs_dir)), screen)
        return _TrainedRun(run.directory, record)


def load_config(file: str, overrides: Sequence[str]) -> Config:
    """The experiment that a config file and overrides describe, which this machine can train.

    Raises:
        ConfigError: the config is not valid. It lists every issue with its line and column or its override.
    """
    return Config(load_experiment(file, overrides, to_train=True))
