"""The network of a run with the weights that it was trained to."""

import zipfile
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError
from dnn_cli.spec.experiment import Experiment
from dnn_cli.training.build import build_model

BATCH = 256


def trained_network(
    weights: Path, experiment: Experiment, *, jit: bool = False, precision: str = "float32"
) -> keras.Sequential:
    """Return the network, built from the experiment, with the weights in a `.keras` file.

    Nothing but weights is read from the file, so no code in it runs.

    Raises:
        RunError: the weights are not those of this network.
    """
    model = build_model(experiment, jit=jit, precision=precision)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{weights} holds no weights of this network: {str(error).splitlines()[0]}") from None
    return model


def outputs_of(model: keras.Model, experiment: Experiment, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outputs for scaled inputs of (n, size): float32 of (n, units)."""
    inputs = scaled.reshape(-1, *experiment.data.input_shape)
    return np.asarray(model.predict(inputs, batch_size=BATCH, verbose=0), np.float32)
