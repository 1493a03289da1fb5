"""Export of an ensemble as one Keras model, and the check of its outputs in plain Keras.

The model contains the exported model of each member and their mean. Each member scales its inputs itself, so that the
ensemble takes the pixels and numbers of the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.run_context import RunContext
from dnn_cli.errors import RunError
from dnn_cli.export.export import build_exported_model, select_comparison_inputs
from dnn_cli.export.export_formats import EXPORT_FORMATS
from dnn_cli.formats.dataset_contents import ReadProgress, ignore_progress
from dnn_cli.metrics.averaged_predictions import averages_logits_as_probabilities, to_averaged_quantities
from dnn_cli.runs.record import Record
from dnn_cli.training.inference import compute_outputs, load_trained_model

_MEAN_TOLERANCE = 1e-6
"""Largest difference between the ensemble and the mean of its members, relative to the largest output or to 1."""

_RUN_TOLERANCE = 1e-4
"""Largest difference between the ensemble and the mean of the runs' own networks, which scale inputs outside of the
model: that of `dnn export`."""


class ExportedMember(NamedTuple):
    """Run in an exported ensemble: its weights file, its record, its experiment and input profile."""

    weights: Path
    record: Record
    run_context: RunContext


@dataclass(frozen=True)
class EnsembleCheck:
    """Comparison of the outputs of an exported ensemble with the mean of its members."""

    runtime: str
    """Name and version of the package that ran the exported model, such as `keras 3.10.0`."""

    examples: int
    source: str
    """Description of the examples for users, such as `1,000 validation examples`."""

    difference: float
    """Largest absolute difference from the mean of the members, each exported alone."""

    difference_of_runs: float
    """Largest absolute difference from the mean of the runs' own networks."""

    output: float
    """Largest absolute mean of the members, for comparison with the differences."""


def export_ensemble(
    members: Sequence[ExportedMember], path: Path, report_progress: ReadProgress = ignore_progress
) -> EnsembleCheck:
    """Write an ensemble as a `.keras` file, and check the outputs of the file.

    The outputs are the mean of the members' probabilities or numbers. Members whose loss takes logits get a softmax or
    sigmoid layer.

    Args:
        members: The members, whose inputs and outputs are those of the same data.
        path: The path of the file, which must not exist.
        report_progress: The function that receives the stages of the export.

    Raises:
        RunError: a file has no weights of its network, or the outputs differ from the mean of the members.
    """
    keras_format, first = EXPORT_FORMATS["keras"], members[0]
    report_progress("reading examples for the comparison")
    inputs, source = select_comparison_inputs(first.record, first.run_context, report_progress)
    shape = first.run_context.experiment.data.input_shape
    raw = inputs.reshape(-1, *shape).astype(np.float32)
    # The runtime also computes on the CPU.
    with tf.device("/CPU:0"):
        of_runs = []
        for number, member in enumerate(members, 1):
            report_progress(f"computing outputs of member {number} of {len(members)}")
            of_runs.append(_compute_run_outputs(member, inputs))
        report_progress("writing the ensemble")
        model, single = _build_ensemble(members, shape)
        of_members = [np.asarray(part.predict(raw, verbose=0), np.float64) for part in single]
        model.save(path)
        report_progress(f"comparing outputs in {keras_format.runtime_version}")
        outputs = keras_format.compute(path, raw)
    reference, of_runs_mean = np.mean(of_members, axis=0), np.mean(of_runs, axis=0)
    output = float(np.abs(reference).max())
    check = EnsembleCheck(
        keras_format.runtime_version,
        len(inputs),
        source,
        _compute_difference(outputs, reference),
        _compute_difference(outputs, of_runs_mean),
        output,
    )
    for difference, tolerance in ((check.difference, _MEAN_TOLERANCE), (check.difference_of_runs, _RUN_TOLERANCE)):
        limit = tolerance * max(1.0, output)
        # The negated comparison is also true for nan.
        if not difference <= limit:
            raise RunError(
                f"outputs of the ensemble differ from the mean of its members by up to {difference:.2g} on {source}",
                f"export the members alone; rounding explains at most {limit:.2g}, and no model was written",
            )
    return check


def _build_ensemble(members: Sequence[ExportedMember], shape: tuple[int, ...]) -> tuple[keras.Model, list[keras.Model]]:
    """Build the model of an ensemble, and the models of its members with the same input and form of outputs.

    Args:
        members: The members.
        shape: The shape of an input of the ensemble. An input of a member has the same numbers, but can be flattened.
    """
    models = []
    for number, member in enumerate(members, 1):
        # Building a network resets Keras's counters of names, so that all models are built before they are joined.
        model = build_exported_model(member.weights, member.run_context)
        # Two runs of one experiment have equal names.
        model.name = f"member_{number}"
        models.append(model)
    inputs = keras.Input(shape, name="inputs")
    outputs = []
    for number, (member, model) in enumerate(zip(members, models, strict=True), 1):
        experiment, own_inputs = member.run_context.experiment, inputs
        if experiment.data.input_shape != shape:
            own_inputs = keras.layers.Reshape(experiment.data.input_shape, name=f"member_{number}_inputs")(inputs)
        output = model(own_inputs)
        if averages_logits_as_probabilities(experiment):
            activation = "sigmoid" if experiment.target_encoding == "binary" else "softmax"
            output = keras.layers.Activation(activation, name=f"member_{number}_probabilities")(output)
        outputs.append(output)
    single = [keras.Model(inputs, output) for output in outputs]
    mean = keras.layers.Average(name="mean")(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model(inputs, mean, name="ensemble"), single


def _compute_run_outputs(member: ExportedMember, inputs: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the outputs of the run's own network in the form of the ensemble's outputs, of shape (n, units).

    Args:
        member: The member.
        inputs: The unscaled inputs.
    """
    experiment, profile = member.run_context.experiment, member.run_context.input_profile
    network = load_trained_model(member.weights, experiment, profile.target_scaling)
    quantities = to_averaged_quantities(experiment, compute_outputs(network, experiment, profile.scale_inputs(inputs)))
    is_single_logit = averages_logits_as_probabilities(experiment) and experiment.target_encoding == "binary"
    return quantities[:, 1:] if is_single_logit else quantities


def _compute_difference(outputs: NDArray[np.float32], reference: NDArray[np.float64]) -> float:
    """Return the largest absolute difference between two arrays; nan if their shapes differ."""
    return float(np.abs(outputs - reference).max()) if outputs.shape == reference.shape else float("nan")
