"""Preparation of a training, and a cache that a process keeps for its next trainings.

The data of a training is loaded while TensorFlow is imported in a background thread.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dnn_cli.config.custom_code import check_code_permission, list_custom_layers
from dnn_cli.config.data import SPLIT_KEYS, Data
from dnn_cli.data.encoded_examples import encode_examples
from dnn_cli.data.examples import Examples, Split, load_examples
from dnn_cli.data.input_statistics import build_input_profile
from dnn_cli.data.split_cache import load_split
from dnn_cli.errors import UsageError
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.host.resources import get_usable_memory

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.config.loading import LoadedExperiment
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.input_profile import InputProfile
    from dnn_cli.training.compiled_model import CompiledModelCache
    from dnn_cli.training.keras_callbacks import ProgressReporter
    from dnn_cli.training.training_job import TrainingJob

_logger = logging.getLogger(__name__)

_MAX_DATA_SECTIONS = 8
"""Maximum number of data sections whose examples a process keeps."""

_MAX_MEMORY_SHARE = 1 / 16
"""Maximum size of the inputs that a process keeps, as a share of the usable memory. Compiled models also hold the
inputs, and several workers share the memory."""


class PreparedTraining(NamedTuple):
    """Objects that a training needs: the training job, the progress reporter, and the cache of the process.

    `redirect_output` takes the path of a log file. The function redirects output of TensorFlow to this file.
    """

    job: "TrainingJob"
    progress_reporter: "ProgressReporter"
    redirect_output: Callable[[Path], None]
    cache: "ProcessCache"


@contextmanager
def prepare_training(
    loaded: "LoadedExperiment",
    reporter: "Reporter",
    epochs: int,
    cache: "ProcessCache | None" = None,
    *,
    trains: bool = True,
    lanes: int = 1,
) -> Iterator[PreparedTraining]:
    """Load the data of an experiment while TensorFlow starts, and yield the prepared training.

    The experiment and advice are reported as lines. Within the block, only `reporter` writes to the terminal.

    Args:
        loaded: The experiment, with advice about its config.
        reporter: The object that receives the lines of the training.
        epochs: The total number of epochs, for the reported lines and the progress display.
        cache: The cache of this process for its trainings; by default an empty cache.
        trains: Whether the block trains the experiment. A training needs a process with its setting of determinism.
        lanes: The number of lanes of the program that trains the experiment.

    Raises:
        DataError: the data cannot be read.
        DeterminismConflict: this process has trained with another setting of determinism.
        UsageError: the device does not exist, or cannot train the experiment deterministically. Or the experiment has
            custom layers that must not run, or that cannot be imported.
    """
    from dnn_cli.data.data_advice import list_data_advice
    from dnn_cli.data.data_remarks import list_data_remarks
    from dnn_cli.data.integer_inputs import check_integer_inputs, list_integer_remarks
    from dnn_cli.host.output_redirect import redirect_output
    from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background
    from dnn_cli.training.xla_cache import remove_working_directories

    check_code_permission(loaded.experiment, loaded.code_directory)
    cache = cache or ProcessCache()
    reporter.exit_callbacks.append(remove_working_directories)
    experiment = loaded.experiment
    for line in _format_experiment_lines(experiment, epochs):
        reporter.report_line(line, config=loaded.file)
    for issue in loaded.advice:
        reporter.report_line(f"advice: {issue}", config=loaded.file)
    with (
        reporter.open_progress(epochs, experiment.batch_size) as progress_reporter,
        redirect_output(hold_early=reporter.holds_early_output)
        if reporter.redirects_output
        else nullcontext(_ignore_log) as redirect_to,
        import_tensorflow_in_background() as wait_for_tensorflow,
    ):
        progress_reporter(f"loading {experiment.data.title}")
        examples, split = cache.load_examples(experiment.data, progress_reporter)
        check_integer_inputs(experiment, examples.inputs, experiment.data.title, is_trained=not trains)
        for remark in [*list_integer_remarks(experiment, examples), *list_data_remarks(experiment.data, examples)]:
            reporter.report_line(f"data: {remark}", config=loaded.file)
        for advice in list_data_advice(experiment, examples, split):
            reporter.report_line(f"advice: {advice}", config=loaded.file)
        if trains:
            # The record of the run needs the digest. It is computed without Python's lock, so the import continues.
            examples.compute_fingerprint()
        progress_reporter("starting TensorFlow")
        _logger.debug("waiting for the import of TensorFlow")
        wait_for_tensorflow()

        from dnn_cli.training.determinism import set_determinism, set_initial_determinism
        from dnn_cli.training.training_job import prepare_job

        job = prepare_job(experiment, examples, split, lanes)
        if trains:
            set_determinism(experiment, job.plan)
        else:
            set_initial_determinism(job.plan)
        import_layers_of_user(experiment, loaded.code_directory, reporter, trains=trains)
        yield PreparedTraining(job, progress_reporter, redirect_to, cache)


def import_layers_of_user(
    experiment: "Experiment", code_directory: str | None, reporter: "Reporter", *, trains: bool = False
) -> None:
    """Import the custom layers of an experiment, and report changes of their source files.

    Args:
        experiment: The experiment.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        reporter: The object that receives a warning for each source file that has changed since the training.
        trains: Whether the experiment is trained. A changed source file is then an error.

    Raises:
        UsageError: a layer cannot be imported. Or, for a training, its source has changed since the config was loaded,
            or it does not fit into the network.
    """
    if not list_custom_layers(experiment):
        return
    from dnn_cli.training.custom_layers import count_custom_parameters, import_custom_layers

    changes = import_custom_layers(experiment, code_directory)
    if changes and trains:
        raise UsageError(changes[0], "start the command again")
    for line in changes:
        reporter.report_line(f"warning: {line}")
    if trains:
        count_custom_parameters(experiment)


def _ignore_log(_: Path) -> None:
    """Ignore the log of a run. The output of TensorFlow then goes to the log of the worker."""


def _format_experiment_lines(experiment: "Experiment", epochs: int) -> list[str]:
    """Format the network, the settings of the training and the data of an experiment, one line each."""
    from dnn_cli.config.network_summary import format_layer_flow, summarize_network
    from dnn_cli.config.value_texts import format_config_value
    from dnn_cli.report.text import format_count

    config = experiment.model_dump(mode="json")
    total = summarize_network(experiment).total
    size = "" if total is None else f", {format_count(total, 'parameter')}"
    return [
        f"{experiment.name}: {format_layer_flow(experiment)}{size}",
        f"  {format_config_value(config['optimizer'])}, {format_config_value(config['loss'])}, "
        f"batch size {experiment.batch_size}, "
        f"{format_count(epochs, 'epoch')}, seed {experiment.seed}",
        f"  {_format_data_line(experiment)}",
    ]


def _format_data_line(experiment: "Experiment") -> str:
    """Format the data of an experiment in one line."""
    from dnn_cli.config.datasets import USER_DATA_KINDS
    from dnn_cli.config.input_descriptions import describe_inputs
    from dnn_cli.config.layer_stack import format_sizes
    from dnn_cli.report.text import format_count

    data, dataset_info = experiment.data, describe_inputs(experiment)
    about = "" if data.has_exact_counts else "about "
    parts = [
        f"{about}{format_count(data.training_examples, dataset_info.example_noun)} for training",
        f"{data.validation_examples:,} for validation",
    ]
    if data.reporting_half:
        parts.append(f"{data.reporting_examples:,} for reporting")
    if data.split_off_test_examples or (data.dataset in USER_DATA_KINDS and data.test_examples):
        parts.append(f"{data.test_examples:,} for testing")
    shape = format_sizes(data.input_shape) if data.flatten else dataset_info.sizes_text
    if dataset_info.columns:
        inputs = format_count(data.input_shape[0], "input")
        shape = f"{format_count(len(dataset_info.columns), 'column')} as {inputs}"
        shape += ", numbers standardized" if data.standardize else ""
    target_text = (
        f"{len(dataset_info.classes)} classes"
        if dataset_info.classes
        else f"{format_count(dataset_info.targets, 'number')} to predict"
    )
    if experiment.target_encoding == "binary":
        target_text += f", positive class {dataset_info.classes[1]}"
    fold_text = f"fold {data.used_fold} of {data.folds}, " if data.folds else ""
    return f"{data.title}: {fold_text}{', '.join(parts)}, {shape}, {target_text}"


@dataclass
class _LoadedData:
    """Examples of a data section with their split, and their input profile after its first use."""

    data: Data
    examples: Examples
    split: Split
    raw_examples: Examples
    """Examples before the encoding of typed columns, which other splits share. Equal to `examples` for other data."""

    input_profile: "InputProfile | None" = None


class ProcessCache:
    """Cache of examples and compiled models, for a process that trains one experiment after another.

    Trainings that alternate between datasets or splits then load and compile once. Data sections that differ only in
    the split share their examples.
    """

    def __init__(self) -> None:
        self.loaded: list[_LoadedData] = []
        """Loaded data, the latest use last."""

    def load_examples(self, data: Data, report_progress: ReadProgress = ignore_progress) -> tuple[Examples, Split]:
        """Return the examples of a config's data section and their split, from the cache if possible.

        Raises:
            DataError: the data cannot be read.
        """
        loaded = self.find_loaded_data(data)
        if loaded is not None:
            _logger.info("data reused: %s", data.title)
        else:
            start_time = time.monotonic()
            _logger.debug("loading data: %s", data.title)
            examples = self.find_shared_examples(data)
            if examples is None:
                self.remove_old_data(data)
                examples = load_examples(data, report_progress)
            split = load_split(data, examples)
            loaded = _LoadedData(data, encode_examples(data, examples, split), split, examples)
            _logger.info(
                "data loaded: %s, %d examples, %.2f s",
                data.title, data.info.examples, time.monotonic() - start_time,
            )  # fmt: skip
        self.store_loaded_data(loaded)
        return loaded.examples, loaded.split

    def set_examples(self, data: Data, examples: Examples, split: Split) -> None:
        """Cache examples that another process has loaded. Typed columns of a table are not encoded yet.

        If examples of the same data are cached already, these stay in the cache, because compiled models hold these
        examples.
        """
        if self.find_loaded_data(data) is None:
            shared_examples = self.find_shared_examples(data)
            if shared_examples is None:
                self.remove_old_data(data)
            raw_examples = shared_examples or examples
            self.store_loaded_data(_LoadedData(data, encode_examples(data, raw_examples, split), split, raw_examples))

    def build_input_profile(self, job: "TrainingJob") -> "InputProfile":
        """Build the input profile of a training, once for all trainings with the same data section.

        The examples of the training must come from this cache.
        """
        (loaded,) = [loaded for loaded in self.loaded if loaded.split is job.split]
        if loaded.input_profile is None:
            loaded.input_profile = build_input_profile(
                job.experiment.data.info, job.examples, job.split, job.preprocessing
            )
        return loaded.input_profile

    def find_loaded_data(self, data: Data) -> _LoadedData | None:
        """Find the loaded data of a data section; `None` if the data must be loaded."""
        return next((loaded for loaded in self.loaded if loaded.data == data), None)

    def find_shared_examples(self, data: Data) -> Examples | None:
        """Find the examples of a data section in a section that differs only in the split or the scaling."""
        unsplit = _remove_split_keys(data)
        return next((loaded.raw_examples for loaded in self.loaded if _remove_split_keys(loaded.data) == unsplit), None)

    def store_loaded_data(self, loaded: _LoadedData) -> None:
        """Store loaded data as the data of the latest use, and remove the data of the earliest use beyond the limit."""
        self.loaded = [*(other for other in self.loaded if other is not loaded), loaded][-_MAX_DATA_SECTIONS:]

    def remove_old_data(self, data: Data) -> None:
        """Remove loaded data, the earliest use first, until the examples of a data section also fit into memory."""
        limit = _MAX_MEMORY_SHARE * get_usable_memory() - _estimate_input_bytes(data)
        while self.loaded and self.compute_input_bytes() > limit:
            del self.loaded[0]

    def compute_input_bytes(self) -> int:
        """Return the size of the inputs of all loaded data, in bytes."""
        inputs_by_id = {id(loaded.examples): loaded.examples.inputs for loaded in self.loaded}
        return sum(inputs.nbytes for inputs in inputs_by_id.values())

    @cached_property
    def compiled_models(self) -> "CompiledModelCache":
        """Cache of compiled models for the next trainings of this process."""
        from dnn_cli.training.compiled_model import CompiledModelCache

        return CompiledModelCache()


def _remove_split_keys(data: Data) -> Data:
    """Return a data section without the keys that change only the split or the scaling."""
    return data.model_copy(update=dict.fromkeys(SPLIT_KEYS))


def _estimate_input_bytes(data: Data) -> int:
    """Return the size of the inputs of a data section in bytes."""
    return data.info.examples * math.prod(data.info.input_shape) * data.info.value_bytes
