"""Table of the formats of exported models, with functions that write a model and compute its outputs.

To add a format, define a `_write_` and a `_compute_` function and an entry in `EXPORT_FORMATS`.
"""

# Commands read names, suffixes and modules of the table, so its import must be fast: the functions import TensorFlow,
# Keras, NumPy and the runtimes when they are called.
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.export.table_interface import ENCODED_ENDPOINT, ROWS_ENDPOINT

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from dnn_cli.formats.table_encoding import TableEncoding


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """Format of an exported model, and its runtime: the package that computes the outputs of such a model."""

    name: str
    """Name of the format on the command line, such as `onnx`."""

    suffix: str
    """Suffix of the default export path. A path of `--output` must also have this suffix, unless the format writes a
    directory."""

    directory_marker: str | None = None
    """Name of a file by which a directory of this format is recognised. `None` if the format writes a single file."""

    runtime: str
    """Name of the Python package of the runtime, such as `onnxruntime`."""

    extra: str | None = None
    """Pip extra of `dnn` that installs `modules`. `None` if the format needs only TensorFlow and Keras."""

    modules: tuple[str, ...] = ()
    """Python modules that the format requires in addition to TensorFlow and Keras."""

    write: "Callable[[keras.Sequential, Path], None]"
    """Function that writes a model to a path, which does not exist before."""

    compute: "Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]"
    """Function that computes outputs of shape (n, units) from the path of an exported model and inputs of shape
    (n, …)."""

    write_table_model: "Callable[[keras.Sequential, TableEncoding, Sequence[str], Path], None] | None" = None
    """Function that writes a model that takes the cells of a table, from the encoding and the texts of missing cells.
    `None` if the format has no operations on texts."""

    compute_rows: "Callable[[Path, Mapping[str, Any]], NDArray[np.float32]] | None" = None
    """Function that computes outputs from the path of such a model and cells by the name of their column."""

    def takes_cells(self, encoding: "TableEncoding | None", *, scaling: bool) -> bool:
        """Return whether an exported model takes the cells of a table, and encodes and scales them itself.

        Args:
            encoding: The encoding of the run; `None` without typed columns.
            scaling: Whether the exported model scales inputs.
        """
        return self.write_table_model is not None and encoding is not None and scaling

    @property
    def runtime_version(self) -> str:
        """Name and installed version of the runtime, such as `onnxruntime 1.22.0`."""
        from importlib.metadata import version

        return f"{self.runtime} {version(self.runtime)}"


def _write_keras(model: "keras.Model", path: Path) -> None:
    """Write a model as a `.keras` file."""
    model.save(path)


def _compute_keras(path: Path, inputs: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Compute the outputs of a `.keras` file with Keras. Safe mode prevents code in the file from running."""
    import keras
    import numpy as np

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return np.asarray(model.predict(inputs, verbose=0))


def _write_savedmodel(model: "keras.Model", path: Path) -> None:
    """Write a model as a SavedModel, a directory for TensorFlow, TensorFlow Serving and similar programs."""
    model.export(path, format="tf_saved_model", verbose=False)


def _compute_savedmodel(path: Path, inputs: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Compute the outputs of a SavedModel with TensorFlow, without Keras."""
    import numpy as np
    import tensorflow as tf

    # This object holds the variables, and must stay alive during the call.
    loaded = tf.saved_model.load(str(path))
    serve = getattr(loaded, ENCODED_ENDPOINT, loaded.serve)
    return np.asarray(serve(tf.constant(inputs)))


def _write_savedmodel_of_table(
    model: "keras.Model", encoding: "TableEncoding", missing: "Sequence[str]", path: Path
) -> None:
    """Write a model as a SavedModel that takes the cells of a table, or encoded inputs.

    Raises:
        RunError: the format of a column of dates cannot be exported.
    """
    import keras
    import tensorflow as tf

    from dnn_cli.export.table_encoder import TableEncoder

    encoder = TableEncoder(encoding, missing)
    archive = keras.export.ExportArchive()
    for resource in (model, encoder):
        archive.track(resource)
    # The first function is the default signature.
    archive.add_endpoint(ROWS_ENDPOINT, lambda rows: model(encoder(rows), training=False), [encoder.signature])
    inputs = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="inputs")
    archive.add_endpoint(ENCODED_ENDPOINT, lambda inputs: model(inputs, training=False), [inputs])
    archive.write_out(str(path), verbose=False)


def _compute_savedmodel_rows(path: Path, cells: "Mapping[str, Any]") -> "NDArray[np.float32]":
    """Compute the outputs of a SavedModel from the cells of a table, without Keras."""
    import numpy as np
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return np.asarray(loaded.serve({name: tf.constant(column) for name, column in cells.items()}))


def _write_onnx(model: "keras.Model", path: Path) -> None:
    """Write a model as an ONNX file with tf2onnx. Keras patches tf2onnx to work with NumPy 2."""
    import tensorflow as tf

    from dnn_cli.export.onnx_operations import replace_unsupported_operations

    replace_unsupported_operations(model)
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="inputs")]
    model.export(str(path), format="onnx", verbose=False, input_signature=signature)


def _compute_onnx(path: Path, inputs: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Compute the outputs of an ONNX file with onnxruntime, on the CPU."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {session.get_inputs()[0].name: inputs})
    return np.asarray(outputs)


def _write_litert(model: "keras.Model", path: Path) -> None:
    """Write a model as a LiteRT file with TensorFlow's converter.

    Only LiteRT's own operations are used, which every version of LiteRT can run.
    """
    import tensorflow as tf

    from dnn_cli.export.litert_layers import keep_centering

    with tempfile.TemporaryDirectory(prefix="dnn-") as directory:
        _write_savedmodel(keep_centering(model), Path(directory))
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(directory).convert())


def _compute_litert(path: Path, inputs: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Compute the outputs of a LiteRT file with LiteRT's interpreter, for all inputs at once."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_path=os.fspath(path))
    input_index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(input_index, inputs.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(input_index, inputs)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


EXPORT_FORMATS: dict[str, ExportFormat] = {
    export_format.name: export_format
    for export_format in (
        ExportFormat(name="keras", suffix=".keras", runtime="keras", write=_write_keras, compute=_compute_keras),
        ExportFormat(
            name="savedmodel",
            suffix="_savedmodel",
            directory_marker="saved_model.pb",
            runtime="tensorflow",
            write=_write_savedmodel,
            compute=_compute_savedmodel,
            write_table_model=_write_savedmodel_of_table,
            compute_rows=_compute_savedmodel_rows,
        ),
        ExportFormat(
            name="onnx",
            suffix=".onnx",
            runtime="onnxruntime",
            extra="onnx",
            modules=("onnx", "tf2onnx", "onnxruntime"),
            write=_write_onnx,
            compute=_compute_onnx,
        ),
        ExportFormat(
            name="litert",
            suffix=".tflite",
            runtime="ai-edge-litert",
            extra="litert",
            modules=("ai_edge_litert",),
            write=_write_litert,
            compute=_compute_litert,
        ),
    )
}
"""Formats by name, in the order of the help."""
