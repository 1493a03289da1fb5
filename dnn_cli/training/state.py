"""Every variable that training changes, as arrays by name: of the network, its optimizer, metrics and callbacks.

More than Keras saves: also the state of random numbers in layers, what metrics have counted in an epoch that is
begun, and the best weights that early stopping remembers.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import RunError, UsageError
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.optimizers import Optimizer
from dnn_cli.training.build import build_model

Arrays = dict[str, NDArray[Any]]
Memory = dict[str, dict[str, int | float | None]]

REMEMBERED = ("wait", "stopped_epoch", "best", "best_epoch", "cooldown_counter")
"""Attributes of Keras's callbacks, and of ours, that an epoch leaves to the next."""

SAME, RATE, AFRESH = "same", "another rate", "afresh"
METRICS, BEST_WEIGHTS = "metrics", "best_weights"


def capture(model: keras.Model, callbacks: Iterable[keras.callbacks.Callback]) -> tuple[Arrays, Memory]:
    """A copy of all that there is, and what callbacks remember besides."""
    arrays = {name: values(variable) for name, variable in variables(model)}
    for callback in callbacks:
        for index, weight in enumerate(getattr(callback, BEST_WEIGHTS, None) or ()):
            arrays[f"{key(callback)}.{BEST_WEIGHTS}.{index}"] = np.array(weight)
    return arrays, {key(callback): memory(callback) for callback in callbacks}


def check_network(experiment: Experiment, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse arrays that are not of this network, before anything is changed.

    Raises:
        UsageError: they are of another.
    """
    for name, variable in variables(build_model(experiment)):
        if name.startswith("model.") and not fits(variable, arrays.get(name)):
            raise UsageError(
                f"the checkpoint is of another network: it has no {variable.path} of {tuple(variable.shape)}",
                "what has other weights is trained anew, with dnn train",
            )


def restore(model: keras.Model, arrays: Mapping[str, NDArray[Any]], then: Mapping[str, Any], now: Optimizer) -> None:
    """Put weights and all other variables back.

    Of an optimizer that is another now than `then`, nothing is put back: what it keeps has another meaning. Where
    the learning rate alone is another, everything is but that. Metrics are put back as their epoch begins.

    Raises:
        RunError: the arrays are those of another network; nothing has been changed.
    """
    kind = optimizer_change(then, now)
    rate = [] if kind == SAME else [model.optimizer.learning_rate]
    pairs = []
    for name, variable in variables(model):
        if name.startswith(METRICS) or (kind == AFRESH and name.startswith("optimizer.")):
            continue
        if any(variable is other for other in rate):
            continue
        if not fits(variable, arrays.get(name)):
            raise RunError(f"the checkpoint is of another network: it has no {variable.path} {tuple(variable.shape)}")
        pairs.append((variable, arrays[name]))
    for variable, array in pairs:
        variable.assign(array)


def optimizer_change(then: Mapping[str, Any], now: Optimizer) -> str:
    """Whether an optimizer is the same as it was, or only in its learning rate another, or one that begins afresh."""
    plain = now.model_dump(mode="json")
    if then == plain:
        return SAME
    rates = [optimizer.get("learning_rate") for optimizer in (then, plain)]
    alike = {**then, "learning_rate": None} == {**plain, "learning_rate": None}
    return RATE if alike and all(isinstance(rate, float) for rate in rates) else AFRESH


def restore_callbacks(
    callbacks: Iterable[keras.callbacks.Callback], arrays: Mapping[str, NDArray[Any]], memories: Memory
) -> None:
    """Let callbacks remember again; to be called after they have forgotten everything, as training begins."""
    for callback in callbacks:
        for name, value in memories.get(key(callback), {}).items():
            if name in REMEMBERED:
                setattr(callback, name, value)
        prefix = f"{key(callback)}.{BEST_WEIGHTS}."
        count = sum(name.startswith(prefix) for name in arrays)
        if count:
            callback.best_weights = [arrays[f"{prefix}{index}"] for index in range(count)]


def metric_values(model: keras.Model) -> Arrays:
    """A copy of what the metrics have counted so far."""
    return {name: values(variable) for name, variable in variables(model) if name.startswith(METRICS)}


def restore_metrics(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Let the metrics count on."""
    for name, variable in variables(model):
        if name.startswith(METRICS):
            variable.assign(arrays[name])


def variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Every variable with a name that is the same whenever the network is built."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables, METRICS: model.metrics_variables}
    for group, found in groups.items():
        for index, variable in enumerate(found):
            yield f"{group}.{index}", variable


def key(callback: keras.callbacks.Callback) -> str:
    """What a callback is called in a checkpoint; there is one of a kind."""
    return type(callback).__name__


def memory(callback: keras.callbacks.Callback) -> dict[str, int | float | None]:
    """What a callback remembers, as plain numbers."""
    found = {name: getattr(callback, name) for name in REMEMBERED if hasattr(callback, name)}
    return {name: value if value is None or isinstance(value, int) else float(value) for name, value in found.items()}


def values(variable: keras.Variable) -> NDArray[Any]:
    """A copy of a variable."""
    return np.array(keras.ops.convert_to_numpy(variable.value))


def fits(variable: keras.Variable, array: NDArray[Any] | None) -> bool:
    """Whether an array is one of this variable."""
    return array is not None and array.shape == tuple(variable.shape) and array.dtype == variable.dtype
