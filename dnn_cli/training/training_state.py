"""The state of a training as arrays by name: variables of the model, its optimizer, metrics and callbacks.

The state includes what Keras does not save: the state of random number generators in layers, the metrics of an
unfinished epoch, and the best weights that early stopping keeps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.callbacks import CALLBACK_CLASSES, BaseCallback
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.optimizer_union import Optimizer
from dnn_cli.errors import RunError, UsageError
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.swap_callback import SwapCallback, find_swap

StateArrays = dict[str, NDArray[Any]]
_CallbackMemory = dict[str, dict[str, int | float | None]]

SAME_OPTIMIZER, OTHER_RATE, NEW_OPTIMIZER = "same", "another rate", "another optimizer"
METRICS_GROUP = "metrics"


def capture_state(
    model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
) -> tuple[StateArrays, _CallbackMemory]:
    """Return the state of a training: arrays by name, and attributes of callbacks.

    The arrays are copies of all variables of the model, and of weights that callbacks keep, such as the best weights of
    early stopping. The attributes, such as `wait`, are those that callbacks remember between epochs. The classes in
    `config/callbacks.py` declare both. While weights are swapped with their averages, the arrays have the values
    before the swap.
    """
    arrays = {name: copy_value(variable) for name, variable in iter_variables(model)}
    if swap := find_swap(callbacks):
        values_before = {id(variable): value.numpy() for variable, value in swap.values_before}
        arrays = {name: values_before.get(id(variable), arrays[name]) for name, variable in iter_variables(model)}
    for callback in callbacks:
        for attribute in _get_callback_class(callback).weights_attributes:
            for index, weight in enumerate(getattr(callback, attribute) or ()):
                arrays[f"{_get_callback_key(callback)}.{attribute}.{index}"] = np.array(weight)
    return arrays, {_get_callback_key(callback): _copy_callback_memory(callback) for callback in callbacks}


def check_same_network(experiment: Experiment, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check that the arrays of a checkpoint belong to the network of an experiment, before anything is restored.

    Raises:
        UsageError: the arrays are those of another network.
    """
    for name, variable in iter_variables(build_model(experiment)):
        if name.startswith("model.") and not _is_compatible_array(variable, arrays.get(name)):
            raise UsageError(
                f"the checkpoint is of another network: it has no {variable.path} of shape {tuple(variable.shape)}",
                "train the changed network in a new run with dnn train",
            )


def restore_variables(
    model: keras.Model, arrays: Mapping[str, NDArray[Any]], old_optimizer: Mapping[str, Any], new_optimizer: Optimizer
) -> None:
    """Restore the weights and all other variables of a model, except those of metrics.

    If only the learning rate of the optimizers differs, all variables except the learning rate are restored. If the
    optimizers differ otherwise, the new optimizer keeps its initial state. `restore_metrics` restores metrics when
    their epoch begins.

    Args:
        model: The new model.
        arrays: The arrays of the checkpoint.
        old_optimizer: The config of the optimizer with which the checkpoint was trained.
        new_optimizer: The optimizer with which the training continues.

    Raises:
        RunError: the arrays are those of another network. The model is unchanged.
    """
    change = classify_optimizer_change(old_optimizer, new_optimizer)
    rate = [] if change == SAME_OPTIMIZER else [model.optimizer.learning_rate]
    pairs = []
    for name, variable in iter_variables(model):
        if name.startswith(METRICS_GROUP) or (change == NEW_OPTIMIZER and name.startswith("optimizer.")):
            continue
        if any(variable is other for other in rate):
            continue
        if not _is_compatible_array(variable, arrays.get(name)):
            raise RunError(
                f"the checkpoint is of another network: it has no {variable.path} of shape {tuple(variable.shape)}"
            )
        pairs.append((variable, arrays[name]))
    for variable, array in pairs:
        variable.assign(array)


def classify_optimizer_change(old_optimizer: Mapping[str, Any], new_optimizer: Optimizer) -> str:
    """Return the kind of change between two optimizers.

    The result is `SAME_OPTIMIZER`, `OTHER_RATE` if only the learning rate differs, or `NEW_OPTIMIZER`.
    """
    new_config = new_optimizer.model_dump(mode="json")
    if old_optimizer == new_config:
        return SAME_OPTIMIZER
    rates = [optimizer.get("learning_rate") for optimizer in (old_optimizer, new_config)]
    differs_in_rate_only = {**old_optimizer, "learning_rate": None} == {**new_config, "learning_rate": None}
    return OTHER_RATE if differs_in_rate_only and all(isinstance(rate, float) for rate in rates) else NEW_OPTIMIZER


def restore_callbacks(
    callbacks: Iterable[keras.callbacks.Callback], arrays: Mapping[str, NDArray[Any]], memories: _CallbackMemory
) -> None:
    """Restore the attributes and weights that callbacks remember between epochs.

    This function must be called after training begins, because callbacks then reset their attributes.
    """
    for callback in callbacks:
        cls = _get_callback_class(callback)
        for name, value in memories.get(cls.checkpoint_key, {}).items():
            if name in cls.state_attributes:
                setattr(callback, name, value)
        for attribute in cls.weights_attributes:
            prefix = f"{cls.checkpoint_key}.{attribute}."
            count = sum(name.startswith(prefix) for name in arrays)
            if count:
                setattr(callback, attribute, [arrays[f"{prefix}{index}"] for index in range(count)])
        if isinstance(callback, SwapCallback):
            callback.repeat_swap()


def copy_metric_values(model: keras.Model) -> StateArrays:
    """Return copies of the variables of the metrics."""
    return {name: copy_value(variable) for name, variable in iter_variables(model) if name.startswith(METRICS_GROUP)}


def restore_metrics(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Restore the variables of the metrics, so that an unfinished epoch continues."""
    for name, variable in iter_variables(model):
        if name.startswith(METRICS_GROUP):
            variable.assign(arrays[name])


def iter_variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Yield every variable with a name such as `model.0`, which is the same whenever the network is built."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables, METRICS_GROUP: model.metrics_variables}
    for group, group_variables in groups.items():
        for index, variable in enumerate(group_variables):
            yield f"{group}.{index}", variable


def _get_callback_key(callback: keras.callbacks.Callback) -> str:
    """Return the key of a callback in a checkpoint. Every training has at most one callback of a class."""
    return getattr(callback, "checkpoint_key", type(callback).__name__)


def _get_callback_class(callback: keras.callbacks.Callback) -> type[BaseCallback]:
    """Return the class of the config from which a callback was built."""
    key = _get_callback_key(callback)
    return next(cls for cls in CALLBACK_CLASSES.values() if cls.checkpoint_key == key)


def _copy_callback_memory(callback: keras.callbacks.Callback) -> dict[str, int | float | None]:
    """Return the attributes that a callback remembers between epochs, as plain numbers."""
    attributes = {name: getattr(callback, name) for name in _get_callback_class(callback).state_attributes}
    return {
        name: value if value is None or isinstance(value, int) else float(value) for name, value in attributes.items()
    }


def copy_value(variable: keras.Variable) -> NDArray[Any]:
    """Return a copy of the value of a variable."""
    return np.array(keras.ops.convert_to_numpy(variable.value))


def _is_compatible_array(variable: keras.Variable, array: NDArray[Any] | None) -> bool:
    """Return whether an array has the shape and dtype of a variable."""
    return array is not None and array.shape == tuple(variable.shape) and array.dtype == variable.dtype
