"""Config of one training in Python, and its training."""

from dataclasses import dataclass
from pathlib import Path

from dnn_cli.api.trained_run import TrainedRun
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import LoadedExperiment, load_experiment
from dnn_cli.config.network_summary import NetworkSummary, format_layer_flow, summarize_network
from dnn_cli.runs.store import Store


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

    def train(self, runs_dir: str | Path = "runs") -> TrainedRun:
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
        return TrainedRun(run.directory, record)


def load(file: str | Path, *overrides: str, allow_code: bool = False) -> Config:
    """Load a config, with overrides such as `"epochs=3"`, and check that this machine can train it.

    Args:
        file: The config.
        overrides: The overrides, in the order in which they are applied.
        allow_code: Whether `.train()` may run the modules of custom layers. Without them, a network with custom layers
            can be summarised.

    Raises:
        ConfigError: the config is not valid. The error lists every issue with its line and column, or its override.
    """
    return Config(load_experiment(str(file), overrides, to_train=True, allow_code=allow_code or None))
