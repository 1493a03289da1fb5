"""All layers by their `type`, after the import of the modules that define layers."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from dnn_cli.config.layer_base import LAYER_CLASSES, BaseLayer, find_class_by_type, find_short_type
from dnn_cli.config.layer_blocks import Repeat

_LAYER_MODULES = (
    "core",
    "einsum_dense",
    "embedding",
    "activation_layers",
    "convolutions",
    "separable_convolutions",
    "transposed_convolutions",
    "spectrogram",
    "pooling",
    "global_pooling",
    "adaptive_pooling",
    "image_sizes",
    "dropout",
    "normalization",
    "recurrent",
    "conv_lstm",
    "wrappers",
    "spectral_normalization",
    "residual",
    "augmentation",
    "colour_augmentation",
    "image_augmentation",
    "custom",
)
"""Modules of `config/layers`, which define layers, in the order of lists and documents."""

for _module in _LAYER_MODULES:
    import_module(f"dnn_cli.config.layers.{_module}")

LAYERS_BY_TYPE: dict[str, type[BaseLayer]] = {**LAYER_CLASSES}
"""Layers that a config can contain, by their `type`. Custom layers are not among them."""


def find_layer_class(config: Any) -> type[BaseLayer] | None:
    """Return the class of a layer of a config: a name, a mapping with a `type`, or a short form: `{residual: […]}`.

    The result is `None` for an unknown layer.
    """
    if isinstance(config, Mapping):
        return find_class_by_type(str(config.get("type") or find_short_type(config)))
    return find_class_by_type(str(config))


def find_item_class(item: Mapping[str, Any]) -> type[BaseLayer] | type[Repeat] | None:
    """Return the class of a mapping in a list of layers: of a layer, or `Repeat`; `None` for an unknown layer."""
    return Repeat if "repeat" in item else find_layer_class(item)
