"""Formats of exported models, with functions that write a model and compute outputs in the runtime of the format."""

import math
import os
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_FloatArray = NDArray[np.float32]


class _ExportFormat(NamedTuple):
    """Format of an exported model, and its runtime: the package that computes the outputs of such a model."""

    package_name: str
    """Name of the Python package of the runtime, such as `onnxruntime`."""

    write: Callable[[keras.Sequential, Path], None]
    compute: Callable[[Path, _FloatArray], _FloatArray]
    """Function that computes outputs of shape (n, units) from the path of an exported model and inputs of shape
    (n, …)."""

    @property
    def version(self) -> str:
        """Name and installed version of the runtime, such as `onnxruntime 1.22.0`."""
        return f"{self.package_name} {version(self.package_name)}"


def _write_keras(model: keras.Sequential, path: Path) -> None:
    """Write a model as a `.keras` file."""
    model.save(path)


def _compute_keras(path: Path, inputs: _FloatArray) -> _FloatArray:
    """Compute the outputs of a `.keras` file with Keras. Safe mode prevents code in the file from running."""
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return np.asarray(model.predict(inputs, verbose=0))


def _write_savedmodel(model: keras.Sequential, path: Path) -> None:
    """Write a model as a SavedModel, a directory for TensorFlow, TensorFlow Serving and similar programs."""
    model.export(path, format="tf_saved_model", verbose=False)


def _compute_savedmodel(path: Path, inputs: _FloatArray) -> _FloatArray:
    """Compute the outputs of a SavedModel with TensorFlow, without Keras."""
    # This object holds the variables, and must stay alive during the call.
    loaded = tf.saved_model.load(str(path))
    return np.asarray(loaded.serve(tf.constant(inputs)))


def _write_onnx(model: keras.Sequential, path: Path) -> None:
    """Write a model as an ONNX file with tf2onnx. Keras patches tf2onnx to work with NumPy 2."""
    _replace_unsupported_operations(model)
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="inputs")]
    model.export(str(path), format="onnx", verbose=False, input_signature=signature)


def _replace_unsupported_operations(model: keras.Sequential) -> None:
    """Replace operations that tf2onnx 1.17 lacks (Erfc, Expm1 and XLA) with others that have the same results."""
    for layer in model.layers:
        activation = getattr(layer, "activation", None)
        if activation is keras.activations.gelu:
            layer.activation = _compute_gelu
        elif activation is keras.activations.celu:
            layer.activation = _compute_celu
        if getattr(layer, "groups", 1) > 1:
            layer.convolution_op = partial(_convolve_groups, layer)


def _compute_gelu(x: tf.Tensor) -> tf.Tensor:
    """Compute Keras's gelu with erf instead of erfc."""
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


def _compute_celu(x: tf.Tensor) -> tf.Tensor:
    """Compute Keras's celu with exp instead of expm1."""
    return tf.maximum(x, 0.0) + tf.exp(tf.minimum(x, 0.0)) - 1


def _convolve_groups(layer: keras.layers.Conv2D, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Compute a convolution in groups without XLA.

    On a CPU, Keras compiles this convolution with XLA, and tf2onnx lacks XLA operations.
    """
    return tf.nn.conv2d(inputs, kernel, layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)


def _compute_onnx(path: Path, inputs: _FloatArray) -> _FloatArray:
    """Compute the outputs of an ONNX file with onnxruntime, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {session.get_inputs()[0].name: inputs})
    return np.asarray(outputs)


def _write_litert(model: keras.Sequential, path: Path) -> None:
    """Write a model as a LiteRT file with TensorFlow's converter.

    Only LiteRT's own operations are used, which every version of LiteRT can run.
    """
    with tempfile.TemporaryDirectory(prefix="dnn-") as directory:
        _write_savedmodel(model, Path(directory))
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(directory).convert())


def _compute_litert(path: Path, inputs: _FloatArray) -> _FloatArray:
    """Compute the outputs of a LiteRT file with LiteRT's interpreter, for all inputs at once."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_path=os.fspath(path))
    input_index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(input_index, inputs.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(input_index, inputs)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


EXPORT_FORMATS = {
    "keras": _ExportFormat("keras", _write_keras, _compute_keras),
    "savedmodel": _ExportFormat("tensorflow", _write_savedmodel, _compute_savedmodel),
    "onnx": _ExportFormat("onnxruntime", _write_onnx, _compute_onnx),
    "litert": _ExportFormat("ai-edge-litert", _write_litert, _compute_litert),
}
