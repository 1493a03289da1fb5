"""Monte Carlo dropout: predictions of a network whose dropout stays active; Gal and Ghahramani 2016.

Each sample is the output of a thinned network with random masks. Mean and standard deviation over the samples
approximate those of a Bayesian network.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.network_dropout import build_no_dropout_error
from dnn_cli.data.run_context import RunContext
from dnn_cli.metrics.classification import compute_class_probabilities
from dnn_cli.metrics.sampled_predictions import DropoutSampling, SampledPredictions
from dnn_cli.metrics.temperature import apply_temperature
from dnn_cli.training.determinism import set_initial_determinism
from dnn_cli.training.device import prepare_device
from dnn_cli.training.execution_plan import choose_plan
from dnn_cli.training.inference import load_trained_model

_MIN_CALL_SAMPLES = 32
"""Smallest limit of the samples of one call. A larger batch size of the training is a larger limit."""

_CALL_INPUTS = 64
"""Number of inputs of one call of the sampling function. Ctrl-C acts between two calls."""

_SEED_STATE_NAME = "seed_generator_state"
"""Name of the variable with the state of a random generator of Keras."""


def predict_with_dropout(
    weights: Path,
    run_context: RunContext,
    inputs: NDArray[np.generic],
    sampling: DropoutSampling,
    temperature: float | None = None,
) -> SampledPredictions:
    """Return mean and standard deviation of the predictions of a saved model with active dropout.

    The result for an input depends on this input, the seed and the number of samples alone: other inputs and their
    order change no bit.

    Args:
        weights: The `.keras` file with the weights.
        run_context: The experiment and the input profile of the run.
        inputs: The unscaled inputs, of shape (n, *input_shape), with values as in the training data.
        sampling: The number of samples and the seed.
        temperature: The number that divides the logits of each sample; `None` for 1. A regression has none.

    Raises:
        RunError: the file holds no weights of this network.
        UsageError: the network has no dropout and no noise.
    """
    # A run that was trained on a GPU can predict without a GPU.
    experiment = run_context.experiment.model_copy(update={"device": "auto"})
    device = prepare_device(experiment)
    plan = choose_plan(experiment, len(inputs), gpu=device.is_gpu)
    set_initial_determinism(plan)
    profile = run_context.input_profile
    with tf.device(device.tensorflow_name):
        model = load_trained_model(weights, experiment, profile.target_scaling, precision=plan.precision)
        sample = build_sampler(model, experiment, sampling)
        scaled = profile.scale_inputs(inputs).reshape(-1, *experiment.data.input_shape)
        means, deviations = zip(*iter_statistics(sample, experiment, scaled, temperature), strict=True)
    return SampledPredictions(np.stack(means), np.stack(deviations), sampling)


def iter_statistics(
    sample: Callable[[Any], Any], experiment: Experiment, scaled: NDArray[np.float32], temperature: float | None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield mean and standard deviation over the samples for each input.

    They are those of the probabilities of the classes or, in a regression, of the outputs.
    """
    for start in range(0, len(scaled), _CALL_INPUTS):
        for outputs in sample(scaled[start : start + _CALL_INPUTS]).numpy():
            values = outputs.astype(np.float64)
            if experiment.data.info.is_classification:
                # The mean of probabilities is the prediction, not the probabilities of the mean logits.
                logits = experiment.loss.takes_logits
                tempered = outputs if temperature is None else apply_temperature(outputs, temperature, logits=logits)
                values = compute_class_probabilities(tempered, logits=logits)
            yield values.mean(0), values.std(0, ddof=1)


def find_dropout_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model, also within other layers, that apply dropout or noise in a training.

    Layers of Keras within custom layers are included.
    """
    return [layer for layer in model._flatten_layers(include_self=False) if _applies_dropout(layer)]


def _applies_dropout(layer: keras.layers.Layer) -> bool:
    """Return whether a layer applies dropout or noise with a rate above 0 to its inputs or its state."""
    if isinstance(layer, keras.layers.RNN):
        return any(getattr(layer.cell, name, 0) > 0 for name in ("dropout", "recurrent_dropout"))
    if isinstance(layer, keras.layers.GaussianNoise):
        return bool(layer.stddev > 0)
    classes = (keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout)
    return isinstance(layer, classes) and layer.rate > 0


def _activate_dropout(model: keras.Model) -> None:
    """Make the dropout and noise layers of a model act as in a training, whatever mode the model runs in.

    Raises:
        UsageError: the model has no such layer.
    """
    layers = find_dropout_layers(model)
    if not layers:
        # The check of the config cannot know whether custom layers contain dropout.
        raise build_no_dropout_error()
    # `model(inputs, training=True)` would also normalise by the statistics of the batch, which are copies of one input,
    # change images at random, and let SpectralNormalization change weights. Dropout alone approximates the posterior.
    for layer in layers:
        layer.call = _build_training_call(layer.call)
        if getattr(layer, "noise_shape", None):
            # Each sample has its own mask, also in a layer that uses one mask for a whole batch.
            layer.noise_shape = (None, *layer.noise_shape[1:])


def _build_training_call(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a layer in training mode."""

    def call_in_training(*arguments: Any, **options: Any) -> Any:
        return call(*arguments, **{**options, "training": True})

    return call_in_training


def build_sampler(model: keras.Model, experiment: Experiment, sampling: DropoutSampling) -> Callable[[Any], Any]:
    """Return a function from scaled inputs to their samples, of shape (inputs, samples, units).

    A call of the network gets copies of one input, with a mask for each copy. Every input has the same masks. The
    batch has the same size for all inputs, because other sizes change the last bits of products of matrices.

    Raises:
        UsageError: the network has no dropout and no noise.
    """
    _activate_dropout(model)
    # The training has shown that batches of this size fit into memory.
    limit = max(_MIN_CALL_SAMPLES, experiment.batch_size)
    calls = math.ceil(sampling.samples / limit)
    copies = math.ceil(sampling.samples / calls)
    positions = [
        index for index, variable in enumerate(model.non_trainable_variables) if variable.name == _SEED_STATE_NAME
    ]
    words = np.random.SeedSequence(sampling.seed).generate_state(calls * len(positions) * 2)
    # The highest bit is left out, so that the states are positive in every integer type of Keras.
    states = (words >> 1).astype(np.int64).reshape(calls, len(positions), 2)

    def sample_once(example: Any, call_states: Any) -> Any:
        variables = [variable.value for variable in model.non_trainable_variables]
        for number, index in enumerate(positions):
            variables[index] = tf.cast(call_states[number], variables[index].dtype)
        batch = tf.repeat(example[tf.newaxis], copies, axis=0)
        trainable = [variable.value for variable in model.trainable_variables]
        outputs, _ = model.stateless_call(trainable, variables, batch, training=False)
        return tf.cast(outputs, tf.float32)

    def sample_example(example: Any) -> Any:
        by_call = tf.map_fn(
            lambda call_states: sample_once(example, call_states), tf.constant(states), fn_output_signature=tf.float32
        )
        return tf.reshape(by_call, (calls * copies, -1))[: sampling.samples]

    @tf.function(input_signature=[tf.TensorSpec((None, *experiment.data.input_shape), tf.float32)])  # type: ignore[untyped-decorator]
    def sample(examples: Any) -> Any:
        # One input at a time limits the memory.
        return tf.map_fn(sample_example, examples, parallel_iterations=1)

    return sample  # type: ignore[no-any-return]
