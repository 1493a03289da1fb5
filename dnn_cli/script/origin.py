"""Origin of a script: the run whose weights it repeats, or the training that this machine would start."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from dnn_cli.config.experiment import Experiment
from dnn_cli.host.gpus import list_training_gpus
from dnn_cli.host.resources import format_processor
from dnn_cli.runs.record import Record
from dnn_cli.script.training_settings import TrainingSettings, choose_settings, read_settings

_PACKAGES = {"tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy", "scikit-learn": "scikit-learn"}
"""Packages that influence the weights, with their names in texts."""

_ENDINGS = {"running": "is still running", "interrupted": "was interrupted", "diverged": "diverged", "failed": "failed"}
"""Verbs that say how the training of a run ended, by its status."""


@dataclass(frozen=True)
class TrainingOrigin:
    """Run or config whose training a script repeats."""

    title: str
    """Run or command in a sentence, such as `run b3727800`."""

    settings: TrainingSettings
    environment: str
    """Versions of packages and processor with which the weights are equal."""

    differences: tuple[str, ...] = ()
    """Sentences about what happened in the training of the run and is not repeated by a script."""


def describe_config_origin(experiment: Experiment) -> TrainingOrigin:
    """Return the origin of a script for a config: the training that `dnn train` would start on this machine."""
    uses_gpu = experiment.device == "gpu" or (experiment.device == "auto" and bool(list_training_gpus()))
    versions = {package: version(package) for package in _PACKAGES}
    processor = "the GPU of this machine" if uses_gpu else format_processor()
    settings = choose_settings(experiment, gpu=uses_gpu)
    return TrainingOrigin("dnn train", settings, f"{_format_versions(versions)} on {processor}")


def describe_run_origin(record: Record, experiment: Experiment) -> TrainingOrigin:
    """Return the origin of a script for a run: its settings, and the environment of its training.

    Args:
        record: The record of the run.
        experiment: The experiment of the run.
    """
    settings, platform = read_settings(record), record.platform
    processor = str(platform.get("processor") or "the processor of the run")
    if settings.is_gpu:
        processor = str(platform.get("device") or "the GPU of the run")
    elif threads := platform.get("threads", platform.get("cores")):
        processor = f"{threads} core{'s' * (threads != 1)} of {processor}"
    environment = f"{_format_versions(record.versions)} on {processor}"
    return TrainingOrigin(f"run {record.id}", settings, environment, tuple(_iter_differences(record, experiment)))


def _format_versions(versions: Mapping[str, str]) -> str:
    """Return the versions of the packages that influence the weights as text."""
    *first, last = [f"{title} {versions[name]}" for name, title in _PACKAGES.items() if name in versions] or [
        "the packages of the run"
    ]
    return f"{', '.join(first)} and {last}" if first else last


def _iter_differences(record: Record, experiment: Experiment) -> Iterator[str]:
    """Yield sentences about events of a training that a script does not repeat."""
    if record.status != "completed":
        epochs = f"{record.epochs} of {experiment.epochs} epochs"
        yield f"The run {_ENDINGS[record.status]} after {epochs}. This program trains all epochs."
    if "jit" not in record.plan:
        yield "The run does not record whether XLA compiled its training steps. This program does not use XLA."
    if any(resume.forced for resume in record.resumed):
        yield "The run was resumed after a change of its config, data or programs, which this program does not repeat."
    # The engine itself sets XLA_FLAGS for a GPU.
    ignored = ("XLA_FLAGS",) if read_settings(record).is_gpu else ()
    flags = ", ".join(f"{name}={value}" for name, value in record.flags.items() if name not in ignored)
    if flags:
        yield f"The run had environment variables that this program does not set: {flags}."
