"""Check of inputs for a network that takes whole numbers, such as the numbers of words for an Embedding layer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.data.examples import Examples
from dnn_cli.errors import UserDataError
from dnn_cli.formats.dataset_contents import Remark

_ROWS_PER_BLOCK = 4096
"""Number of examples that are checked at once."""

_MAX_EXACT = 2**24
"""Largest whole number up to which float32, the dtype of the inputs of a batch, has all whole numbers."""


def check_integer_inputs(
    experiment: Experiment, inputs: NDArray[Any], source: str, *, is_trained: bool = False
) -> None:
    """Check that all inputs are whole numbers that the first layer of the network takes.

    All inputs pass if the network does not begin with a layer that takes whole numbers.

    Args:
        experiment: The experiment with the network.
        inputs: The unscaled inputs, of shape (n, …).
        source: The name of the data or the file, for messages.
        is_trained: Whether the network is trained already, so that its arguments are fixed.

    Raises:
        UserDataError: an input is negative, has a fraction, or exceeds the limit of the layer.
    """
    layer = experiment.integer_layer
    if layer is None:
        return
    limit = layer.integer_limit
    accepted = f"{layer.type} takes whole numbers from 0" + (f" to {limit - 1:,}" if limit else "")
    largest, largest_index = -1.0, 0
    for start in range(0, len(inputs), _ROWS_PER_BLOCK):
        block = inputs[start : start + _ROWS_PER_BLOCK]
        rows = block.reshape(len(block), -1)
        is_wrong = (rows < 0) | (rows != np.rint(rows)) if rows.dtype.kind == "f" else rows < 0
        if is_wrong.any():
            row, column = np.argwhere(is_wrong)[0]
            message = (
                f"{source}: the example at index {start + row} has the input {rows[row, column]:g}, but {accepted}"
            )
            raise UserDataError(message, f"save the inputs as whole numbers from 0, or remove the {layer.type} layer")
        if rows.max() > largest:
            largest, largest_index = float(rows.max()), start + int(rows.argmax()) // rows.shape[1]
    largest_text = f"{source}: the largest input is {largest:,.0f}, in the example at index {largest_index}"
    if largest > _MAX_EXACT:
        message = f"{largest_text}, but whole numbers above {_MAX_EXACT:,} are not exact in float32"
        raise UserDataError(message, "number the inputs from 0, without gaps")
    if limit is not None and largest >= limit:
        key = f"input_dim: {largest + 1:.0f}"
        path = next(nested.path for nested in experiment.model.nested_layers if nested.layer == layer)
        raise UserDataError(
            f"{largest_text}, but {accepted}",
            f"train a network with {key}" if is_trained else f"write {key}",
            layer_path=(*path, "input_dim"),
        )


def list_integer_remarks(experiment: Experiment, examples: Examples) -> list[Remark]:
    """Return a remark if inputs that other networks take divided stay undivided; else an empty list."""
    layer = experiment.integer_layer
    if layer is None or examples.inputs.dtype != np.uint8:
        return []
    return [Remark(f"the inputs are whole numbers for {layer.type}, and are not divided", "")]
