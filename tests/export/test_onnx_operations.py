"""Operations that tf2onnx lacks are replaced, also within wrappers and recurrent layers."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dnn_cli.export.onnx_operations import replace_unsupported_operations


def list_unsupported_operations(model):
    """The operations in the graph of a model that tf2onnx lacks: names of operations, and functions for XLA."""
    inputs = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(inputs).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    compiled = {"XLA" for function in graph.library.function if "_XlaMustCompile" in function.attr}
    return {node.op for node in nodes if node.op in ("Erfc", "Expm1")} | compiled


def test_operations_of_wrapped_and_recurrent_layers_are_replaced():
    grouped = layers.TimeDistributed(layers.Conv1D(4, 3, groups=2, activation="gelu"))
    recurrent = layers.Bidirectional(layers.GRU(2, activation="celu", recurrent_activation="gelu"))
    model = keras.Sequential([keras.Input((2, 3, 2)), grouped, layers.Reshape((2, 4)), recurrent])
    inputs = np.random.default_rng(0).normal(size=(4, 2, 3, 2)).astype(np.float32)
    outputs = np.asarray(model(inputs))
    assert list_unsupported_operations(model) == {"Erfc", "Expm1", "XLA"}
    replace_unsupported_operations(model)
    assert list_unsupported_operations(model) == set()
    assert np.allclose(np.asarray(model(inputs)), outputs, atol=1e-6)
