"""The outputs of a trained network for inputs that were never seen, and the probabilities in them."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.known import Known
from dnn_cli.training.device import prepare_device
from dnn_cli.training.plan import choose_plan
from dnn_cli.training.trained import outputs_of, trained_network


def predict(weights: Path, known: Known, inputs: NDArray[np.generic]) -> NDArray[np.float32]:
    """The outputs for inputs as the training data has them: float32 of (n, units).

    Args:
        weights: The `.keras` file with the weights.
        known: What they were trained on.
        inputs: Of (n, *input_shape), not scaled.

    Raises:
        RunError: the weights are not those of this network.
    """
    anywhere = known.experiment.model_copy(update={"device": "auto"})  # a run from a GPU predicts without one
    device = prepare_device(anywhere)
    with tf.device(device.place):
        precision = choose_plan(anywhere, len(inputs), gpu=device.is_gpu).precision
        model = trained_network(weights, anywhere, precision=precision)
        return outputs_of(model, anywhere, known.inputs.scaled(inputs))
