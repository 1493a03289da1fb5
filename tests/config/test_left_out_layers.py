"""Layers of Keras that are left out have a reason, and are not part of the vocabulary."""

import keras

from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.left_out_layers import LEFT_OUT_LAYERS


def test_no_layer_of_a_config_is_left_out():
    assert sorted(LAYERS_BY_TYPE.keys() & LEFT_OUT_LAYERS.keys()) == []


def test_left_out_layers_exist_and_their_reasons_complete_a_sentence():
    assert [name for name in LEFT_OUT_LAYERS if not hasattr(keras.layers, name)] == []
    assert all(reason[0].islower() and not reason.endswith(".") for reason in LEFT_OUT_LAYERS.values())
