"""Import of custom layers: the only code of `dnn` that runs a module of the user.

The callers have the permission of the user (`--allow-code`), which they pass as the directory of the modules. The
executed code is the content whose SHA-256 is compared with the digest in the config, and not a later state of the file.
"""

import importlib
import importlib.util
import math
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from dnn_cli.config.custom_code import check_code_permission, list_custom_layers
from dnn_cli.config.digests import compute_network_digest
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import compute_stages, format_shape
from dnn_cli.config.layers.custom import CustomLayer
from dnn_cli.config.module_source import ModuleSource, find_module_source
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.training.model_builder import build_initial_network

_MAX_MESSAGE_LENGTH = 300
_MAX_LISTED_CLASSES = 12

_digests_by_module: dict[str, str] = {}
"""Digests of the source files of the modules that this process has executed."""

_counts_by_network: dict[str, dict[str, int]] = {}
"""Numbers of parameters of the networks that this process has checked, by network digest."""


def import_custom_layers(experiment: Experiment, directory: str | None) -> list[str]:
    """Import the classes of the custom layers of an experiment, and register the classes in Keras.

    `CustomLayer.build_keras_object` and `keras.saving.load_model` then find the classes. Without custom layers, nothing
    happens.

    Args:
        experiment: The experiment.
        directory: The directory in which modules are searched first; `None` without permission.

    Returns:
        A line for each source file whose digest differs from the digest in the config.

    Raises:
        UsageError: the permission is missing, or a class cannot be imported.
    """
    check_code_permission(experiment, directory)
    changes = []
    registry = keras.saving.get_custom_objects()
    types_by_name: dict[str, str] = {}
    for layer in list_custom_layers(experiment):
        source = find_module_source(layer.module, directory or "")
        if layer.source_digest not in (None, source.digest):
            changes.append(f"{source.path} has changed since the training: outputs can differ")
        cls = _find_class(layer, _import_module(source, directory or ""))
        name = keras.saving.get_registered_name(cls)
        if types_by_name.setdefault(name, layer.type) != layer.type:
            raise UsageError(
                f"{types_by_name[name]} and {layer.type} have the same name in saved models, {name}",
                "rename one of the classes",
            )
        registry[layer.type] = registry[name] = cls
    return list(dict.fromkeys(changes))


def count_custom_parameters(experiment: Experiment) -> dict[str, int]:
    """Check the custom layers of an experiment, which must be imported, and count the parameters of the network.

    The network is built without variables of TensorFlow. An equal network is checked once in a process.

    Returns:
        The number of all parameters as `total`, and of the trainable ones as `trainable`.

    Raises:
        UsageError: the code of a custom layer raises an exception, or returns another shape than the config has.
    """
    key = compute_network_digest(experiment)
    if key not in _counts_by_network:
        _counts_by_network[key] = _check_network(experiment)
    return _counts_by_network[key]


def _check_network(experiment: Experiment) -> dict[str, int]:
    """Build a network with custom layers, check its shapes and its code for trainings, and count its parameters.

    Raises:
        UsageError: the code of a custom layer raises an exception, or returns another shape than the config has.
    """
    try:
        with keras.StatelessScope():
            model = build_initial_network(experiment)
            _check_saved_arguments(experiment)
            _check_shapes(experiment, model)
            # The construction of a model runs no code for `training=True`.
            inputs = tf.TensorSpec((None, *experiment.data.input_shape), tf.float32)
            tf.function(lambda tensor: model(tensor, training=True), autograph=False).get_concrete_function(inputs)
    except UsageError:
        raise
    except Exception as error:
        types = ", ".join(dict.fromkeys(layer.type for layer in list_custom_layers(experiment)))
        raise UsageError(f"the network with {types} cannot be built: {_describe_exception(error)}") from error
    counts = {"total": model.weights, "trainable": model.trainable_weights}
    return {name: sum(math.prod(weight.shape) for weight in weights) for name, weights in counts.items()}


def _check_shapes(experiment: Experiment, model: keras.Sequential) -> None:
    """Check that each layer of a model has the output shape of the config.

    Raises:
        UsageError: a custom layer returns another shape.
    """
    stages = compute_stages(experiment.model.stack, experiment.data.input_shape)
    for stage, layer in zip(stages, model.layers, strict=True):
        types = " or ".join(inner.type for inner in stage.layer.iter_layers() if isinstance(inner, CustomLayer))
        if not layer._inbound_nodes:
            # Keras leaves out the rest of a model without an error.
            raise UsageError(
                f"layer {stage.name}: Keras cannot compute its output shape",
                f"define compute_output_shape(self, input_shape) in {types}",
            )
        shape = tuple(layer.output.shape)[1:]
        if shape != stage.output_shape:
            raise UsageError(
                f"layer {stage.name} returns the shape {format_shape(shape)}, "
                f"and the config has {format_shape(stage.output_shape)}",
                f"write output_shape: {list(shape)} in this layer"
                if isinstance(stage.layer, CustomLayer) and None not in shape
                else f"write output_shape in {types}",
            )


def _check_saved_arguments(experiment: Experiment) -> None:
    """Check that the `get_config` of each custom layer has the arguments of the config, which a saved model needs.

    Raises:
        UsageError: an argument is missing.
    """
    for layer in list_custom_layers(experiment):
        missing = [name for name in layer.arguments if name not in layer.build_keras_object().get_config()]
        if missing:
            raise UsageError(
                f"get_config of {layer.type} lacks {', '.join(missing)}, so that a saved model could not be loaded",
                f"return {{**super().get_config(), {missing[0]!r}: self.{missing[0]}}}",
            )


def _find_class(layer: CustomLayer, module: ModuleType) -> Any:
    """Return the class of a custom layer in its module.

    Raises:
        UsageError: the module has no such class of Keras layers.
    """
    cls = getattr(module, layer.class_name, None)
    if not _is_layer_class(cls):
        classes = [name for name, value in vars(module).items() if _is_layer_class(value)]
        hint = suggest_nearest_name(layer.class_name, classes) or (
            f"its layers are {', '.join(classes[:_MAX_LISTED_CLASSES])}" if classes else "the file has no layers"
        )
        if cls is None:
            raise UsageError(f"{module.__file__} has no class {layer.class_name}", hint)
        raise UsageError(f"{layer.type} is not a subclass of keras.layers.Layer", hint)
    return cls


def _is_layer_class(value: Any) -> bool:
    """Return whether a value is a class of Keras layers."""
    return isinstance(value, type) and issubclass(value, keras.layers.Layer)


def _import_module(source: ModuleSource, directory: str) -> ModuleType:
    """Return the module of a source file, which is executed unless this process has done so.

    Raises:
        UsageError: the code raises an exception, its name belongs to another module, or the file has changed since this
            process executed the code.
    """
    module = sys.modules.get(source.module)
    if module is not None:
        if _get_file(module) != source.path.resolve():
            raise UsageError(
                f"{source.path} has the name of another imported module, {source.module}", "rename the file"
            )
        if _digests_by_module.get(source.module, source.digest) != source.digest:
            raise UsageError(f"{source.path} has changed since this process imported it", "start a new process")
        return module
    with _report_exceptions(source), _search_first(directory), redirect_stdout(sys.stderr):
        parent, _, child = source.module.rpartition(".")
        parent_module = importlib.import_module(parent) if parent else None
        if source.module in sys.modules:
            # The package itself imports the module.
            return sys.modules[source.module]
        module = _execute(source)
        if parent_module is not None:
            setattr(parent_module, child, module)
    _digests_by_module[source.module] = source.digest
    return module


def _execute(source: ModuleSource) -> ModuleType:
    """Execute the content of a source file as a new module of this process, and return the module."""
    locations = [str(source.path.parent)] if source.is_package else None
    spec = importlib.util.spec_from_file_location(source.module, source.path, submodule_search_locations=locations)
    if spec is None:
        raise ImportError(f"{source.path} is not a file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.module] = module
    try:
        exec(compile(source.content, str(source.path), "exec"), vars(module))  # noqa: S102 - the user permits this code
    except BaseException:
        del sys.modules[source.module]
        raise
    return module


def _get_file(module: ModuleType) -> Path | None:
    """Return the path of the source file of a module; `None` for a module of another kind."""
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


@contextmanager
def _report_exceptions(source: ModuleSource) -> Iterator[None]:
    """Convert the exceptions of a module's code into an error of a single line.

    Raises:
        UsageError: the code raised an exception, or tried to end the process.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{source.path} cannot be imported: {_describe_exception(error)}") from error


@contextmanager
def _search_first(directory: str) -> Iterator[None]:
    """Search modules first in a directory within the block, and afterwards last, for imports in functions."""
    is_new = directory not in sys.path
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        sys.path.remove(directory)
        if is_new:
            sys.path.append(directory)


def _describe_exception(error: BaseException) -> str:
    """Return the class and the text of an exception in one line, with the place in the code of the user."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} at {error.filename}:{error.lineno}"
    files = {str(_get_file(sys.modules[name])) for name in _digests_by_module if name in sys.modules}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_user_frame(frame.filename, files)]
    location = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {_get_main_line(str(error))}{location}"


def _is_user_frame(file: str, files: set[str]) -> bool:
    """Return whether the file of a frame is a module of the user, or a module that is being imported."""
    is_library = "site-packages" in file or file.startswith(("<", sys.base_prefix)) or "dnn_cli" in Path(file).parts
    return str(Path(file).resolve()) in files or not is_library


def _get_main_line(text: str) -> str:
    """Return the line of an exception's text with its reason, without the lines that Keras adds before and after."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text).rpartition("Error encountered:")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        lines = lines[1:]
    return (lines or [""])[0][:_MAX_MESSAGE_LENGTH]
