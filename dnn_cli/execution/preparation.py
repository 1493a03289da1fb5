"""Preparation of a training, and a cache that a process keeps for its next trainings.

The data of a training is loaded while TensorFlow is imported in a background thread.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dnn_cli.config.data import Data
from dnn_cli.data.examples import Examples, Split, load_examples, split_examples
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.training.compiled_model import CompiledModelCache
    from dnn_cli.training.keras_callbacks import ProgressReporter
    from dnn_cli.training.training_job import TrainingJob

_logger = logging.getLogger(__name__)


class PreparedTraining(NamedTuple):
    """Objects that a training needs: the training job, the progress reporter, and a cache of compiled models.

    `redirect_output` takes the path of a log file. The function redirects output of TensorFlow to this file.
    """

    job: "TrainingJob"
    progress_reporter: "ProgressReporter"
    redirect_output: Callable[[Path], None]
    compiled_models: "CompiledModelCache"


@contextmanager
def prepare_training(
    loaded: "LoadedExperiment",
    reporter: "Reporter",
    epochs: int,
    cache: "ProcessCache | None" = None,
    *,
    trains: bool = True,
) -> Iterator[PreparedTraining]:
    """Load the data of an experiment while TensorFlow starts, and yield the prepared training.

    The experiment and advice are reported as lines. Within the block, only `reporter` writes to the terminal.

    Args:
        loaded: The experiment, with advice about its config.
        reporter: The object that receives the lines of the training.
        epochs: The total number of epochs, for the reported lines and the progress display.
        cache: The cache of this process for its trainings; by default an empty cache.
        trains: Whether the block trains the experiment. A training needs a process with its setting of determinism.

    Raises:
        DataError: the data cannot be read.
        DeterminismConflict: this process has trained with another setting of determinism.
        UsageError: the device does not exist, or cannot train the experiment deterministically.
    """
    from dnn_cli.data.data_advice import list_data_advice
    from dnn_cli.host.output_redirect import redirect_output
    from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background
    from dnn_cli.training.xla_cache import remove_working_directories

    cache = cache or ProcessCache()
    reporter.exit_callbacks.append(remove_working_directories)
    experiment = loaded.experiment
    for line in _format_experiment_lines(experiment, epochs):
        reporter.report_line(line)
    for issue in loaded.advice:
        reporter.report_line(f"advice: {issue}")
    with (
        reporter.open_progress(epochs, experiment.batch_size) as progress_reporter,
        redirect_output(hold_early=reporter.holds_early_output) as redirect_to,
        import_tensorflow_in_background() as wait_for_tensorflow,
    ):
        progress_reporter(f"loading {experiment.data.title}")
        examples, split = cache.load_examples(experiment.data, progress_reporter)
        for advice in list_data_advice(experiment, examples, split):
            reporter.report_line(f"advice: {advice}")
        progress_reporter("starting TensorFlow")
        _logger.debug("waiting for the import of TensorFlow")
        wait_for_tensorflow()

        from dnn_cli.training.determinism import set_determinism, set_initial_determinism
        from dnn_cli.training.training_job import prepare_job

        job = prepare_job(experiment, examples, split)
        if trains:
            set_determinism(experiment, job.plan)
        else:
            set_initial_determinism(job.plan)
        yield PreparedTraining(job, progress_reporter, redirect_to, cache.compiled_models)


def _format_experiment_lines(experiment: "Experiment", epochs: int) -> list[str]:
    """Format the network, the settings of the training and the data of an experiment, one line each."""
    from dnn_cli.config.network_summary import format_layer_flow, summarize_network
    from dnn_cli.config.registry import format_config_value
    from dnn_cli.report.text import format_count

    config = experiment.model_dump(mode="json")
    return [
        f"{experiment.name}: {format_layer_flow(experiment)}, "
        f"{format_count(summarize_network(experiment).total, 'parameter')}",
        f"  {format_config_value(config['optimizer'])}, {format_config_value(config['loss'])}, "
        f"batch size {experiment.batch_size}, "
        f"{format_count(epochs, 'epoch')}, seed {experiment.seed}",
        f"  {_format_data_line(experiment)}",
    ]


def _format_data_line(experiment: "Experiment") -> str:
    """Format the data of an experiment in one line."""
    from dnn_cli.config.datasets import USER_DATA_KINDS
    from dnn_cli.config.layer_stack import format_sizes
    from dnn_cli.report.text import format_count

    data, dataset_info = experiment.data, experiment.data.info
    parts = [
        f"{format_count(data.training_examples, dataset_info.example_noun)} for training",
        f"{data.validation_examples:,} for validation",
    ]
    if data.split_off_test_examples or (data.dataset in USER_DATA_KINDS and data.test_examples):
        parts.append(f"{data.test_examples:,} for testing")
    shape = format_sizes(data.input_shape)
    target_text = (
        f"{len(dataset_info.classes)} classes"
        if dataset_info.classes
        else f"{format_count(dataset_info.targets, 'number')} to predict"
    )
    if experiment.target_encoding == "binary":
        target_text += f", positive class {dataset_info.classes[1]}"
    return f"{data.title}: {', '.join(parts)}, {shape}, {target_text}"


class ProcessCache:
    """Cache of examples and compiled models, for a process that trains one experiment after another."""

    def __init__(self) -> None:
        self.loaded: tuple[Data, Examples, Split] | None = None

    def load_examples(self, data: Data, report_progress: ReadProgress = ignore_progress) -> tuple[Examples, Split]:
        """Return the examples of a config's data section and their split, from the cache if possible.

        The cache holds the examples of only one data section.

        Raises:
            DataError: the data cannot be read.
        """
        if self.loaded is not None and self.loaded[0] == data:
            _logger.info("data reused: %s", data.title)
        else:
            start_time = time.monotonic()
            _logger.debug("loading data: %s", data.title)
            # Memory may be too small for two datasets.
            self.loaded = None
            examples = load_examples(data, report_progress)
            self.loaded = data, examples, split_examples(data, examples)
            _logger.info(
                "data loaded: %s, %d examples, %.2f s",
                data.title, data.info.examples, time.monotonic() - start_time,
            )  # fmt: skip
        return self.loaded[1:]

    def set_examples(self, data: Data, examples: Examples, split: Split) -> None:
        """Cache examples that another process has loaded.

        If examples of the same data are cached already, these stay in the cache, because compiled models hold these
        examples.
        """
        if self.loaded is None or self.loaded[0] != data:
            self.loaded = data, examples, split

    @cached_property
    def compiled_models(self) -> "CompiledModelCache":
        """Cache of compiled models for the next trainings of this process."""
        from dnn_cli.training.compiled_model import CompiledModelCache

        return CompiledModelCache()
