"""All layers as one type, whose validation chooses the class of a layer by its `type`."""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from dnn_cli.config.layer_base import LAYER_CLASSES, AnyLayer, BaseLayer

_LAYER_MODULES = (
    "core", "convolutions", "pooling", "dropout", "normalization", "augmentation", "colour_augmentation",
    "image_augmentation",
)  # fmt: skip
"""Modules of `config/layers`, which define layers, in the order of lists and documents."""

for _module in _LAYER_MODULES:
    import_module(f"dnn_cli.config.layers.{_module}")

LAYERS_BY_TYPE: dict[str, type[BaseLayer]] = {**LAYER_CLASSES}
"""Layers that a config can contain, by their `type`."""

if TYPE_CHECKING:
    # Code that uses a layer knows only what all layers have in common.
    Layer: TypeAlias = BaseLayer
else:
    Layer = Annotated[BaseLayer, AnyLayer()]


def find_layer_class(config: Any) -> type[BaseLayer] | None:
    """Return the class of a layer of a config: a name or a mapping with a `type`; `None` for an unknown layer."""
    return LAYERS_BY_TYPE.get(str(config.get("type") if isinstance(config, dict) else config))
