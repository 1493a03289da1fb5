"""Export of a saved model to another format, and the check of its outputs in the runtime of that format."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.augmentation import AugmentationLayer
from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, IdxDataset
from dnn_cli.config.layers import Dropout, GaussianNoise
from dnn_cli.data.dataset_sources import get_dataset_cache_directory
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.run_context import RunContext, check_same_data
from dnn_cli.errors import DnnError, RunError
from dnn_cli.export.export_formats import EXPORT_FORMATS
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.runs.input_profile import InputProfile
from dnn_cli.runs.record import Record
from dnn_cli.training.inference import compute_outputs, load_trained_model

_TRAINING_ONLY_LAYERS = (AugmentationLayer, Dropout, GaussianNoise)
"""Layers that let everything through but in training. Left in, RandomFlip makes exporters trace the layers behind it
as in training, BatchNormalization among them."""


def _build_serving_model(weights: Path, run_context: RunContext, *, scaling: bool) -> keras.Sequential:
    """Inputs of (batch, *input_shape), float32 → outputs of (batch, units), float32.

    Args:
        weights: The `.keras` file with the weights.
        run_context: What they were trained on.
        scaling: Whether it scales inputs itself, or takes them scaled.

    Raises:
        RunError: the weights are not those of this network.
    """
    experiment, shape = run_context.experiment, run_context.experiment.data.input_shape
    model = load_trained_model(weights, experiment)
    inference_layers = [
        layer
        for part, layer in zip(experiment.model.stack, model.layers, strict=True)
        if not isinstance(part, _TRAINING_ONLY_LAYERS)
    ]
    used_names = {layer.name for layer in inference_layers}
    input_layers = _build_scaling_layers(run_context, used_names) if scaling else []
    return keras.Sequential(
        [keras.Input(shape, name=_find_free_name("inputs", used_names)), *input_layers, *inference_layers],
        name=model.name,
    )


def _build_scaling_layers(run_context: RunContext, used_names: set[str]) -> list[keras.layers.Layer]:
    """What the data pipeline does to inputs, as layers; none where it does nothing.

    The mean is taken off first, as far from it a float32 has no digits left for what a deviation is.
    """
    inputs, shape = run_context.input_profile, run_context.experiment.data.input_shape
    inverse = 1 / inputs.scale.astype(np.float64)
    scale: list[dict[str, Any]]
    if inputs.mean is None:
        scale = [] if (inverse == 1).all() else [{"scale": float(inverse)}]
    else:
        mean = inputs.mean.astype(np.float64)
        scale = [{"scale": 1.0, "offset": (-mean).reshape(shape)}, {"scale": inverse.reshape(shape)}]
    names = (_find_free_name("centering", used_names), _find_free_name("scaling", used_names))[2 - len(scale) :]
    return [keras.layers.Rescaling(**arguments, name=name) for arguments, name in zip(scale, names, strict=True)]


def _find_free_name(name: str, used_names: set[str]) -> str:
    """A name that no layer has."""
    while name in used_names:
        name += "_"
    return name


_MAX_COMPARED_EXAMPLES = 1000
"""Examples that are compared."""

_GENERATED_INPUTS = 256
"""Inputs that are made up where there is no data."""

_TOLERANCE = 1e-4
"""How far outputs may be apart, as a share of the largest output, or of 1: other orders of additions stay far below."""


@dataclass(frozen=True)
class ExportCheck:
    """Comparison of the outputs of an exported network with those of the run."""

    runtime: str
    """With its version."""

    examples: int
    source: str
    """Which examples these are, in words."""

    difference: float
    """The largest between an output of the exported network and one of the run's."""

    output: float
    """The largest output of the run there, to hold the difference against."""

    same_class: int | None
    """Examples with the same class from both; `None` in a regression."""

    in_16_bits: float | None
    """The largest difference to what the run computes in 16 bits; `None` where it was trained in 32."""


def export_model(
    weights: Path,
    record: Record,
    run_context: RunContext,
    format_name: str,
    path: Path,
    *,
    scaling: bool,
    report_progress: ReadProgress = ignore_progress,
) -> ExportCheck:
    """Write a network, load it in the runtime of its format, and compare its predictions with those of the run.

    Args:
        weights: The `.keras` file with the weights.
        record: The record of the run.
        run_context: The experiment and the input profile of the run.
        format_name: A key of `EXPORT_FORMATS`.
        path: The path to write to, at which nothing exists.
        scaling: Whether the exported network scales inputs itself.
        report_progress: Receives the stages of the export.

    Raises:
        RunError: the format cannot hold the network, or its predictions differ from those of the run.
    """
    export_format, experiment = EXPORT_FORMATS[format_name], run_context.experiment
    report_progress("reading examples to compare")
    inputs, source = _select_comparison_inputs(record, run_context, report_progress)
    scaled = run_context.input_profile.scale_inputs(inputs)
    model_inputs = inputs.reshape(len(inputs), -1).astype(np.float32) if scaling else scaled
    with tf.device("/CPU:0"):  # where all runtimes compute
        report_progress(f"writing {format_name}")
        reference = compute_outputs(load_trained_model(weights, experiment), experiment, scaled)
        try:
            export_format.write(_build_serving_model(weights, run_context, scaling=scaling), path)
            report_progress(f"comparing in {export_format.version}")
            outputs = export_format.compute(path, model_inputs.reshape(-1, *experiment.data.input_shape))
        except DnnError:
            raise
        except Exception as error:  # converters and runtimes raise what they like
            raise RunError(f"{format_name} cannot hold this network: {_format_first_line(error)}") from error
        difference = _compute_largest_difference(outputs, reference)
        output = float(np.abs(reference).max())
        limit = _TOLERANCE * max(1.0, output)
        if not difference <= limit:  # which nan is not, either
            raise RunError(
                f"in {export_format.version} the network predicts otherwise, by up to {difference:.2g} on {source}",
                f"{limit:.2g} is the most that rounding explains; nothing was written",
            )
        in_16_bits = None
        if (precision := str(record.plan.get("precision", "float32"))) != "float32":
            narrow_model = load_trained_model(weights, experiment, precision=precision)
            in_16_bits = _compute_largest_difference(outputs, compute_outputs(narrow_model, experiment, scaled))
    same_class = None
    if experiment.data.info.is_classification and reference.shape[1] > 1:
        same_class = int((outputs.argmax(-1) == reference.argmax(-1)).sum())
    return ExportCheck(export_format.version, len(inputs), source, difference, output, same_class, in_16_bits)


def _compute_largest_difference(outputs: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The largest difference; nan where the shapes are others."""
    return float(np.abs(outputs - reference).max()) if outputs.shape == reference.shape else float("nan")


def _format_first_line(error: Exception) -> str:
    """What an error says, in one line that is not too long."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def _select_comparison_inputs(
    record: Record, run_context: RunContext, report_progress: ReadProgress
) -> tuple[NDArray[np.generic], str]:
    """Validation examples where the data is at hand, else inputs that are made from the run's statistics."""
    data = run_context.experiment.data
    reason = "the data is not at hand"
    if _is_data_available(data):
        try:
            examples = load_examples(data, report_progress)
            check_same_data(record, examples)
        except DnnError as error:
            reason = error.message.splitlines()[0]
        else:
            split = split_examples(data, examples)
            indices, name = (split.validation, "validation") if len(split.validation) else (split.train, "training")
            inputs = examples.inputs[indices[:_MAX_COMPARED_EXAMPLES]]
            return inputs, f"{len(inputs):,} {name} examples"
    return _generate_inputs(
        run_context.input_profile
    ), f"{_GENERATED_INPUTS} inputs made from the statistics in inputs.npz ({reason})"


def _is_data_available(data: Data) -> bool:
    """Whether data can be read without fetching it from anywhere."""
    dataset = DATASETS.get(data.dataset)
    if data.path is not None:
        return os.path.exists(data.path)
    return get_dataset_cache_directory(dataset).is_dir() if isinstance(dataset, IdxDataset) else True


def _generate_inputs(input_profile: InputProfile) -> NDArray[np.float32]:
    """Inputs as far apart as those of the training, float32 of (n, *input_shape); the same every time."""
    drawn = np.random.default_rng(0).normal(
        input_profile.average, input_profile.deviation, (_GENERATED_INPUTS, input_profile.input_size)
    )
    return (
        np.clip(drawn, input_profile.minimum, input_profile.maximum)
        .astype(np.float32)
        .reshape(-1, *input_profile.dataset_info.input_shape)
    )
