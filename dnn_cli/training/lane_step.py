"""The training step of one lane: Keras's own step as a pure function of the values of all variables.

Keras has public functions for such a step, but not on TensorFlow: its optimizers assign to `tf.Variable`s. While a step
is traced, this module replaces Keras's code for TensorFlow by Keras's code for all backends.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import keras
import keras.src.backend.tensorflow.core as tensorflow_core
import tensorflow as tf
from keras.src.backend.common.stateless_scope import get_stateless_scope
from keras.src.backend.tensorflow.optimizer import TFOptimizer
from keras.src.optimizers.base_optimizer import BaseOptimizer

from dnn_cli.training import lane_conversions  # noqa: F401 - registers forms of operations
from dnn_cli.training.batch_loops import Logs

Values = list[tf.Tensor]
"""Values of the variables of a model, in the order of `list_variables`."""

_KEPT_METHODS = ("__init__", "stateless_apply", "add_variable_from_reference", "_var_key")
_REPLACED_METHODS = {
    name: method
    for name, method in vars(BaseOptimizer).items()
    if name in vars(TFOptimizer) and callable(method) and name not in _KEPT_METHODS
}
"""Methods of optimizers with an own form for TensorFlow, which assigns to `tf.Variable`s."""


def list_variables(model: keras.Model) -> list[keras.Variable]:
    """List the variables of a model that a training step changes: weights, optimizer and metrics."""
    return [*model.variables, *model.optimizer.variables, *model.metrics_variables]


def train_step(model: keras.Model, values: Values, batch: Sequence[tf.Tensor]) -> tuple[Values, Logs]:
    """Return the values of all variables after one training step, and the logs.

    Args:
        model: The model. Its own variables stay unchanged.
        values: The values of the variables before the step.
        batch: The inputs, the targets, and optionally the weights of the examples.
    """
    inputs, targets, *weights = batch
    sample_weight = weights[0] if weights else None
    variables = list_variables(model)
    positions = {id(variable): position for position, variable in enumerate(variables)}
    trained = [values[positions[id(variable)]] for variable in model.trainable_variables]
    with (
        _pure_functions(variables),
        keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)), collect_losses=True) as scope,
    ):
        with tf.GradientTape() as tape:
            tape.watch(trained)
            outputs = model(inputs, training=True)
            loss = model._compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=sample_weight, training=True)
            model._loss_tracker.update_state(loss, sample_weight=tf.shape(inputs)[0])
            scaled_loss = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, trained)
        model.optimizer.apply(gradients, model.trainable_variables)
        logs = dict(model.compute_metrics(inputs, targets, outputs, sample_weight=sample_weight))
        return _read_values(scope, variables, values), logs


def test_step(model: keras.Model, values: Values, batch: Sequence[tf.Tensor]) -> tuple[Values, Logs]:
    """Return the values of all variables after the evaluation of one batch, and the logs.

    Args:
        model: The model. Its own variables stay unchanged.
        values: The values of the variables before the step.
        batch: The inputs, the targets, and optionally the weights of the examples.
    """
    inputs, targets, *weights = batch
    sample_weight = weights[0] if weights else None
    variables = list_variables(model)
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)), collect_losses=True) as scope:
        outputs = model(inputs, training=False)
        loss = model._compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=sample_weight, training=False)
        model._loss_tracker.update_state(loss, sample_weight=tf.shape(inputs)[0])
        logs = dict(model.compute_metrics(inputs, targets, outputs, sample_weight=sample_weight))
        return _read_values(scope, variables, values), logs


def read_logs(model: keras.Model, values: Values) -> Logs:
    """Return the logs of a model with some values of its variables, without a step."""
    with keras.StatelessScope(state_mapping=list(zip(list_variables(model), values, strict=True))):
        return dict(model.get_metrics_result())


def read_learning_rate(model: keras.Model, values: Values) -> tf.Tensor:
    """Return the learning rate of a model with some values of its variables. A schedule determines it by the step."""
    with keras.StatelessScope(state_mapping=list(zip(list_variables(model), values, strict=True))):
        return tf.convert_to_tensor(model.optimizer.learning_rate)


def _read_values(scope: keras.StatelessScope, variables: Sequence[keras.Variable], old_values: Values) -> Values:
    """Return the values of variables at the end of a scope, in the dtypes of the old values."""
    new_values = [scope.get_current_value(variable) for variable in variables]
    return [old if new is None else tf.cast(new, old.dtype) for new, old in zip(new_values, old_values, strict=True)]


@contextmanager
def _pure_functions(variables: Sequence[keras.Variable]) -> Iterator[None]:
    """Make optimizers and `keras.ops.cond` compute values instead of assigning to variables, until the block ends."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(TFOptimizer, **_REPLACED_METHODS, _var_key=_get_variable_key))
        stack.enter_context(mock.patch.object(tensorflow_core, "cond", _build_cond(variables)))
        yield


def _get_variable_key(_: TFOptimizer, variable: keras.Variable) -> str:
    """Return the key by which an optimizer finds its variables for a weight."""
    return str(variable._value._unique_id)


def _build_cond(variables: Sequence[keras.Variable]) -> Callable[..., Any]:
    """Build a form of `cond` that runs both branches, and selects results and the values of variables.

    Branches can assign to variables. TensorFlow's own `cond` would hide these values from the surrounding scope.
    """

    def run_branch(branch: Callable[[], Any]) -> tuple[Any, Values]:
        current_values = [(variable, variable.value) for variable in variables]
        with keras.StatelessScope(state_mapping=current_values) as scope:
            result = branch()
        return result, [scope.get_current_value(variable) for variable in variables]

    def cond(condition: tf.Tensor, true_branch: Callable[[], Any], false_branch: Callable[[], Any]) -> Any:
        assert get_stateless_scope() is not None  # noqa: S101 - the block of `train_step` has opened a scope
        (true_result, true_values), (false_result, false_values) = map(run_branch, (true_branch, false_branch))
        for variable, true_value, false_value in zip(variables, true_values, false_values, strict=True):
            if true_value is not false_value:
                variable.assign(tf.where(condition, true_value, false_value))
        if true_result is None:
            return None
        return tf.nest.map_structure(lambda *results: tf.where(condition, *results), true_result, false_result)

    return cond
