"""Construction of the compiled Keras model of an experiment. Equal experiments have equal initial weights."""

from collections.abc import Mapping
from typing import Any

import keras

# The public modules of Keras do not contain the state.
from keras.src.backend.common import global_state
from numpy.typing import NDArray

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import find_free_name, list_layer_names, to_keras_names
from dnn_cli.config.metrics import Metric
from dnn_cli.runs.target_scaling import TargetScaling
from dnn_cli.training import residual_block  # noqa: F401 - registers the class
from dnn_cli.training.standardized_loss import StandardizedLoss, build_target_layer
from dnn_cli.training.warmup_schedule import Warmup


def build_model(
    experiment: Experiment,
    target_scaling: TargetScaling | None = None,
    *,
    jit: bool = False,
    precision: str = "float32",
) -> keras.Sequential:
    """Build and compile the model of an experiment, with its initial weights.

    The result is a pure function of the arguments: Keras's global state is reset, so that earlier models of this
    process have no influence.

    Args:
        experiment: The experiment.
        target_scaling: The scaling of the targets, which becomes the last layer of the model and part of its loss. The
            layer has no variables.
        jit: Whether XLA compiles the steps.
        precision: Keras's dtype policy for all layers except the last, whose outputs stay float32.
    """
    _reset_keras()
    keras.utils.set_random_seed(experiment.seed)
    model = _build_layers(experiment, precision, target_scaling)
    # Keras ignores the weights of examples in `metrics`.
    metrics_argument = "metrics" if experiment.data.weight is None else "weighted_metrics"
    optimizer = experiment.optimizer.build_keras_object()
    model.compile(
        optimizer=optimizer,
        loss=build_loss(experiment, target_scaling),
        **{metrics_argument: [_build_metric(experiment, metric) for metric in experiment.metrics]},
        jit_compile=jit,
    )
    # Keras on TensorFlow builds an optimizer while tracing the first step. There, schedule_free_adamw loses the weights
    # from which its average starts. A step that creates variables is also traced twice.
    model.optimizer.build(model.trainable_variables)
    plain_parts = {} if target_scaling is None else {"loss": experiment.loss.build_keras_object()}
    if isinstance(rate := optimizer._learning_rate, Warmup):
        plain_parts["optimizer"] = experiment.optimizer.build_keras_object(learning_rate=rate.build_plain_schedule())
    if plain_parts:
        _save_with_plain_parts(model, plain_parts)
    return model


def _reset_keras() -> None:
    """Reset Keras's global state, such as the numbers in the names of layers, if it has changed since the import."""
    # `clear_session` imports the API of TensorFlow 1, which takes 0.2 s, and a process without a model needs no reset.
    if vars(global_state.GLOBAL_STATE_TRACKER) or vars(global_state.GLOBAL_SETTINGS_TRACKER):
        # A garbage collection would take 20 ms or more in a process with compiled models.
        keras.utils.clear_session(free_memory=False)


def build_loss(experiment: Experiment, target_scaling: TargetScaling | None) -> keras.losses.Loss:
    """Build the loss of an experiment, which is computed on standardized targets and outputs if there is a scaling."""
    loss = experiment.loss.build_keras_object()
    return loss if target_scaling is None else StandardizedLoss(loss, target_scaling)


def _save_with_plain_parts(model: keras.Sequential, plain_parts: Mapping[str, Any]) -> None:
    """Make the saved file of a model name a loss and an optimizer that Keras can load without `dnn`.

    Args:
        model: The compiled model.
        plain_parts: The loss or the optimizer or both, by the name of the argument of `compile`.
    """
    get_compile_config = model.get_compile_config

    def get_plain_config() -> dict[str, Any]:
        plain_config = {name: keras.saving.serialize_keras_object(part) for name, part in plain_parts.items()}
        return {**get_compile_config(), **plain_config}

    model.get_compile_config = get_plain_config


def build_initial_network(experiment: Experiment, *, precision: str = "float32") -> keras.Sequential:
    """Build the network of an experiment with its initial weights, without compiling a model.

    Within `keras.StatelessScope`, no variable of TensorFlow is created.

    Args:
        experiment: The experiment.
        precision: Keras's dtype policy for all layers except the last.
    """
    keras.utils.set_random_seed(experiment.seed)
    return _build_layers(experiment, precision)


def compute_initial_values(experiment: Experiment, *, precision: str = "float32") -> list[NDArray[Any]]:
    """Return the initial values of the variables of an experiment's network, in the order of `model.variables`.

    The values equal those of `build_model`. In Keras's stateless scope, no variable of TensorFlow is created, which
    takes half of the time.

    Args:
        experiment: The experiment.
        precision: Keras's dtype policy for all layers except the last.
    """
    with keras.StatelessScope():
        model = build_initial_network(experiment, precision=precision)
        return [keras.ops.convert_to_numpy(variable.value) for variable in model.variables]


def _build_layers(
    experiment: Experiment, precision: str, target_scaling: TargetScaling | None = None
) -> keras.Sequential:
    """Build the model of an experiment before its compilation."""
    layers = experiment.model.stack
    names = to_keras_names(list_layer_names(layers))
    precisions = [precision] * (len(layers) - 1) + ["float32"]
    built = [
        layer.build_keras_object(name=name, **({} if dtype == "float32" else {"dtype": dtype}))
        for name, layer, dtype in zip(names, layers, precisions, strict=True)
    ]
    (name,) = to_keras_names([experiment.model.name])
    # Another layer may already have Keras's name for the input.
    inputs = keras.Input(experiment.data.input_shape, name=find_free_name("input_layer", names))
    if target_scaling is not None:
        built.append(build_target_layer(target_scaling, find_free_name("target_scaling", names)))
    return keras.Sequential([inputs, *built], name=name)


def _build_metric(experiment: Experiment, metric: Metric) -> keras.metrics.Metric | str:
    """Build a metric.

    If the output is a single logit, the threshold of the accuracy is 0 instead of Keras's default 0.5. The logit 0 is
    the probability 0.5.
    """
    if metric.type == "accuracy" and experiment.target_encoding == "binary" and experiment.loss.takes_logits:
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    return metric.build_keras_object()
