"""Use of saved models: loading their weights, predicting outputs, and evaluating a split or examples."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.encoded_examples import select_test_examples
from dnn_cli.data.examples import Examples
from dnn_cli.data.integer_inputs import check_integer_inputs
from dnn_cli.data.pipeline import Pipeline, count_batches
from dnn_cli.data.preprocessing import Preprocessing
from dnn_cli.data.run_context import RunContext
from dnn_cli.errors import RunError
from dnn_cli.metrics.evaluation_result import EvaluationResult
from dnn_cli.runs.target_scaling import TargetScaling
from dnn_cli.training.determinism import set_initial_determinism
from dnn_cli.training.device import prepare_device
from dnn_cli.training.execution_plan import ExecutionPlan, choose_plan
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.training_job import TrainingJob


def predict_outputs(weights: Path, run_context: RunContext, inputs: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the outputs of a saved model, float32 of shape (n, units).

    Args:
        weights: The `.keras` file with the weights.
        run_context: The experiment and the input profile of the run.
        inputs: The unscaled inputs, of shape (n, *input_shape), with values as in the training data.

    Raises:
        RunError: the file holds no weights of this network.
    """
    # A run that was trained on a GPU can predict without a GPU.
    experiment = run_context.experiment.model_copy(update={"device": "auto"})
    device = prepare_device(experiment)
    plan = choose_plan(experiment, len(inputs), gpu=device.is_gpu)
    set_initial_determinism(plan)
    with tf.device(device.tensorflow_name):
        scaling = run_context.input_profile.target_scaling
        model = load_trained_model(weights, experiment, scaling, precision=plan.precision)
        return compute_outputs(model, experiment, run_context.input_profile.scale_inputs(inputs))


_HeldOutSplit = Literal["test", "validation"]


def evaluate_split(job: TrainingJob, weights: Path, split: _HeldOutSplit) -> EvaluationResult:
    """Return the scores and outputs of a saved model on a split of its data, with inputs scaled as in the training.

    Args:
        job: The training job of the run, with its examples and their split.
        weights: The `.keras` file with the weights.
        split: The split, `test` or `validation`.

    Raises:
        DataError: the data has no test examples, or they cannot be read.
        RunError: the run has no validation examples, or the file holds no weights of this network.
    """
    plan, device = job.plan, job.device.tensorflow_name
    examples = _select_split_examples(job, split)
    result = _compute_scores(weights, job.experiment, examples, job.preprocessing, plan, device)
    return replace(result, digest=examples.compute_evaluation_digest()) if split == "test" else result


def evaluate_examples(
    weights: Path, run_context: RunContext, examples: Examples, training_examples: int
) -> EvaluationResult:
    """Return the scores and outputs of a saved model on examples, with inputs scaled as in the training.

    Args:
        weights: The `.keras` file with the weights.
        run_context: The experiment and the input profile of the run.
        examples: The unscaled inputs, with values as in the training data, and their targets.
        training_examples: The number of training examples of the run, which determines the execution plan.

    Raises:
        RunError: the file holds no weights of this network.
    """
    # A run that was trained on a GPU can be evaluated without a GPU.
    experiment = run_context.experiment.model_copy(update={"device": "auto"})
    device = prepare_device(experiment)
    plan = choose_plan(experiment, training_examples, gpu=device.is_gpu)
    set_initial_determinism(plan)
    profile = run_context.input_profile
    preprocessing = Preprocessing(profile.scale, profile.mean, target_scaling=profile.target_scaling)
    return _compute_scores(weights, experiment, examples, preprocessing, plan, device.tensorflow_name)


def _compute_scores(
    weights: Path,
    experiment: Experiment,
    examples: Examples,
    preprocessing: Preprocessing,
    plan: ExecutionPlan,
    device: str,
) -> EvaluationResult:
    """Return the scores and outputs of a model on examples."""
    with tf.device(device):
        scaling = preprocessing.target_scaling
        model = load_trained_model(weights, experiment, scaling, jit=plan.jit, precision=plan.precision)
        pipeline = Pipeline(examples, experiment, preprocessing)
        batches = pipeline.build_batches(pipeline.build_fixed_order(np.arange(len(examples))))
        steps = count_batches(len(examples), experiment.batch_size)
        scores = model.evaluate(batches, steps=steps, verbose=0, return_dict=True)
        outputs = model.predict(batches, steps=steps, verbose=0)
    score_values = {name: float(value) for name, value in scores.items()}
    return EvaluationResult(score_values, np.asarray(outputs, np.float32), examples.targets, examples.weights, scaling)


def _select_split_examples(job: TrainingJob, split: _HeldOutSplit) -> Examples:
    """Return the examples of a split."""
    if split == "test":
        examples = select_test_examples(job.experiment.data, job.examples, job.split)
        title = f"{job.experiment.data.title}, test set"
        check_integer_inputs(job.experiment, examples.inputs, title, is_trained=True)
        return examples
    if not len(job.split.validation):
        raise RunError("the run has no validation examples", "use --split test")
    return job.examples[job.split.validation]


_PREDICTION_BATCH_SIZE = 256


def load_trained_model(
    weights: Path,
    experiment: Experiment,
    target_scaling: TargetScaling | None,
    *,
    jit: bool = False,
    precision: str = "float32",
) -> keras.Sequential:
    """Build the model of an experiment and load the weights of a `.keras` file.

    Only weights are read from the file, so that code in the file never runs.

    Args:
        weights: The `.keras` file with the weights.
        experiment: The experiment that describes the network.
        target_scaling: The scaling of the targets in the training; `None` without `data.standardize_target`.
        jit: Whether XLA compiles the model.
        precision: Keras's dtype policy, such as `mixed_float16`, for all layers except the last.

    Raises:
        RunError: the file holds no weights of this network.
    """
    model = build_model(experiment, target_scaling, jit=jit, precision=precision)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        message = f"{weights} has no weights of this network: {reason}"
        raise RunError(message, "train a new run with its config.yaml") from None
    return model


def compute_outputs(model: keras.Model, experiment: Experiment, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of a model, float32 of shape (n, units).

    Args:
        model: The model.
        experiment: The experiment of the model.
        scaled: The scaled inputs, each flattened to a vector: shape (n, numbers per input).
    """
    inputs = scaled.reshape(-1, *experiment.data.input_shape)
    return np.asarray(model.predict(inputs, batch_size=_PREDICTION_BATCH_SIZE, verbose=0), np.float32)
