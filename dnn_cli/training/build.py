"""An experiment → a compiled `keras.Sequential`, the same numbers in it every time."""

import keras

from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.stack import keras_names, layer_names


def build_model(experiment: Experiment) -> keras.Sequential:
    """The network with its initial weights, compiled: a pure function of the experiment.

    Resets Keras's global state, so that nothing built before in this process has an influence.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(experiment.seed)
    layers = experiment.model.layers
    names = keras_names(layer_names(layers))
    built = [layer.build(name=name) for name, layer in zip(names, layers, strict=True)]
    (name,) = keras_names([experiment.model.name])
    input_name = "input_layer"
    while input_name in names:  # the input counts as a layer, and a layer may have taken Keras's name for it
        input_name += "_"
    inputs = keras.Input(experiment.data.input_shape, name=input_name)
    model = keras.Sequential([inputs, *built], name=name)
    model.compile(
        optimizer=experiment.optimizer.build(),
        loss=experiment.loss.build(),
        metrics=[metric.build() for metric in experiment.metrics],
    )
    return model
