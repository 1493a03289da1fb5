"""Keras's spellings → the one name under which `dnn` keeps each part: `SGD`, `MaxPool2D`, `mse` and `acc`.

Two configs that differ only in spelling are the same experiment: every config passes `canonical` before it is judged.
"""

from typing import Any

from dnn_cli.spec.base import KerasPart
from dnn_cli.spec.catalog import KINDS, kind_at
from dnn_cli.spec.metrics import METRIC_NAMES, score_name
from dnn_cli.spec.objectives import ERRORS
from dnn_cli.spec.yaml_file import KeyPath

ALIASES: dict[str, dict[str, str]] = {
    "layer": {
        "MaxPool2D": "MaxPooling2D",
        "AvgPool2D": "AveragePooling2D",
        "GlobalAvgPool2D": "GlobalAveragePooling2D",
        "Convolution2D": "Conv2D",
    },
    "optimizer": {"RMSProp": "rmsprop", "schedulefreeadamw": "schedule_free_adamw"},
    "loss": {**ERRORS, "kld": "kl_divergence", "KLD": "kl_divergence", "bce": "binary_crossentropy",
             "BCE": "binary_crossentropy"},
    "metric": METRIC_NAMES,
    "initializer": {"zero": "zeros", "one": "ones", "normal": "random_normal", "uniform": "random_uniform",
                    "IdentityInitializer": "identity", "OrthogonalInitializer": "orthogonal"},
    "regularizer": {"l1l2": "l1_l2"},
    "activation": {"swish": "silu", "hard_swish": "hard_silu"},
}  # fmt: skip
"""Names of Keras beside the names of its classes."""

SPELLINGS: dict[str, dict[str, str]] = {
    kind: {
        **{cls.keras_name.rpartition(".")[2]: name for name, cls in KINDS.get(kind, {}).items()},
        **ALIASES.get(kind, {}),
    }
    for kind in (*KINDS, "activation")
}
"""The name of `dnn` for every other name that Keras has for a part, by kind."""


def canonical(value: Any, path: KeyPath = ()) -> Any:
    """Return the plain values of a config with every part under its one name.

    Args:
        value: Any plain value; values that name no part are returned unchanged.
        path: The place of the value in the config.
    """
    if isinstance(value, str):
        if path[-1:] == ("monitor",):
            return score_name(value)
        kind = kind_at(path[:-1]) if path[-1:] == ("type",) else kind_at(path)
        return SPELLINGS.get(kind, {}).get(value, value)
    if isinstance(value, dict):
        return {key: canonical(inner, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [canonical(inner, (*path, index)) for index, inner in enumerate(value)]
    return value


def spellings_of(cls: type[KerasPart]) -> list[str]:
    """Return the other names that Keras has for a part of a class."""
    for kind, table in KINDS.items():
        for name, known in table.items():
            if known is cls:
                return [other for other, meant in SPELLINGS[kind].items() if meant == name and other != name]
    return []
