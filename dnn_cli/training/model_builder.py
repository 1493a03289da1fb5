"""Building of the compiled Keras model of an experiment, with the same initial weights every time."""

import keras

from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import list_layer_names, to_keras_names
from dnn_cli.config.metrics import Metric


def build_model(experiment: Experiment, *, jit: bool = False, precision: str = "float32") -> keras.Sequential:
    """The network with its initial weights, compiled: a pure function of the experiment and these arguments.

    Resets Keras's global state, so that nothing built before in this process has an influence.

    Args:
        experiment: What to build.
        jit: Whether XLA compiles its steps.
        precision: Keras's dtype policy for all layers but the last, whose outputs stay float32.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(experiment.seed)
    layers = experiment.model.stack
    names = to_keras_names(list_layer_names(layers))
    precisions = [precision] * (len(layers) - 1) + ["float32"]
    built = [
        layer.build_keras_object(name=name, **({} if dtype == "float32" else {"dtype": dtype}))
        for name, layer, dtype in zip(names, layers, precisions, strict=True)
    ]
    (name,) = to_keras_names([experiment.model.name])
    input_name = "input_layer"
    while input_name in names:  # the input counts as a layer, and a layer may have taken Keras's name for it
        input_name += "_"
    inputs = keras.Input(experiment.data.input_shape, name=input_name)
    model = keras.Sequential([inputs, *built], name=name)
    model.compile(
        optimizer=experiment.optimizer.build_keras_object(),
        loss=experiment.loss.build_keras_object(),
        metrics=[_build_metric(experiment, metric) for metric in experiment.metrics],
        jit_compile=jit,
    )
    # Keras on TensorFlow builds an optimizer while it traces the first step, where schedule_free_adamw loses the
    # weights that its average starts from; and what makes variables is traced twice.
    model.optimizer.build(model.trainable_variables)
    return model


def _build_metric(experiment: Experiment, metric: Metric) -> keras.metrics.Metric | str:
    """A metric; accuracy of one logit is whether it is above 0, where Keras's own choice would take 0.5."""
    if metric.type == "accuracy" and experiment.target_encoding == "binary" and experiment.loss.takes_logits:
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    return metric.build_keras_object()
