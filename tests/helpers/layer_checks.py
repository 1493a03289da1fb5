"""Checks of layers in small trained networks: the engine against plain `fit`, resumption, and exports.

The checks run in the process of the caller. A network has the checked layers and an output layer of three classes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.base import Shape
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import BaseLayer
from dnn_cli.config.layer_stack import compute_stages
from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.data.run_context import load_run_context
from dnn_cli.errors import DnnError
from dnn_cli.export.export import export_model
from dnn_cli.export.export_formats import ExportFormat
from dnn_cli.export.obstacles import check_export_support
from dnn_cli.runs.run import Run
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.inference import load_trained_model
from dnn_cli.training.training_job import TrainingJob, prepare_job
from tests.helpers.kill_campaign import assert_same_run
from tests.helpers.resumed_trainings import checkpoint_every_call, resume_run, train_with_copies
from tests.helpers.validation_scores import compute_validation_scores

_CLASSES = 3
_EXAMPLES = 96
_BATCH_SIZE = 18
_STEPS = 2
"""Batches in one call of the engine. An epoch has two calls."""

_EPOCHS = 2
_INTERRUPTED_AT = 6
"""Number of the stop request at which a training is interrupted: after the first call of the second epoch."""

_INTEGERS = 5
"""Number of different whole numbers in the inputs of a layer that takes whole numbers."""


def build_layer_experiment(
    layers: Sequence[BaseLayer], shape: Shape, directory: Path, *, jit: bool = False
) -> Experiment:
    """Build an experiment on random examples whose network has these layers, and write its data in a directory."""
    generator = np.random.default_rng(0)
    if layers[0].takes_integers:
        inputs = generator.integers(0, _INTEGERS, (_EXAMPLES, *shape)).astype(np.int32)
    else:
        inputs = generator.normal(0, 1, (_EXAMPLES, *shape)).astype(np.float32)
    targets = np.arange(_EXAMPLES) % _CLASSES
    # A constant for each class lets the loss fall, so that weights change in each step.
    inputs += targets.reshape(-1, *(1 for _ in shape)).astype(inputs.dtype)
    directory.mkdir(parents=True, exist_ok=True)
    np.savez(directory / "data.npz", x_train=inputs, y_train=targets)
    output_shape = compute_stages(layers, shape)[-1].output_shape
    config = {
        "name": layers[0].type,
        "data": {"dataset": "npz", "path": str(directory / "data.npz"), "validation_size": 0.25},
        "model": {
            "layers": [
                *(layer.model_dump(mode="json") for layer in layers),
                *([{"type": "Flatten"}] if len(output_shape) != 1 else []),
                {"type": "Dense", "units": _CLASSES, "activation": "softmax"},
            ]
        },
        "batch_size": _BATCH_SIZE,
        "epochs": _EPOCHS,
        "jit": jit,
        "diagnostics": False,
    }
    path = directory / "layer.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return load_experiment(str(path)).experiment


def train_and_resume(experiment: Experiment, directory: Path) -> tuple[Run, str]:
    """Train an experiment, and resume a copy of its run that was interrupted in the second epoch.

    Returns:
        The completed run, and the first difference of the resumed run, or an empty text.
    """
    with checkpoint_every_call(max_steps=_STEPS):
        run, _, (copy,) = train_with_copies(experiment, directory, moments=(_INTERRUPTED_AT,))
        resume_run(copy, experiment)
    try:
        assert_same_run(run, copy)
    except AssertionError as error:
        return run, (str(error).splitlines() or ["differs"])[0]
    return run, ""


def compare_engines(experiment: Experiment, run: Run | None = None) -> str:
    """Compare the weights of the chunked engine with those of plain `fit`, each validated after every epoch.

    Validation is part of the comparison, because some layers of Keras draw random numbers in evaluation too.

    Args:
        experiment: The experiment.
        run: A completed run of the experiment, trained by the chunked engine. Without it, the engine trains a model.

    Returns:
        The difference, or an empty text for equal bits.
    """
    examples = load_examples(experiment.data)
    job = prepare_job(experiment, examples, split_examples(experiment.data, examples))
    theirs = _train_weights(job, replace(job.plan, engine="keras", steps=1))
    if run is None:
        ours = _train_weights(job, replace(job.plan, steps=_STEPS))
    else:
        ours = load_trained_model(run.model, experiment, None).get_weights()
    if all(left.tobytes() == right.tobytes() for left, right in zip(ours, theirs, strict=True)):
        return ""
    largest = max(np.nanmax(np.abs(left - right), initial=0) for left, right in zip(ours, theirs, strict=True))
    return f"differs by up to {largest:.1e}"


def _train_weights(job: TrainingJob, plan: ExecutionPlan) -> list[NDArray[np.float32]]:
    """Train a model by a plan, validate the model after each epoch, and return its weights."""
    contender = Contender(job, plan)
    for number in range(job.experiment.epochs):
        contender.run_epoch(number)
        compute_validation_scores(contender)
    return contender.get_weights()


@dataclass(frozen=True)
class ExportResult:
    """Result of an export: the largest difference of outputs, the error, and whether the export was refused."""

    difference: float | None = None
    error: str = ""
    is_refused: bool = False


def try_export(run: Run, export_format: ExportFormat, directory: Path, *, check_obstacles: bool = True) -> ExportResult:
    """Export a run and compare the outputs. A refusal or an error is part of the result.

    Args:
        run: The completed run.
        export_format: The format.
        directory: The directory of the exported model.
        check_obstacles: Whether layers with an obstacle for the format are refused, as `dnn export` refuses them.
    """
    record = run.read_record()
    run_context = load_run_context(run, record)
    try:
        if check_obstacles:
            check_export_support(run_context.experiment, export_format.name)
    except DnnError as error:
        return ExportResult(error=error.message, is_refused=True)
    path = directory / f"model{export_format.suffix}"
    try:
        checked = export_model(run.model, record, run_context, export_format, path, scaling=True)
    except DnnError as error:
        return ExportResult(error=error.message)
    return ExportResult(checked.difference)
