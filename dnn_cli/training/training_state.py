"""The state of a training as arrays by name: variables of the model, its optimizer, metrics and callbacks.

It contains more than Keras saves: the state of random numbers in layers, the metrics of an unfinished epoch, and the
best weights that early stopping keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.optimizers import Optimizer
from dnn_cli.errors import RunError, UsageError
from dnn_cli.training.model_builder import build_model

StateArrays = dict[str, NDArray[Any]]
_CallbackMemory = dict[str, dict[str, int | float | None]]

_CALLBACK_ATTRIBUTES = ("wait", "stopped_epoch", "best", "best_epoch", "cooldown_counter")
"""Attributes of Keras's callbacks, and of ours, that an epoch leaves to the next."""

SAME_OPTIMIZER, OTHER_RATE, NEW_OPTIMIZER = "same", "another rate", "another optimizer"
METRICS_GROUP, BEST_WEIGHTS = "metrics", "best_weights"


def capture_state(
    model: keras.Model, callbacks: Iterable[keras.callbacks.Callback]
) -> tuple[StateArrays, _CallbackMemory]:
    """A copy of all that there is, and what callbacks remember besides."""
    arrays = {name: copy_value(variable) for name, variable in iter_variables(model)}
    for callback in callbacks:
        for index, weight in enumerate(getattr(callback, BEST_WEIGHTS, None) or ()):
            arrays[f"{_get_callback_key(callback)}.{BEST_WEIGHTS}.{index}"] = np.array(weight)
    return arrays, {_get_callback_key(callback): _copy_callback_memory(callback) for callback in callbacks}


def check_same_network(experiment: Experiment, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check that arrays are those of this network, before anything is changed.

    Raises:
        UsageError: the arrays are those of another network.
    """
    for name, variable in iter_variables(build_model(experiment)):
        if name.startswith("model.") and not _is_compatible_array(variable, arrays.get(name)):
            raise UsageError(
                f"the checkpoint is of another network: it has no {variable.path} of {tuple(variable.shape)}",
                "train the changed network from the beginning, with dnn train",
            )


def restore_variables(
    model: keras.Model, arrays: Mapping[str, NDArray[Any]], old_optimizer: Mapping[str, Any], new_optimizer: Optimizer
) -> None:
    """Put weights and all other variables back.

    A different optimizer than `old_optimizer` starts from its initial state. If only the learning rate differs, all
    variables but the learning rate are restored. Metrics are put back as their epoch begins.

    Raises:
        RunError: the arrays are those of another network; nothing has been changed.
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
            raise RunError(f"the checkpoint is of another network: it has no {variable.path} {tuple(variable.shape)}")
        pairs.append((variable, arrays[name]))
    for variable, array in pairs:
        variable.assign(array)


def classify_optimizer_change(old_optimizer: Mapping[str, Any], new_optimizer: Optimizer) -> str:
    """Return whether an optimizer is the same, differs in its learning rate only, or is another optimizer."""
    new_config = new_optimizer.model_dump(mode="json")
    if old_optimizer == new_config:
        return SAME_OPTIMIZER
    rates = [optimizer.get("learning_rate") for optimizer in (old_optimizer, new_config)]
    differs_in_rate_only = {**old_optimizer, "learning_rate": None} == {**new_config, "learning_rate": None}
    return OTHER_RATE if differs_in_rate_only and all(isinstance(rate, float) for rate in rates) else NEW_OPTIMIZER


def restore_callbacks(
    callbacks: Iterable[keras.callbacks.Callback], arrays: Mapping[str, NDArray[Any]], memories: _CallbackMemory
) -> None:
    """Let callbacks remember again; to be called after they have forgotten everything, as training begins."""
    for callback in callbacks:
        for name, value in memories.get(_get_callback_key(callback), {}).items():
            if name in _CALLBACK_ATTRIBUTES:
                setattr(callback, name, value)
        prefix = f"{_get_callback_key(callback)}.{BEST_WEIGHTS}."
        count = sum(name.startswith(prefix) for name in arrays)
        if count:
            callback.best_weights = [arrays[f"{prefix}{index}"] for index in range(count)]


def copy_metric_values(model: keras.Model) -> StateArrays:
    """A copy of what the metrics have counted so far."""
    return {name: copy_value(variable) for name, variable in iter_variables(model) if name.startswith(METRICS_GROUP)}


def restore_metrics(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Let the metrics count on."""
    for name, variable in iter_variables(model):
        if name.startswith(METRICS_GROUP):
            variable.assign(arrays[name])


def iter_variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Every variable with a name that is the same whenever the network is built."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables, METRICS_GROUP: model.metrics_variables}
    for group, group_variables in groups.items():
        for index, variable in enumerate(group_variables):
            yield f"{group}.{index}", variable


def _get_callback_key(callback: keras.callbacks.Callback) -> str:
    """What a callback is called in a checkpoint; there is one of a kind."""
    return getattr(callback, "checkpoint_key", type(callback).__name__)


def _copy_callback_memory(callback: keras.callbacks.Callback) -> dict[str, int | float | None]:
    """What a callback remembers, as plain numbers."""
    attributes = {name: getattr(callback, name) for name in _CALLBACK_ATTRIBUTES if hasattr(callback, name)}
    return {
        name: value if value is None or isinstance(value, int) else float(value) for name, value in attributes.items()
    }


def copy_value(variable: keras.Variable) -> NDArray[Any]:
    """A copy of a variable."""
    return np.array(keras.ops.convert_to_numpy(variable.value))


def _is_compatible_array(variable: keras.Variable, array: NDArray[Any] | None) -> bool:
    """Whether an array is one of this variable."""
    return array is not None and array.shape == tuple(variable.shape) and array.dtype == variable.dtype
