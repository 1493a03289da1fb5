"""Python interface for notebooks: `dnn_cli.load("configs/relu_adam.yaml", "epochs=3").train().metrics`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, load_experiment
from dnn_cli.config.network_summary import NetworkSummary, format_layer_flow, summarize_network
from dnn_cli.errors import RunError
from dnn_cli.report.text import format_count
from dnn_cli.runs.record import Record
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class _TrainedRun:
    """Run that `Config.train` has trained: its directory, its record (run.json), its scores and its model."""

    directory: Path
    record: Record

    def __repr__(self) -> str:
        return f"<{self.record.name} {self.status}, {format_count(self.record.epochs, 'epoch')}, in {self.directory}>"

    @property
    def status(self) -> str:
        """Status of the run: `completed`, `diverged` or `failed`.

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


@dataclass(frozen=True, repr=False)
class Config:
    """Valid config of one training, with the methods to summarise and train its network."""

    loaded: LoadedExperiment

    def __repr__(self) -> str:
        return f"<config {self.loaded.file}: {format_layer_flow(self.experiment)}>"

    @property
    def experiment(self) -> Experiment:
        """Validated config, with a value for every key."""
        return self.loaded.experiment

    @property
    def advice(self) -> list[str]:
        """Texts about settings of the config that are valid, but probably mistakes."""
        return list(map(str, self.loaded.advice))

    def summary(self) -> NetworkSummary:
        """Return layers, shapes and parameters of the network, computed without TensorFlow."""
        return summarize_network(self.experiment)

    def train(self, runs_dir: str | Path = "runs") -> _TrainedRun:
        """Train in a new run directory, as `dnn train` does, and return the run. Scores are printed on standard error.

        The training resets Keras's global state, as every training does, so that trainings do not influence each other.

        Args:
            runs_dir: The directory in which the run directory is created.

        Raises:
            DataError: the data cannot be read.
            RunError: the run directory cannot be written.
            UsageError: the device that the config requests does not exist, or cannot train deterministically. Or the
                config has custom layers, and was loaded without `allow_code`.
            DeterminismConflict: on a GPU, this process has trained with another setting of determinism.
        """
        from dnn_cli.execution.fitting import complete_training
        from dnn_cli.execution.run_training import start_new_run
        from dnn_cli.terminal.progress import open_screen

        with open_screen() as screen:
            run, record = complete_training(start_new_run(self.loaded, Store(Path(runs_dir)), screen))
        return _TrainedRun(run.directory, record)


def load_config(file: str, overrides: Sequence[str], *, allow_code: bool = False) -> Config:
    """Load the experiment of a config file and overrides, and check that this machine can train it.

    With `allow_code`, the modules of custom layers may run. Without it, a network with custom layers can be summarised.

    Raises:
        ConfigError: the config is not valid. The error lists every issue with its line and column, or its override.
    """
    return Config(load_experiment(file, overrides, to_train=True, allow_code=allow_code or None))
