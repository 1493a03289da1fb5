"""Hints for keys and names of Keras that a config does not have: what to write in `dnn`.

A hint is to be followed literally; `tests/spec/test_hints.py` does that for every one.
"""

import ast
import re
import warnings
from collections.abc import Mapping
from typing import Any

import yaml

from dnn_cli.spec.base import KerasPart
from dnn_cli.spec.catalog import KINDS, kind_at
from dnn_cli.spec.data import Data
from dnn_cli.spec.datasets import DATASETS
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.optimizers import DEFAULT, BaseOptimizer
from dnn_cli.spec.spelling import SPELLINGS
from dnn_cli.spec.stack import names_of
from dnn_cli.spec.values import typed as typed_text
from dnn_cli.spec.yaml_file import KeyPath

BEST_ONLY = "remove it: dnn keeps the best model only, as best.keras in the run's directory"
DIRECTION = "remove it: the direction that is better is known from the score"
SHAPE = "remove it: the shape of the input comes from the data"
CROSSENTROPY = "sparse_categorical_crossentropy for several classes, binary_crossentropy for two"
SAVE = "numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…), then dataset: npz and path: data.npz"
LIST = "write model: {layers: […]}"
SHOWN = "remove it: a terminal shows every epoch"

MOST_SHOWN = 200
"""Characters of a value in a hint."""

CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)", re.DOTALL)

KEYS: dict[str, dict[str, str]] = {
    "": {
        "callbacks": "each callback is a key of its own: early_stopping, model_checkpoint, reduce_lr_on_plateau",
        "compile": "write its arguments at the top level: optimizer, loss, metrics",
        "fit": "write its arguments at the top level: epochs, batch_size",
        "layers": "write it below model:",
        "Sequential": LIST,
        "shuffle": "remove it: the training examples are shuffled in every epoch",
        "verbose": SHOWN,
    },
    "model": {
        "Sequential": "write layers in its place",
        "class_name": "remove it: a model is a stack of layers, as Keras's Sequential",
        "type": "remove it: a model is a stack of layers, as Keras's Sequential",
    },
    "layer": {"batch_input_shape": SHAPE, "batch_shape": SHAPE, "input_dim": SHAPE},
    "early_stopping": {"mode": DIRECTION, "verbose": SHOWN},
    "reduce_lr_on_plateau": {"mode": DIRECTION, "verbose": SHOWN},
    "model_checkpoint": {
        "filepath": BEST_ONLY,
        "save_best_only": BEST_ONLY,
        "save_freq": BEST_ONLY,
        "save_weights_only": "remove it: the whole model is kept",
        "mode": DIRECTION,
        "verbose": SHOWN,
    },
}
"""Keys of Keras by the part that holds them, each with what to do."""

RENAMED = {"validation_split": "validation_size", "jit_compile": "jit", "random_state": "seed", "lr": "learning_rate"}
"""Keys of Keras and scikit-learn that have another name here."""

NAMES: dict[str, dict[str, str]] = {
    "layer": {
        "Input": SHAPE,
        "InputLayer": SHAPE,
        "Linear": "did you mean Dense?",
        "LeakyReLU": "write {type: Activation, activation: leaky_relu}, whose slope is 0.2",
        "Normalization": "remove it, and write standardize: true below data:",
    },
    "activation": {"lrelu": "did you mean leaky_relu?"},
    "loss": {
        "cce": "did you mean categorical_crossentropy?",
        "scce": "did you mean sparse_categorical_crossentropy?",
        **dict.fromkeys(("crossentropy", "cross_entropy", "ce"), CROSSENTROPY),
    },
    "initializer": {
        "xavier_normal": "did you mean glorot_normal?",
        "xavier_uniform": "did you mean glorot_uniform?",
    },
    "dataset": dict.fromkeys(("cifar10", "cifar100", "california_housing", "boston_housing"), SAVE),
}
"""Names of Keras by kind, each with what to do."""


def key_hint(key: str, owner: str, root: Mapping[str, Any], value: Any, *, typed: bool) -> str:
    """Return what to do about a key of Keras; an empty text for any other key.

    Args:
        key: The key that no part of the config has.
        owner: The part that holds the key: `layer`, a key of the config, or an empty text for the top level.
        root: The config.
        value: The value of the key.
        typed: Whether it was written on the command line.
    """
    if known := KEYS.get(owner, {}).get(key):
        return known
    name = RENAMED.get(key, key)
    head, _, rest = key.partition(".")
    if head in ("data", "optimizer") and rest:
        return key_hint(rest, "", root, value, typed=typed)
    if isinstance(value, str) and (part := SPELLINGS.get(owner, {}).get(value, value)) in KINDS.get(owner, {}):
        return f"write type: {part} in its place"
    if owner:
        is_top = (
            name not in ("name", "seed")
            and name in Experiment.model_fields
            and owner in (*Experiment.model_fields, "layer")
        )
        return f"write {name}{'=' if typed else ' '}{flow(value) if typed else 'at the top level'}" if is_top else ""
    if name in Experiment.model_fields:
        return f"write {given(name, value, typed=typed)}"
    if name in Data.model_fields:
        return f"write data.{name}={flow(value)}" if typed else f"write {name}: {flow(value)} below data:"
    optimizer = root.get("optimizer", DEFAULT)
    whole = optimizer if isinstance(optimizer, dict) else {"type": optimizer}
    cls = KINDS["optimizer"].get(str(whole.get("type", DEFAULT)))
    if cls is not None and name in cls.model_fields:
        if typed:
            return f"write optimizer.{name}={flow(value)}"
        return f"write {given('optimizer', {'type': DEFAULT, **whole, name: value}, typed=False)}"
    if typed and (addresses := layers_with(name, root)):
        return f"write {' or '.join(f'{address}.{given(name, value, typed=True)}' for address in addresses)}"
    return layer_hint(key, value) or dotted(key, value)


def layer_hint(key: str, value: Any) -> str:
    """Return how a layer is written that stands as a key at the top level: `dropout: 0.2`."""
    name = {known.lower(): known for known in KINDS["layer"]}.get(key.replace("_", "").lower())
    written = typed_hint({name: None if isinstance(value, bool) else value}, "layer")
    return f"{name} is a layer: add {written.removeprefix('write ')} to model.layers" if written else ""


def layers_with(name: str, root: Mapping[str, Any]) -> list[str]:
    """Return the addresses of the layers of a config that take an argument.

    The units and the activation of the output come from the data and the loss; the layers from the last Dense layer
    on are left out for these.
    """
    model = root.get("model")
    layers = model.get("layers") if isinstance(model, dict) else None
    items = [one if isinstance(one, dict) else {"type": one} for one in layers] if isinstance(layers, list) else []
    names = names_of((str(one["name"]) if "name" in one else None, str(one.get("type"))) for one in items)
    classes = [KINDS["layer"].get(str(one.get("type"))) for one in items]
    dense = [at for at, one in enumerate(items) if one.get("type") == "Dense"]
    end = dense[-1] if dense and name in ("units", "activation") else len(items)
    taking = zip(names[:end], classes[:end], strict=True)
    return [f"layers.{at}" for at, cls in taking if cls and name in cls.model_fields]


def dotted(key: str, value: Any) -> str:
    """Return how a path of the command line is written in a file; an empty text for any other key."""
    head, dot, rest = key.partition(".")
    if not dot or "." in rest or head not in KEYS or head == "layer":
        return ""
    return f"write {rest}: {flow(value)} below {head}:"


def given(key: str, value: Any, *, typed: bool) -> str:
    """Return a key with its value as it is written on the command line, or in a file."""
    return f"{key}{'=' if typed else ': '}{flow(value)}"


def flow(value: Any) -> str:
    """Return a plain value as it would be typed, cut where it is long."""
    text = typed_text(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def name_hint(name: str, kind: str) -> str:
    """Return what to do about a name of Keras, or a call as in Python; an empty text for any other name."""
    return NAMES.get(kind, {}).get(name) or call_hint(name, kind)


def call_hint(text: str, kind: str) -> str:
    """Return how a call as in Python is written: `max_norm(1.)` is `{type: max_norm, max_value: 1.0}`."""
    if len(text) > MOST_SHOWN or not CALL.fullmatch(text):
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the escapes in a text
            call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if not isinstance(call, ast.Call):
        return ""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    name = SPELLINGS.get(kind, {}).get(name, name)
    cls = KINDS.get(kind, {}).get(name)
    if cls is None or len(call.args) > len(positional(cls)):
        return ""
    try:
        found = {key: ast.literal_eval(value) for key, value in zip(positional(cls), call.args, strict=False)}
        found |= {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        found = {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
        return f"write {flow({'type': name, **renamed(found, cls)}) if found else name}"
    except (ValueError, TypeError, yaml.YAMLError):  # an argument that YAML cannot hold
        return ""


def renamed(arguments: dict[str, Any], cls: type[KerasPart]) -> dict[str, Any]:
    """Return the arguments of a part, those with another name in older versions of Keras under today's.

    There, `decay` divided the learning rate by 1 + decay × step.
    """
    found = {(RENAMED.get(key, key) if key not in cls.model_fields else key): arguments[key] for key in arguments}
    decay, default = found.get("decay"), cls.model_fields.get("learning_rate")
    rate = found.get("learning_rate", default and default.default)
    if not issubclass(cls, BaseOptimizer) or not isinstance(decay, float) or not isinstance(rate, float):
        return found
    del found["decay"]
    falling = {"type": "InverseTimeDecay", "initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
    return found | {"learning_rate": falling if decay else rate}


def value_hint(value: Any, path: KeyPath, *, typed: bool) -> str:
    """Return how a part is written that was given as a plain value: `early_stopping: 3`, `kernel_regularizer: 0.01`."""
    key, kind = str(path[-1]) if path else "", kind_at(path)
    if key in ("early_stopping", "reduce_lr_on_plateau", "model_checkpoint"):
        if value is False:
            return "remove it"
        is_count = isinstance(value, int) and value is not True and key != "model_checkpoint"
        return f"write {given(key, {'patience': value} if is_count else {}, typed=typed)}"
    if key == "data" and isinstance(value, str):
        return data_hint(value, typed=typed)
    if kind == "regularizer" and isinstance(value, float):
        return f"write {flow({'type': 'l2', 'l2': value})}"
    if kind == "schedule" and isinstance(value, str) and value in KINDS["schedule"]:
        needed = [name for name, field in KINDS["schedule"][value].model_fields.items() if field.is_required()]
        return f"write {{type: {value}, {', '.join(f'{name}: …' for name in needed)}}}"
    return ""


def data_hint(name: str, *, typed: bool) -> str:
    """Return how data is written that was given as a name or a file: `data=digits`, `data=my.csv`."""
    if known := NAMES["dataset"].get(name):
        return known
    endings = {".csv": "csv", ".tsv": "csv", ".npz": "npz"}
    own = next((kind for ending, kind in endings.items() if name.lower().endswith(ending)), None)
    if own is not None:
        return f"write {given('data', {'dataset': own, 'path': name}, typed=typed)}"
    if name in DATASETS:
        return f"write data.dataset={name}" if typed else f"write data: {flow({'dataset': name})}"
    return f"write {'data.dataset=… ' if typed else 'data: {dataset: …} '}with one of {', '.join(DATASETS)}"


def typed_hint(value: Any, kind: str) -> str:
    """Return how a part is written whose name is a key: `Dense: {units: 9}` is `{type: Dense, units: 9}`."""
    if not isinstance(value, dict):
        return ""
    if isinstance(name := value.get("class_name"), str):
        given = value.get("config") or {}
    elif len(value) == 1:
        ((name, given),) = value.items()
    else:
        return ""
    name = SPELLINGS.get(kind, {}).get(name, name)
    cls = KINDS.get(kind, {}).get(str(name))
    if cls is None:
        return ""
    if not isinstance(given, dict):
        first = positional(cls)[:1]
        given = {first[0]: given} if first and given is not None else {}
    return f"write {flow({'type': name, **renamed(given, cls)}) if given else name}"


def positional(cls: type[KerasPart]) -> tuple[str, ...]:
    """Return the arguments of Keras's class that need no name, in Keras's order, up to where that order is known."""
    if issubclass(cls, BaseOptimizer):
        return ("learning_rate",)
    if cls in KINDS["metric"].values():
        return ()
    needed = [name for name, field in cls.model_fields.items() if field.is_required()]
    own = [name for name in cls.__annotations__ if name in cls.model_fields and name != "type"]
    return tuple(needed or own[:2])
