"""Export of a saved model to another format, and the check of its outputs in the runtime of that format."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS, IdxDataset
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import find_free_name
from dnn_cli.data.dataset_sources import get_dataset_cache_directory
from dnn_cli.data.encoded_examples import load_encoded_examples
from dnn_cli.data.run_context import RunContext, check_same_data
from dnn_cli.errors import DnnError, RunError
from dnn_cli.export.comparison_rows import draw_comparison_rows
from dnn_cli.export.export_formats import ExportFormat
from dnn_cli.export.plain_layers import build_plain_model, select_inference_layers
from dnn_cli.export.temperature_layers import insert_temperature
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.metrics.temperature import apply_temperature
from dnn_cli.runs.input_profile import InputProfile
from dnn_cli.runs.record import Record
from dnn_cli.training.inference import compute_outputs, load_trained_model


def _build_serving_model(
    weights: Path, run_context: RunContext, *, scaling: bool, temperature: float | None = None
) -> keras.Model:
    """Build the model to export, without layers that have an effect only in training.

    Inputs are float32 of shape (batch, *input_shape). Outputs are float32 of shape (batch, units).

    Args:
        weights: The `.keras` file with the weights.
        run_context: The experiment and the input profile of the run.
        scaling: Whether the model contains the scaling of inputs. Otherwise, inputs must be scaled beforehand.
        temperature: The temperature that divides the logits; `None` without a temperature.

    Raises:
        RunError: the file holds no weights of this network, or the network has no place for a temperature.
    """
    experiment, shape = run_context.experiment, run_context.experiment.data.input_shape
    model = load_trained_model(weights, experiment, run_context.input_profile.target_scaling)
    stack = experiment.model.stack
    # With a RandomFlip layer, exporters would trace later layers, such as BatchNormalization, in training mode.
    inference_layers = select_inference_layers(stack, model.layers[: len(stack)])
    # The layer that returns to the units of the target is not part of the config.
    inference_layers += model.layers[len(stack) :]
    used_names = {layer.name for layer in inference_layers}
    if temperature is not None:
        logits = experiment.loss.takes_logits
        inference_layers = insert_temperature(inference_layers, temperature, used_names, logits=logits)
    input_layers = _build_scaling_layers(run_context, used_names) if scaling else []
    inputs = keras.Input(shape, name=find_free_name("inputs", used_names))
    return build_plain_model(inputs, [*input_layers, *inference_layers], model.name)


def _build_scaling_layers(run_context: RunContext, used_names: set[str]) -> list[keras.layers.Layer]:
    """Build layers that scale inputs as the data pipeline does. The list is empty if inputs stay unchanged.

    The mean is subtracted first. In the other order, inputs far from 0 would lose digits in float32.

    Args:
        run_context: The experiment and the input profile of the run.
        used_names: The names of the other layers, which the new layers must not have.
    """
    inputs, shape = run_context.input_profile, run_context.experiment.data.input_shape
    inverse = 1 / inputs.scale.astype(np.float64)
    scale: list[dict[str, Any]]
    if inputs.mean is None:
        scale = [] if (inverse == 1).all() else [{"scale": float(inverse)}]
    else:
        mean = inputs.mean.astype(np.float64)
        scale = [{"scale": 1.0, "offset": (-mean).reshape(shape)}, {"scale": inverse.reshape(shape)}]
    names = (find_free_name("centering", used_names), find_free_name("scaling", used_names))[2 - len(scale) :]
    return [keras.layers.Rescaling(**arguments, name=name) for arguments, name in zip(scale, names, strict=True)]


_MAX_COMPARED_EXAMPLES = 1000
"""Maximum number of examples on which the exported model is compared with the run's own model."""

_GENERATED_INPUTS = 256
"""Number of random inputs for the comparison, if the run's data is not available."""

_GENERATED_ROWS = 256
"""Number of random rows on which a model that takes the cells of a table is compared."""

_TOLERANCE = 1e-4
"""Maximum difference between the outputs of the exported model and of the run, relative to the largest output or to 1,
whichever is larger. Another order of additions makes a far smaller difference."""


@dataclass(frozen=True)
class ExportCheck:
    """Comparison of the outputs of an exported model with the outputs of the run's own model."""

    runtime: str
    """Name and version of the package that ran the exported model, such as `onnxruntime 1.22.0`."""

    examples: int
    source: str
    """Description of the examples for users, such as `1,000 validation examples`."""

    difference: float
    """Largest absolute difference between an output of the exported model and the same output of the run."""

    output: float
    """Largest absolute output of the run for these examples, for comparison with `difference`."""

    same_class: int | None
    """Number of examples for which both models predict the same class; `None` for a regression or a single output."""

    in_16_bits: float | None
    """Largest difference between outputs of the exported model and outputs that the run's model computes in 16 bits.
    `None` for a run that was trained in 32 bits."""

    rows: int | None = None
    """Number of random rows of a table on which a model that takes cells was compared; `None` for other models."""

    rows_difference: float | None = None
    """Largest absolute difference between outputs for these rows."""


def export_model(
    weights: Path,
    record: Record,
    run_context: RunContext,
    export_format: ExportFormat,
    path: Path,
    *,
    scaling: bool,
    temperature: float | None = None,
    report_progress: ReadProgress = ignore_progress,
) -> ExportCheck:
    """Write a model in another format, and check the outputs of the written model.

    The written model is loaded in the runtime of the format. Its outputs must equal those of the run up to rounding.

    Args:
        weights: The `.keras` file with the weights.
        record: The record of the run.
        run_context: The experiment and the input profile of the run.
        export_format: The format to write.
        path: The file or directory to write, which must not exist.
        scaling: Whether the exported model scales inputs.
        temperature: The temperature that divides the logits of the exported model; `None` without a temperature.
        report_progress: The function that receives the stages of the export.

    Raises:
        RunError: the format cannot hold the network, or the outputs differ from those of the run.
    """
    experiment, runtime = run_context.experiment, export_format.runtime_version
    report_progress("reading examples for the comparison")
    inputs, source = select_comparison_inputs(record, run_context, report_progress)
    scaled = run_context.input_profile.scale_inputs(inputs)
    model_inputs = inputs.reshape(len(inputs), -1).astype(np.float32) if scaling else scaled
    # All runtimes compute on the CPU.
    with tf.device("/CPU:0"):
        report_progress(f"writing {export_format.name}")
        target_scaling = run_context.input_profile.target_scaling
        model = load_trained_model(weights, experiment, target_scaling)

        def compute_reference(network: keras.Model, scaled_inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            return _apply_temperature(compute_outputs(network, experiment, scaled_inputs), experiment, temperature)

        reference = compute_reference(model, scaled)
        output, rows_comparison = float(np.abs(reference).max()), None
        try:
            _write_model(weights, run_context, export_format, path, scaling=scaling, temperature=temperature)
            report_progress(f"comparing outputs in {runtime}")
            outputs = export_format.compute(path, model_inputs.reshape(-1, *experiment.data.input_shape))
            if export_format.takes_cells(run_context.input_profile.encoding, scaling=scaling):
                rows_comparison = _compare_rows(model, run_context, export_format, path, temperature)
        except DnnError:
            raise
        except Exception as error:
            # Converters and runtimes raise exceptions of many classes.
            raise RunError(
                f"the network cannot be written as {export_format.name}: {_format_first_line(error)}"
            ) from error
        difference = _compute_largest_difference(outputs, reference)
        _check_difference(runtime, difference, output, source)
        if rows_comparison is not None:
            _check_difference(runtime, rows_comparison.difference, rows_comparison.output, "random rows of cells")
        in_16_bits = None
        if (precision := str(record.plan.get("precision", "float32"))) != "float32":
            narrow_model = load_trained_model(weights, experiment, target_scaling, precision=precision)
            in_16_bits = _compute_largest_difference(outputs, compute_reference(narrow_model, scaled))
    same_class = None
    if experiment.data.info.is_classification and reference.shape[1] > 1:
        same_class = int((outputs.argmax(-1) == reference.argmax(-1)).sum())
    check = ExportCheck(runtime, len(inputs), source, difference, output, same_class, in_16_bits)
    if rows_comparison is None:
        return check
    return replace(check, rows=rows_comparison.rows, rows_difference=rows_comparison.difference)


def _apply_temperature(
    outputs: NDArray[np.float32], experiment: Experiment, temperature: float | None
) -> NDArray[np.float32]:
    """Return outputs with a temperature; without a temperature, return the outputs."""
    if temperature is None:
        return outputs
    return apply_temperature(outputs, temperature, logits=experiment.loss.takes_logits)


def _check_difference(runtime: str, difference: float, output: float, source: str) -> None:
    """Check that outputs of an exported model differ from those of the run only by rounding.

    Args:
        runtime: The name and version of the package that ran the exported model.
        difference: The largest absolute difference.
        output: The largest absolute output of the run.
        source: A description of the examples for users.

    Raises:
        RunError: the difference is larger.
    """
    limit = _TOLERANCE * max(1.0, output)
    # The negated comparison is also true for nan.
    if not difference <= limit:
        raise RunError(
            f"in {runtime}, outputs differ from the run by up to {difference:.2g} on {source}",
            f"use another --format; rounding explains at most {limit:.2g}, and no model was written",
        )


def _write_model(
    weights: Path,
    run_context: RunContext,
    export_format: ExportFormat,
    path: Path,
    *,
    scaling: bool,
    temperature: float | None,
) -> None:
    """Write a model that takes the cells of a table if the format can, and else a model that takes inputs."""
    model = _build_serving_model(weights, run_context, scaling=scaling, temperature=temperature)
    encoding = run_context.input_profile.encoding
    if export_format.write_table_model is None or encoding is None or not scaling:
        export_format.write(model, path)
    else:
        export_format.write_table_model(model, encoding, run_context.experiment.data.missing_texts, path)


@dataclass(frozen=True)
class _RowsComparison:
    """Comparison of outputs for random rows of a table: their number, the largest difference and the largest output."""

    rows: int
    difference: float
    output: float


def _compare_rows(
    model: keras.Sequential,
    run_context: RunContext,
    export_format: ExportFormat,
    path: Path,
    temperature: float | None,
) -> _RowsComparison:
    """Compare the outputs of an exported model and of the run's own model for random rows of a table.

    Args:
        model: The run's own model, which takes scaled inputs.
        run_context: The experiment and the input profile of the run.
        export_format: The format of the exported model.
        path: The path of the exported model.
        temperature: The temperature of the exported model; `None` without a temperature.
    """
    experiment, profile = run_context.experiment, run_context.input_profile
    if export_format.compute_rows is None or profile.encoding is None:
        raise TypeError(f"{export_format.name} does not take the cells of a table")
    rows = draw_comparison_rows(profile, experiment.data.missing_texts, _GENERATED_ROWS)
    scaled = profile.scale_inputs(profile.encoding.encode(rows.values, rows.categories))
    reference = _apply_temperature(compute_outputs(model, experiment, scaled), experiment, temperature)
    difference = _compute_largest_difference(export_format.compute_rows(path, rows.cells), reference)
    return _RowsComparison(_GENERATED_ROWS, difference, float(np.abs(reference).max()))


def _compute_largest_difference(outputs: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the largest absolute difference between two arrays; nan if their shapes differ."""
    return float(np.abs(outputs - reference).max()) if outputs.shape == reference.shape else float("nan")


def _format_first_line(error: Exception) -> str:
    """Return the first line of an error's text, at most 300 characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def select_comparison_inputs(
    record: Record, run_context: RunContext, report_progress: ReadProgress
) -> tuple[NDArray[np.generic], str]:
    """Return inputs on which the exported model and the run's own model are compared, and a description for users.

    The inputs are those of validation or training examples if the data is available and unchanged. Otherwise they are
    generated from the statistics in the input profile.
    """
    data = run_context.experiment.data
    reason = "the data is not available"
    if _is_data_available(data):
        try:
            examples, split = load_encoded_examples(data, report_progress)
            check_same_data(record, examples)
        except DnnError as error:
            reason = error.message.splitlines()[0]
        else:
            indices, name = (split.validation, "validation") if len(split.validation) else (split.train, "training")
            inputs = examples.inputs[indices[:_MAX_COMPARED_EXAMPLES]]
            return inputs, f"{len(inputs):,} {name} examples"
    return _generate_inputs(
        run_context.input_profile
    ), f"{_GENERATED_INPUTS} random inputs with the statistics of inputs.npz ({reason})"


def _is_data_available(data: Data) -> bool:
    """Return whether data can be read without a download."""
    dataset = DATASETS.get(data.dataset)
    if data.path is not None:
        return os.path.exists(data.path)
    return get_dataset_cache_directory(dataset).is_dir() if isinstance(dataset, IdxDataset) else True


def _generate_inputs(input_profile: InputProfile) -> NDArray[np.float32]:
    """Generate inputs with the mean, deviation and range of the training inputs, float32 of shape (n, *input_shape).

    Equal profiles give equal inputs.
    """
    drawn = np.random.default_rng(0).normal(
        input_profile.average, input_profile.deviation, (_GENERATED_INPUTS, input_profile.input_size)
    )
    return (
        np.clip(drawn, input_profile.minimum, input_profile.maximum)
        .astype(np.float32)
        .reshape(-1, *input_profile.dataset_info.input_shape)
    )


def build_exported_model(weights: Path, run_context: RunContext) -> keras.Model:
    """Build the model that an export of one run contains: it scales its inputs, and has only layers for inference.

    Args:
        weights: The `.keras` file with the weights.
        run_context: The experiment and the input profile of the run.

    Raises:
        RunError: the file holds no weights of this network.
    """
    return _build_serving_model(weights, run_context, scaling=True)
