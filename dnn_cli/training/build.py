"""An experiment → a compiled `keras.Sequential`, the same numbers in it every time."""

import keras

from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.metrics import Metric
from dnn_cli.spec.stack import keras_names, layer_names


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
    names = keras_names(layer_names(layers))
    precisions = [precision] * (len(layers) - 1) + ["float32"]
    built = [
        layer.build(name=name, **({} if dtype == "float32" else {"dtype": dtype}))
        for name, layer, dtype in zip(names, layers, precisions, strict=True)
    ]
    (name,) = keras_names([experiment.model.name])
    input_name = "input_layer"
    while input_name in names:  # the input counts as a layer, and a layer may have taken Keras's name for it
        input_name += "_"
    inputs = keras.Input(experiment.data.input_shape, name=input_name)
    model = keras.Sequential([inputs, *built], name=name)
    model.compile(
        optimizer=experiment.optimizer.build(),
        loss=experiment.loss.build(),
        metrics=[build_metric(experiment, metric) for metric in experiment.metrics],
        jit_compile=jit,
    )
    # Keras on TensorFlow builds an optimizer while it traces the first step, where schedule_free_adamw loses the
    # weights that its average starts from; and what makes variables is traced twice.
    model.optimizer.build(model.trainable_variables)
    return model


def build_metric(experiment: Experiment, metric: Metric) -> keras.metrics.Metric | str:
    """A metric; accuracy of one logit is whether it is above 0, where Keras's own choice would take 0.5."""
    if metric.type == "accuracy" and experiment.labels == "binary" and experiment.loss.logits:
        return keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    return metric.build()
