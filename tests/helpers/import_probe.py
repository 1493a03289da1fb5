"""Process that imports TensorFlow as a command does, trains, evaluates and exports a model, and describes the results.

    python -m tests.helpers.import_probe DIRECTORY

The description is one line of JSON, the last of the output.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

CONFIG = """\
name: probe
data: {dataset: iris, test_size: 0.2}
model:
  layers: [{type: Dense, units: 8, activation: relu}, {type: Dropout, rate: 0.2}, {type: Dense, units: 3, activation: softmax}]
epochs: 2
"""  # noqa: E501


def main(directory):
    from dnn_cli.host import lazy_modules
    from dnn_cli.host.process_kind import mark_own_process
    from dnn_cli.training.tensorflow_startup import import_tensorflow

    mark_own_process()
    import_tensorflow()
    description = {"registries": describe_registries()}
    run_commands(directory)
    description["results"] = describe_results(directory)
    unloaded = sorted(lazy_modules._unloaded_modules)
    for name in unloaded:
        sys.modules[name].__dict__  # noqa: B018 - loads the module
    description["unloaded"] = unloaded
    description["names"] = describe_names()
    print(json.dumps(description))


def run_commands(directory):
    from dnn_cli.cli.app import app

    config = directory / "probe.yaml"
    config.write_text(CONFIG)
    runs = ["--runs-dir", str(directory / "runs")]
    for words in (
        ["train", str(config), *runs],
        ["evaluate", "@1", *runs],
        ["export", "@1", "--format", "savedmodel", "-o", str(directory / "exported"), *runs],
    ):
        assert not app(words, prog_name="dnn", standalone_mode=False), words


def describe_registries():
    """The names that importing modules have registered in TensorFlow."""
    from tensorflow.python.framework import ops, tensor_conversion_registry, type_spec_registry
    from tensorflow.python.ops.parallel_for import pfor
    from tensorflow.python.saved_model import nested_structure_coder, revived_types
    from tensorflow.python.util import dispatch

    return {
        "gradients": sorted(ops.gradient_registry.list()),
        "conversions": sorted(map(str, tensor_conversion_registry._tensor_conversion_func_registry)),
        "types": sorted(type_spec_registry._NAME_TO_TYPE_SPEC),
        "vectorised": sorted(pfor._pfor_converter_registry),
        "codecs": sorted(type(codec).__name__ for codec in nested_structure_coder._codecs),
        "revived": sorted(revived_types._REVIVED_TYPE_REGISTRY),
        "dispatchers": len(dispatch._GLOBAL_DISPATCHERS),
    }


def describe_results(directory):
    """Digests of the weights, the history and the predictions of the run, and of an exported model's outputs."""
    import keras
    import tensorflow as tf

    (run,) = (path for path in (directory / "runs").iterdir() if (path / "run.json").exists())
    model = keras.models.load_model(run / "model.keras")
    record = json.loads((run / "run.json").read_text())
    exported = tf.saved_model.load(str(directory / "exported"))
    inputs = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    return {
        "weights": [digest(weight) for weight in model.get_weights()],
        "history": [line.rpartition(",")[0] for line in (run / "metrics.csv").read_text().splitlines()],
        "evaluations": [evaluation["scores"] for evaluation in record["evaluated"]],
        "predictions": {name: digest(array) for name, array in np.load(run / "predictions.npz").items()},
        "outputs": digest(exported.serve(inputs)),
    }


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def describe_names():
    """The names in each module of TensorFlow and Keras, with the names of the modules among them."""
    names = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith(("tensorflow.", "keras.")) or name in ("tensorflow", "keras"):
            names[name] = {
                key: getattr(value, "__name__", "") if type(value).__name__ == "module" else ""
                for key, value in vars(module).items()
                if not key.startswith("__")
            }
    return names


if __name__ == "__main__":
    main(Path(sys.argv[1]))
