"""Every layer of Keras can be part of a config, or is left out with a reason."""

import inspect

import keras

from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS
from tests.helpers.keras_signatures import get_keras_class, is_in_keras


def test_every_layer_of_keras_is_in_the_vocabulary_or_left_out():
    classes = {cls for cls in vars(keras.layers).values() if inspect.isclass(cls)}
    layers = {cls for cls in classes if issubclass(cls, keras.layers.Layer)}
    covered = {get_keras_class(cls) for cls in LAYERS_BY_TYPE.values() if is_in_keras(cls)}
    covered |= {getattr(keras.layers, name) for name in LEFT_OUT_LAYERS}
    assert sorted(cls.__name__ for cls in layers - covered) == []


def test_no_layer_of_a_config_is_left_out():
    assert sorted(LAYERS_BY_TYPE.keys() & LEFT_OUT_LAYERS.keys()) == []


def test_left_out_layers_exist_and_their_reasons_complete_a_sentence():
    assert [name for name in LEFT_OUT_LAYERS if not hasattr(keras.layers, name)] == []
    assert all(reason[0].islower() and not reason.endswith(".") for reason in LEFT_OUT_LAYERS.values())
