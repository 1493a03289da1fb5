"""Suggestions for keys and names of Keras that a config spells in another way, or does not have.

Suggestions are right when followed literally; `tests/config/test_suggestions.py` follows them.
"""

import ast
import re
import warnings
from collections.abc import Mapping
from typing import Any

import yaml

from dnn_cli.config.base import KerasConfig
from dnn_cli.config.callbacks import CALLBACK_CLASSES, REMOVE_VERBOSE
from dnn_cli.config.data import Data
from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_stack import assign_layer_names
from dnn_cli.config.layer_union import find_layer_class
from dnn_cli.config.optimizers import DEFAULT_OPTIMIZER, BaseOptimizer
from dnn_cli.config.registry import CLASSES_BY_KIND, SPELLINGS, get_kind_at
from dnn_cli.config.sweep_values import format_as_yaml
from dnn_cli.errors import KeyPath

REMOVE_INPUT_SHAPE = "remove it: the data determines the input shape"
_CROSSENTROPY_NAMES = "use sparse_categorical_crossentropy for several classes, or binary_crossentropy for two"
_SAVE_AS_NPZ = (
    "save it with numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…), "
    "then write dataset: npz and path: data.npz"
)
WRITE_LAYER_LIST = "write model: {layers: […]}"

_REMOVE_TERMINATE_ON_NAN = "remove it: every training ends as diverged at a loss that is not a finite number"

_WRITE_SCHEDULE = (
    "write a schedule as the learning rate, for example "
    "optimizer.learning_rate={type: Warmup, warmup_steps: 100, learning_rate: 0.1}"
)

_MAX_VALUE_CHARACTERS = 200
"""Maximum number of characters of a value in a suggestion."""

_PYTHON_CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)", re.DOTALL)

KEY_SUGGESTIONS: dict[str, dict[str, str]] = {
    "": {
        "callbacks": f"write each callback as a key: {', '.join(sorted(CALLBACK_CLASSES))}",
        "compile": "write its arguments at the top level: optimizer, loss, metrics",
        "fit": "write its arguments at the top level: epochs, batch_size",
        "layers": "write layers below model:",
        "Sequential": WRITE_LAYER_LIST,
        **dict.fromkeys(("terminate_on_nan", "TerminateOnNaN"), _REMOVE_TERMINATE_ON_NAN),
        **dict.fromkeys(("learning_rate_scheduler", "LearningRateScheduler"), _WRITE_SCHEDULE),
        "shuffle": "remove it: the training examples are shuffled in every epoch",
        "verbose": REMOVE_VERBOSE,
    },
    "model": {
        "Sequential": "write layers instead",
        "class_name": "remove it: every model is a stack of layers, like Keras's Sequential",
        "type": "remove it: every model is a stack of layers, like Keras's Sequential",
    },
    "layer": {
        "batch_input_shape": REMOVE_INPUT_SHAPE,
        "batch_shape": REMOVE_INPUT_SHAPE,
        "input_dim": REMOVE_INPUT_SHAPE,
    },
    **{key: cls.key_suggestions for key, cls in CALLBACK_CLASSES.items()},
}
"""Suggestions for keys of Keras, by the part of the config with the key (empty for the top level) and by key."""

RENAMED_KEYS = {
    "alpha": "negative_slope",
    "validation_split": "validation_size",
    "jit_compile": "jit",
    "random_state": "seed",
    "lr": "learning_rate",
}
"""Keys of `dnn`, by the name of the same setting in Keras or scikit-learn."""

NAME_SUGGESTIONS: dict[str, dict[str, str]] = {
    "layer": {
        "Input": REMOVE_INPUT_SHAPE,
        "InputLayer": REMOVE_INPUT_SHAPE,
        "Linear": "did you mean Dense?",
        "Normalization": "remove it, and write standardize: true below data:",
    },
    "activation": {"lrelu": "did you mean leaky_relu?"},
    "loss": {
        "cce": "did you mean categorical_crossentropy?",
        "scce": "did you mean sparse_categorical_crossentropy?",
        **dict.fromkeys(("crossentropy", "cross_entropy", "ce"), _CROSSENTROPY_NAMES),
    },
    "initializer": {
        "xavier_normal": "did you mean glorot_normal?",
        "xavier_uniform": "did you mean glorot_uniform?",
    },
    "dataset": dict.fromkeys(("cifar10", "cifar100", "california_housing", "boston_housing"), _SAVE_AS_NPZ),
}
"""Suggestions for names of Keras that a config does not accept, by kind (layer, loss and so on) and by name."""


def suggest_for_key(key: str, owner: str, root: Mapping[str, Any], value: Any, *, on_command_line: bool) -> str:
    """Return the suggestion for an unknown key that Keras has; an empty text for any other key.

    Args:
        key: The unknown key.
        owner: The part with the key: `layer`, a key of the config, or an empty text for the top level.
        root: The plain values of the config.
        value: The value of the key.
        on_command_line: Whether the key was written on the command line.
    """
    if suggestion := KEY_SUGGESTIONS.get(owner, {}).get(key):
        return suggestion
    name = RENAMED_KEYS.get(key, key)
    head, _, inner_key = key.partition(".")
    if head in ("data", "optimizer") and inner_key:
        return suggest_for_key(inner_key, "", root, value, on_command_line=on_command_line)
    if isinstance(value, str) and (type_name := SPELLINGS.get(owner, {}).get(value, value)) in CLASSES_BY_KIND.get(
        owner, {}
    ):
        return f"write type: {type_name} instead"
    if owner:
        is_top = (
            name not in ("name", "seed")
            and name in Experiment.model_fields
            and owner in (*Experiment.model_fields, "layer")
        )
        if not is_top:
            return ""
        return f"write {name}={format_short_yaml(value)}" if on_command_line else f"write {name} at the top level"
    if name in Experiment.model_fields:
        return f"write {_format_setting(name, value, on_command_line=on_command_line)}"
    if name in Data.model_fields:
        return (
            f"write data.{name}={format_short_yaml(value)}"
            if on_command_line
            else f"write {name}: {format_short_yaml(value)} below data:"
        )
    optimizer = root.get("optimizer", DEFAULT_OPTIMIZER)
    optimizer_config = optimizer if isinstance(optimizer, dict) else {"type": optimizer}
    cls = CLASSES_BY_KIND["optimizer"].get(str(optimizer_config.get("type", DEFAULT_OPTIMIZER)))
    if cls is not None and name in cls.model_fields:
        if on_command_line:
            return f"write optimizer.{name}={format_short_yaml(value)}"
        completed = {"type": DEFAULT_OPTIMIZER, **optimizer_config, name: value}
        return f"write {_format_setting('optimizer', completed, on_command_line=False)}"
    if on_command_line and (addresses := _find_layers_with_argument(name, root)):
        return (
            "write "
            f"{' or '.join(f'{address}.{_format_setting(name, value, on_command_line=True)}' for address in addresses)}"
        )
    return _suggest_layer_for_key(key, value) or _suggest_for_dotted_key(key, value)


def _suggest_layer_for_key(key: str, value: Any) -> str:
    """Return the suggestion for a layer that is written as a key of the top level: `dropout: 0.2`.

    The suggestion is empty if the key is not a layer.
    """
    name = {layer_name.lower(): layer_name for layer_name in CLASSES_BY_KIND["layer"]}.get(key.replace("_", "").lower())
    written = suggest_typed_mapping({name: None if isinstance(value, bool) else value}, "layer")
    return f"{name} is a layer: add {written.removeprefix('write ')} to model.layers" if written else ""


def _find_layers_with_argument(name: str, root: Mapping[str, Any]) -> list[str]:
    """Return the keys, such as `layers.hidden`, of the layers of a config that have the argument `name`.

    For `units` and `activation`, the last fully connected layer and the layers after it are left out. The reason is
    that the data and the loss determine the units and the activation of the output.
    """
    model = root.get("model")
    layers = model.get("layers") if isinstance(model, dict) else None
    items = (
        [layer if isinstance(layer, dict) else {"type": layer} for layer in layers] if isinstance(layers, list) else []
    )
    names = assign_layer_names(
        (str(layer["name"]) if "name" in layer else None, str(layer.get("type"))) for layer in items
    )
    classes = [find_layer_class(layer) for layer in items]
    connected = [at for at, cls in enumerate(classes) if cls and cls.is_fully_connected]
    end = connected[-1] if connected and name in ("units", "activation") else len(items)
    taking = zip(names[:end], classes[:end], strict=True)
    return [f"layers.{at}" for at, cls in taking if cls and name in cls.model_fields]


def _suggest_for_dotted_key(key: str, value: Any) -> str:
    """Return the suggestion for a dotted key in a config file; an empty text for any other key.

    `optimizer.momentum: 0.9` gives `write momentum: 0.9 below optimizer:`.
    """
    head, dot, inner_key = key.partition(".")
    if not dot or "." in inner_key or head not in KEY_SUGGESTIONS or head == "layer":
        return ""
    return f"write {inner_key}: {format_short_yaml(value)} below {head}:"


def _format_setting(key: str, value: Any, *, on_command_line: bool) -> str:
    """Return a key with its value: `key=value` on the command line, `key: value` in a file."""
    return f"{key}{'=' if on_command_line else ': '}{format_short_yaml(value)}"


def format_short_yaml(value: Any) -> str:
    """Return a plain value as YAML on a single line, cut after 200 characters."""
    text = format_as_yaml(value)
    return text if len(text) <= _MAX_VALUE_CHARACTERS else f"{text[:_MAX_VALUE_CHARACTERS]}…"


def suggest_for_name(name: str, kind: str) -> str:
    """Return the suggestion for an unknown name that Keras has, or that is a Python call; else an empty text."""
    return NAME_SUGGESTIONS.get(kind, {}).get(name) or _suggest_for_call(name, kind)


def _suggest_for_call(text: str, kind: str) -> str:
    """Return the suggestion for a Python call: `max_norm(1.)` becomes `{type: max_norm, max_value: 1.0}`."""
    if len(text) > _MAX_VALUE_CHARACTERS or not _PYTHON_CALL.fullmatch(text):
        return ""
    try:
        with warnings.catch_warnings():
            # Python warns about invalid escapes in a text.
            warnings.simplefilter("ignore")
            call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if not isinstance(call, ast.Call):
        return ""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    name = SPELLINGS.get(kind, {}).get(name, name)
    cls = CLASSES_BY_KIND.get(kind, {}).get(name)
    if cls is None or len(call.args) > len(list_positional_arguments(cls)):
        return ""
    try:
        arguments = {
            key: ast.literal_eval(value) for key, value in zip(list_positional_arguments(cls), call.args, strict=False)
        }
        arguments |= {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        arguments = {key: list(value) if isinstance(value, tuple) else value for key, value in arguments.items()}
        return (
            f"write {format_short_yaml({'type': name, **_rename_old_arguments(arguments, cls)}) if arguments else name}"
        )
    # An argument may be an expression, or a value that YAML cannot represent.
    except (ValueError, TypeError, yaml.YAMLError):
        return ""


def _rename_old_arguments(arguments: dict[str, Any], cls: type[KerasConfig]) -> dict[str, Any]:
    """Return the arguments for a class, with names from older versions of Keras replaced by current names.

    In older versions, `decay` divided the learning rate by 1 + decay × step. `decay` becomes
    the schedule `InverseTimeDecay`.
    """
    renamed_arguments = {
        (RENAMED_KEYS.get(key, key) if key not in cls.model_fields else key): arguments[key] for key in arguments
    }
    decay, default = renamed_arguments.get("decay"), cls.model_fields.get("learning_rate")
    rate = renamed_arguments.get("learning_rate", default and default.default)
    if not issubclass(cls, BaseOptimizer) or not isinstance(decay, float) or not isinstance(rate, float):
        return renamed_arguments
    del renamed_arguments["decay"]
    schedule = {"type": "InverseTimeDecay", "initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
    return renamed_arguments | {"learning_rate": schedule if decay else rate}


def suggest_for_value(value: Any, path: KeyPath, *, on_command_line: bool) -> str:
    """Return the suggestion for a plain value in place of a mapping; an empty text if there is no suggestion.

    Examples are `early_stopping: 3` and `kernel_regularizer: 0.01`.
    """
    key, kind = str(path[-1]) if path else "", get_kind_at(path)
    if key in CALLBACK_CLASSES:
        if value is False:
            return "remove it"
        has_patience = "patience" in CALLBACK_CLASSES[key].model_fields
        is_count = isinstance(value, int) and value is not True and has_patience
        return f"write {_format_setting(key, {'patience': value} if is_count else {}, on_command_line=on_command_line)}"
    if key == "data" and isinstance(value, str):
        return _suggest_for_data(value, on_command_line=on_command_line)
    if kind == "regularizer" and isinstance(value, float):
        return f"write {format_short_yaml({'type': 'l2', 'l2': value})}"
    if kind == "schedule" and isinstance(value, str) and value in CLASSES_BY_KIND["schedule"]:
        needed = [
            name for name, field in CLASSES_BY_KIND["schedule"][value].model_fields.items() if field.is_required()
        ]
        return f"write {{type: {value}, {', '.join(f'{name}: …' for name in needed)}}}"
    return ""


def _suggest_for_data(name: str, *, on_command_line: bool) -> str:
    """Return the suggestion for data written as a dataset's name or as a file: `data=digits`, `data=my.csv`."""
    if suggestion := NAME_SUGGESTIONS["dataset"].get(name):
        return suggestion
    endings = {".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".npz": "npz", ".npy": "npz"}
    file_kind = next((kind for ending, kind in endings.items() if name.lower().endswith(ending)), None)
    if file_kind is not None:
        return f"write {_format_setting('data', {'dataset': file_kind, 'path': name}, on_command_line=on_command_line)}"
    if name in DATASETS:
        return (
            f"write data.dataset={name}" if on_command_line else f"write data: {format_short_yaml({'dataset': name})}"
        )
    return f"write {'data.dataset=… ' if on_command_line else 'data: {dataset: …} '}with one of {', '.join(DATASETS)}"


def suggest_typed_mapping(value: Any, kind: str) -> str:
    """Return the suggestion for a type written as a key: `Dense: {units: 9}` becomes `{type: Dense, units: 9}`.

    The suggestion is empty for any other value.
    """
    if not isinstance(value, dict):
        return ""
    if isinstance(name := value.get("class_name"), str):
        arguments = value.get("config") or {}
    elif len(value) == 1:
        ((name, arguments),) = value.items()
    else:
        return ""
    name = SPELLINGS.get(kind, {}).get(name, name)
    cls = CLASSES_BY_KIND.get(kind, {}).get(str(name))
    if cls is None:
        return ""
    if not isinstance(arguments, dict):
        first = list_positional_arguments(cls)[:1]
        arguments = {first[0]: arguments} if first and arguments is not None else {}
    return f"write {format_short_yaml({'type': name, **_rename_old_arguments(arguments, cls)}) if arguments else name}"


def list_positional_arguments(cls: type[KerasConfig]) -> tuple[str, ...]:
    """Return the names of the arguments that calls of a Keras class usually pass by position, in Keras's order."""
    if issubclass(cls, BaseOptimizer):
        return ("learning_rate",)
    if cls in CLASSES_BY_KIND["metric"].values():
        return ()
    needed = [name for name in cls.get_field_order() if cls.model_fields[name].is_required()]
    own_fields = [name for name in cls.__annotations__ if name in cls.model_fields and name != "type"]
    return tuple(needed or own_fields[:2])
