"""Registry of the classes of a config by kind and name, and Keras's other names for them."""

import re
from typing import Any, get_args

from dnn_cli.config.activations import ActivationName
from dnn_cli.config.base import KerasConfig, list_classes_by_type
from dnn_cli.config.columns import COLUMNS_BY_TYPE
from dnn_cli.config.datasets import DATASETS, USER_DATA_KINDS
from dnn_cli.config.layer_union import LAYERS_BY_TYPE
from dnn_cli.config.layers.custom import is_custom_type
from dnn_cli.config.losses import ERROR_ALIASES, LOSS_CLASSES
from dnn_cli.config.metrics import METRIC_CLASSES
from dnn_cli.config.optimizer_union import OPTIMIZERS_BY_TYPE
from dnn_cli.config.schedules import Schedule
from dnn_cli.config.score_names import METRIC_ALIASES, expand_score_name
from dnn_cli.config.weight_configs import Constraint, Initializer, Regularizer
from dnn_cli.errors import KeyPath

CLASSES_BY_KIND: dict[str, dict[str, type[KerasConfig]]] = {
    "layer": {**LAYERS_BY_TYPE},
    "optimizer": {**OPTIMIZERS_BY_TYPE},
    "schedule": list_classes_by_type(Schedule),
    "loss": {**LOSS_CLASSES},
    "metric": {**METRIC_CLASSES},
    "initializer": list_classes_by_type(Initializer),
    "regularizer": list_classes_by_type(Regularizer),
    "constraint": list_classes_by_type(Constraint),
}
COLUMN_KIND = "column type"
NAMES_BY_KIND: dict[str, tuple[str, ...]] = {kind: tuple(table) for kind, table in CLASSES_BY_KIND.items()} | {
    COLUMN_KIND: tuple(COLUMNS_BY_TYPE),
    "activation": get_args(ActivationName),
    "dataset": (*DATASETS, *USER_DATA_KINDS),
}


def find_kind(name: str) -> str | None:
    """Return the kind of a name that `dnn list` shows, such as `layer` for `LSTM`; `None` for an unknown name."""
    kinds = (kind for kind in NAMES_BY_KIND if kind != COLUMN_KIND)
    return next((kind for kind in kinds if SPELLINGS.get(kind, {}).get(name, name) in NAMES_BY_KIND[kind]), None)


def to_plural(kind: str) -> str:
    """Return the name of a kind as an argument of `dnn list`: `loss` becomes `losses`."""
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def get_kind_at(path: KeyPath) -> str:
    """Return the kind of the part at a key path: `layer` in `model.layers`, `metric` in `metrics`."""
    if path[:2] == ("data", "columns") and len(path) == 3:
        return COLUMN_KIND
    keys = [step for step in path if isinstance(step, str)]
    last = keys[-1] if keys else ""
    by_key = {"layers": "layer", "residual": "layer", "metrics": "metric", "learning_rate": "schedule"}
    return by_key.get(last, last.rpartition("_")[2] or last)


_KERAS_ALIASES: dict[str, dict[str, str]] = {
    "layer": {
        "MaxPool1D": "MaxPooling1D",
        "AvgPool1D": "AveragePooling1D",
        "GlobalAvgPool1D": "GlobalAveragePooling1D",
        "GlobalMaxPool1D": "GlobalMaxPooling1D",
        "Convolution1D": "Conv1D",
        "Convolution1DTranspose": "Conv1DTranspose",
        "SeparableConvolution1D": "SeparableConv1D",
        "MaxPool2D": "MaxPooling2D",
        "AvgPool2D": "AveragePooling2D",
        "GlobalAvgPool2D": "GlobalAveragePooling2D",
        "GlobalMaxPool2D": "GlobalMaxPooling2D",
        "Convolution2D": "Conv2D",
        "Convolution2DTranspose": "Conv2DTranspose",
        "SeparableConvolution2D": "SeparableConv2D",
        "MaxPool3D": "MaxPooling3D",
        "AvgPool3D": "AveragePooling3D",
        "GlobalAvgPool3D": "GlobalAveragePooling3D",
        "GlobalMaxPool3D": "GlobalMaxPooling3D",
        "Convolution3D": "Conv3D",
        "Convolution3DTranspose": "Conv3DTranspose",
    },
    "optimizer": {"RMSProp": "rmsprop", "schedulefreeadamw": "schedule_free_adamw"},
    "loss": {**ERROR_ALIASES, "kld": "kl_divergence", "KLD": "kl_divergence", "bce": "binary_crossentropy",
             "BCE": "binary_crossentropy"},
    "metric": METRIC_ALIASES,
    "initializer": {"zero": "zeros", "one": "ones", "normal": "random_normal", "uniform": "random_uniform",
                    "IdentityInitializer": "identity", "OrthogonalInitializer": "orthogonal"},
    "regularizer": {"l1l2": "l1_l2"},
    "activation": {"swish": "silu", "hard_swish": "hard_silu"},
}  # fmt: skip
"""Names of parts in a config, by kind and by Keras's other names for them. Names of Keras classes are left out."""

SPELLINGS: dict[str, dict[str, str]] = {
    kind: {
        **{re.split("[.>]", cls.keras_name)[-1]: name for name, cls in CLASSES_BY_KIND.get(kind, {}).items()},
        **_KERAS_ALIASES.get(kind, {}),
    }
    for kind in (*CLASSES_BY_KIND, "activation")
}
"""Names of parts in a config, by kind and by Keras's other names for them: `MeanSquaredError` and `mse`."""


def canonicalize_names(value: Any, path: KeyPath = ()) -> Any:
    """Return plain values in which parts and scores have the names that `dnn` uses: `mse` → `mean_squared_error`.

    Args:
        value: The config or a value in it. Values that are not names are returned unchanged.
        path: The key path of the value in the config.
    """
    if isinstance(value, str):
        if path[-1:] == ("monitor",):
            return expand_score_name(value)
        kind = get_kind_at(path[:-1]) if path[-1:] == ("type",) else get_kind_at(path)
        return SPELLINGS.get(kind, {}).get(value, value)
    if isinstance(value, dict):
        # Only the code of a custom layer knows the meaning of its arguments.
        is_custom = is_custom_type(str(value.get("type")))
        return value if is_custom else {key: canonicalize_names(inner, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [canonicalize_names(inner, (*path, index)) for index, inner in enumerate(value)]
    return value


def list_spellings(cls: type[KerasConfig]) -> list[str]:
    """Return the other names that Keras has for a class: `MaxPool2D` for `MaxPooling2D`."""
    for kind, table in CLASSES_BY_KIND.items():
        for name, member in table.items():
            if member is cls:
                return [
                    spelling
                    for spelling, canonical_name in SPELLINGS[kind].items()
                    if canonical_name == name and spelling != name
                ]
    return []
