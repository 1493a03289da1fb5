"""A resolved config as pairs of a key, as on the command line (`layers.hidden.units`), and a plain value."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from dnn_cli.spec.catalog import short, short_defaults
from dnn_cli.spec.data import Data
from dnn_cli.spec.differences import OBSERVING, PATHS
from dnn_cli.spec.experiment import Experiment
from dnn_cli.spec.stack import names_of

Plain = str | int | float | bool

ALWAYS = ("seed", "epochs", "batch_size", "optimizer.type", "optimizer.learning_rate", "loss.type", "data.dataset")
"""Keys that matter even where they have their defaults."""


def flat(experiment: Mapping[str, Any]) -> dict[str, Plain]:
    """Every setting of a resolved config; what is `None` is left out, and a list of plain values is a text."""
    return {spoken(key): value for key, value in leaves(experiment)}


def hyperparameters(experiment: Mapping[str, Any]) -> dict[str, Plain]:
    """The settings that matter: less names and places, and less what has its default; `layers` tells the whole stack.

    A key has values of one type: a schedule of the learning rate has keys of its own.
    """
    usual = defaults(experiment)
    found = {spoken(key): value for key, value in leaves(experiment) if key in ALWAYS or short(value) != usual.get(key)}
    unsaid = ("name", "model.name", "engine", "device", *OBSERVING, *PATHS)
    matter = {key: value for key, value in found.items() if key not in unsaid and not names_a_layer(key)}
    return {**matter, "layers": short(experiment["model"]["layers"])}


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Plain]]:
    """The plain values of a part, with the whole keys they have."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and key.endswith("layers"):
        for name, layer in zip(layer_names(value), value, strict=True):
            yield from leaves(layer, f"{key}.{name}")
    elif value is not None:
        yield key, value if isinstance(value, str | int | float) else short(value)


def defaults(experiment: Mapping[str, Any]) -> dict[str, str]:
    """The defaults of the keys of a resolved config, in few words, as far as they have any."""
    found = dict(top_defaults())

    def collect(value: Any, key: str) -> None:
        if isinstance(value, Mapping):
            for name, text in short_defaults(value["type"]).items() if "type" in value else ():
                if name == "type":
                    continue
                inner = value.get(name)
                found[f"{key}.{name}"] = text
                if isinstance(inner, Mapping) and short(inner) == text:
                    found.update({below: short(leaf) for below, leaf in leaves(inner, f"{key}.{name}")})
            for name, inner in value.items():
                collect(inner, f"{key}.{name}" if key else name)
        elif isinstance(value, list) and key.endswith("layers"):
            for name, layer in zip(layer_names(value), value, strict=True):
                collect(layer, f"{key}.{name}")

    collect(experiment, "")
    return found


@cache
def top_defaults() -> dict[str, str]:
    """The defaults of the keys that no type decides."""
    fields = {name: field for name, field in Experiment.model_fields.items() if not field.is_required()}
    plain = {name: field.get_default() for name, field in fields.items() if name not in ("data", "optimizer", "loss")}
    own = {f"data.{name}": field.get_default() for name, field in Data.model_fields.items()}
    told = {**plain, "metrics": [metric.model_dump(mode="json") for metric in plain["metrics"]], **own}
    return {key: short(value) for key, value in told.items()}


def names_a_layer(key: str) -> bool:
    """Whether a key is the type or the name of a layer, which `layers` tells."""
    holder, _, last = key.rpartition(".")
    return last in ("type", "name") and holder.rpartition(".")[0].endswith("layers")


def layer_names(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the layers are called, those without a name as Keras would."""
    return names_of((layer.get("name"), "Block" if "repeat" in layer else str(layer.get("type"))) for layer in layers)


def spoken(key: str) -> str:
    """A key as it is typed: `model.` is left out before layers."""
    return key.removeprefix("model.") if key.startswith("model.layers") else key
