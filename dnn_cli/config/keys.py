"""Dotted keys of a config: the values of a resolved config by key, and shell completions of overrides.

Completions also work for an unfinished, invalid config.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from dnn_cli.config.base import LAYER_LIST_KEYS, ConfigModel
from dnn_cli.config.data import Data
from dnn_cli.config.digests import DATA_PATH_KEYS, MEASUREMENT_KEYS, TEST_SET_KEYS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layer_base import LAYER_CLASSES, BaseLayer
from dnn_cli.config.layer_stack import list_config_layer_names
from dnn_cli.config.layer_union import find_item_class
from dnn_cli.config.value_texts import format_config_value, get_default_texts

PlainValue = str | int | float | bool

_ALWAYS_INCLUDED_KEYS = (
    "seed",
    "epochs",
    "batch_size",
    "optimizer.type",
    "optimizer.learning_rate",
    "loss.type",
    "data.dataset",
)
"""Keys that `select_hyperparameters` returns even with their default values."""


def flatten_config(config: Mapping[str, Any]) -> dict[str, PlainValue]:
    """Return the values of a resolved config by dotted key, such as `optimizer.learning_rate`.

    Keys with the value `None` are left out, and lists of plain values become texts.
    """
    return {_to_override_key(key): value for key, value in _iter_plain_values(config)}


def select_hyperparameters(config: Mapping[str, Any]) -> dict[str, PlainValue]:
    """Return the values of a resolved config that differ from their defaults, by dotted key.

    The result always contains some keys, such as `epochs`. Its key `layers` has all layers as a single text. Names,
    data paths, diagnostics, engine and device are left out. A learning rate schedule has a separate key for each
    argument, so that values of a key have the same type in all configs.
    """
    default_texts = _collect_default_texts(config)
    settings = {
        _to_override_key(key): value
        for key, value in _iter_plain_values(config)
        if key in _ALWAYS_INCLUDED_KEYS or format_config_value(value) != default_texts.get(key)
    }
    ignored_keys = ("name", "model.name", "engine", "device", *MEASUREMENT_KEYS, *DATA_PATH_KEYS, *TEST_SET_KEYS)
    relevant = {
        key: value for key, value in settings.items() if key not in ignored_keys and not _is_layer_type_or_name(key)
    }
    # The config of a baseline has no network.
    layers = {"layers": format_config_value(config["model"]["layers"])} if "model" in config else {}
    return {**relevant, **layers}


def _iter_plain_values(value: Any, key: str = "") -> Iterator[tuple[str, PlainValue]]:
    """Yield the dotted key and the value of each plain value within a part of a config.

    `key` is the dotted key of the part; it is empty for the whole config.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _iter_plain_values(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and key.endswith(LAYER_LIST_KEYS):
        for name, layer in zip(list_config_layer_names(value), value, strict=True):
            yield from _iter_plain_values(layer, f"{key}.{name}")
    elif value is not None:
        yield key, value if isinstance(value, str | int | float) else format_config_value(value)


def _collect_default_texts(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the default values of the keys of a resolved config as texts. Keys without a default are left out."""
    texts = dict(_format_top_level_defaults())

    def collect_from(value: Any, key: str) -> None:
        if isinstance(value, Mapping):
            for name, text in get_default_texts(value["type"]).items() if "type" in value else ():
                if name == "type":
                    continue
                inner = value.get(name)
                texts[f"{key}.{name}"] = text
                if isinstance(inner, Mapping) and format_config_value(inner) == text:
                    texts.update(
                        {
                            leaf_key: format_config_value(leaf)
                            for leaf_key, leaf in _iter_plain_values(inner, f"{key}.{name}")
                        }
                    )
            for name, inner in value.items():
                # A column can have any name, such as `type`.
                if (key, name) != ("data", "columns"):
                    collect_from(inner, f"{key}.{name}" if key else name)
        elif isinstance(value, list) and key.endswith(LAYER_LIST_KEYS):
            for name, layer in zip(list_config_layer_names(value), value, strict=True):
                collect_from(layer, f"{key}.{name}")

    collect_from(config, "")
    return texts


@cache
def _format_top_level_defaults() -> dict[str, str]:
    """Return the defaults of the top-level keys and of the keys of `data`, as texts."""
    fields = {name: field for name, field in Experiment.model_fields.items() if not field.is_required()}
    plain = {name: field.get_default() for name, field in fields.items() if name not in ("data", "optimizer", "loss")}
    data_defaults = {f"data.{name}": field.get_default() for name, field in Data.model_fields.items()}
    all_defaults = {
        **plain,
        "metrics": [metric.model_dump(mode="json") for metric in plain["metrics"]],
        **data_defaults,
    }
    return {key: format_config_value(value) for key, value in all_defaults.items()}


def _is_layer_type_or_name(key: str) -> bool:
    """Return whether a key is the type or the name of a layer: `model.layers.hidden.type`."""
    parent, _, last = key.rpartition(".")
    return last in ("type", "name") and parent.rpartition(".")[0].endswith("layers")


def _to_override_key(key: str) -> str:
    """Return a key as typed in an override: `model.` is left out before `layers`."""
    return key.removeprefix("model.") if key.startswith("model.layers") else key


class KeyCompletion(NamedTuple):
    """Completion of an override: the text, and its meaning or current value."""

    text: str
    meaning: str = ""


class ConfigNode(NamedTuple):
    """Node in the tree of a config's keys: the type annotation of the key's possible values, and its current value."""

    annotation: Any
    value: Any


def complete_override(config: Any, word: str) -> list[KeyCompletion]:
    """Return the completions of an unfinished override: `optimizer.t` becomes `optimizer.type=`.

    Args:
        config: The plain values of a config file, valid or invalid.
        word: The typed part of the override. After `=`, the value is completed, or the value after the last comma.
    """
    removes = word.startswith("~")
    key, equals, typed = word.removeprefix("~").partition("=")
    *steps, last = key.split(".")
    if steps[:1] == ["layers"] or (equals and last == "layers" and not steps):
        steps = ["model", *steps]
        prefix = key.rpartition(".")[0]
    else:
        prefix = ".".join(steps)
    node = _find_node(ConfigNode(Experiment, config), steps)
    if node is None:
        return []
    marker = "~" if removes else ""
    if equals:
        if removes:
            return []
        before, comma, _ = typed.rpartition(",")
        return [
            KeyCompletion(f"{key}={before}{comma}{text}", meaning)
            for text, meaning in _list_value_completions(node, last)
        ]
    stem = f"{marker}{prefix}." if prefix else marker
    completions = [
        KeyCompletion(f"{stem}{text}", meaning) for text, meaning in _iter_key_completions(node, removes=removes)
    ]
    return completions if steps else [*completions, KeyCompletion(f"{marker}layers.", "the layers of the model")]


_MAX_STEMS = 5000
"""Largest number of stems for which `complete_all_overrides` returns completions."""


def complete_all_overrides(config: Any) -> dict[str, list[KeyCompletion]]:
    """Return the completions of all overrides of a config, by their stems.

    The stem of an override is its part up to the last `.` of the key, or up to the `=`.
    """
    by_stem: dict[str, list[KeyCompletion]] = {}
    stems = ["", "~"]
    for stem in stems:
        by_stem[stem] = complete_override(config, stem)
        new = (item.text for item in by_stem[stem] if item.text.endswith((".", "=")) and item.text not in by_stem)
        stems += [text for text in dict.fromkeys(new) if len(stems) < _MAX_STEMS]
    return by_stem


def _find_node(root: ConfigNode, steps: Sequence[str]) -> ConfigNode | None:
    """Return the node at the key with these steps below the root; `None` if a step does not exist."""
    node: ConfigNode | None = root
    for step in steps:
        node = None if node is None else _get_child_nodes(node).get(step)
    return node


def _iter_key_completions(node: ConfigNode, *, removes: bool) -> Iterator[KeyCompletion]:
    """Yield completions for the keys below a node: `name=` sets a value, and `name.` continues with a key below it.

    Args:
        node: The node.
        removes: Whether the override removes a key. The completions are then the keys that the config contains.
    """
    for name, inner in _get_child_nodes(node).items():
        current_value = "" if inner.value is None else format_config_value(inner.value)[:60]
        if removes:
            if inner.value is not None:
                yield KeyCompletion(name, current_value)
            continue
        is_layer = isinstance(node.value, list)
        if not is_layer and not (_has_only_keys(inner) and name != "type"):
            yield KeyCompletion(f"{name}=", current_value)
        if _get_child_nodes(inner):
            yield KeyCompletion(f"{name}.", current_value)


def _list_value_completions(node: ConfigNode, name: str) -> list[KeyCompletion]:
    """Return the words that the key `name` below a node accepts: names of classes, choices, `true` and `false`."""
    if name == "type":
        is_layer = isinstance(node.annotation, type) and issubclass(node.annotation, BaseLayer)
        return list(_iter_allowed_words(BaseLayer if is_layer else node.annotation))
    child = _get_child_nodes(node).get(name)
    return [] if child is None else list(_iter_allowed_words(child.annotation))


def _get_child_nodes(node: ConfigNode) -> dict[str, ConfigNode]:
    """Return the nodes directly below a node, by key."""
    if isinstance(node.value, list):
        layers = [layer if isinstance(layer, dict) else {"type": str(layer)} for layer in node.value]
        return {
            name: ConfigNode(find_item_class(layer), layer)
            for name, layer in zip(list_config_layer_names(layers), layers, strict=True)
        }
    cls = _find_node_class(node)
    if cls is None:
        return {}
    values = node.value if isinstance(node.value, Mapping) else {}
    return {
        name: ConfigNode(field.annotation, values.get(name, getattr(field.get_default(), "type", None)))
        for name, field in cls.model_fields.items()
        if not field.exclude
    }


def _find_node_class(node: ConfigNode) -> type[ConfigModel] | None:
    """Return the config class at a node: the class of its `type`, or the only possible class; else `None`."""
    choices = list(_iter_model_classes(node.annotation))
    kind = node.value.get("type") if isinstance(node.value, Mapping) else node.value
    for cls in choices:
        if kind is not None and "type" in cls.model_fields and cls.model_fields["type"].default == kind:
            return cls
    return choices[0] if len(choices) == 1 else None


def _has_only_keys(node: ConfigNode) -> bool:
    """Return whether a node is a part without a `type`, such as `data`: only keys below such a node can be set."""
    model_classes = list(_iter_model_classes(node.annotation))
    return bool(model_classes) and all("type" not in cls.model_fields for cls in model_classes)


def _iter_model_classes(annotation: Any) -> Iterator[type[ConfigModel]]:
    """Yield the config classes that an annotation allows, except classes within lists."""
    if annotation is BaseLayer:
        yield from LAYER_CLASSES.values()
    elif isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType):
        for choice in get_args(annotation):
            yield from _iter_model_classes(choice)
    elif get_origin(annotation) is Annotated:
        yield from _iter_model_classes(get_args(annotation)[0])


def _iter_allowed_words(annotation: Any) -> Iterator[KeyCompletion]:
    """Yield the words that an annotation allows: names of classes, choices, `true` and `false`."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield from (KeyCompletion(str(choice)) for choice in get_args(annotation))
    elif annotation is bool:
        yield from (KeyCompletion("true"), KeyCompletion("false"))
    elif origin in (Union, UnionType):
        for choice in get_args(annotation):
            yield from _iter_allowed_words(choice)
    elif origin is Annotated:
        yield from _iter_allowed_words(get_args(annotation)[0])
    else:
        for cls in _iter_model_classes(annotation):
            if "type" in cls.model_fields:
                yield KeyCompletion(str(cls.model_fields["type"].default), (cls.__doc__ or "").partition("\n")[0])
