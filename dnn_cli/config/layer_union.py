"""All layers as one type: pydantic chooses the class of a layer by its `type`."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

# Importing these modules defines their layers.
import dnn_cli.config.augmentation
import dnn_cli.config.layers  # noqa: F401
from dnn_cli.config.base import BareName, ByType
from dnn_cli.config.layer_base import LAYER_CLASSES, BaseLayer

LAYERS_BY_TYPE: dict[str, type[BaseLayer]] = {**LAYER_CLASSES}
"""Layers that a config can contain, by their `type`."""

if TYPE_CHECKING:
    # Code that uses a layer knows only what all layers have in common.
    Layer: TypeAlias = BaseLayer
else:
    Layer = Annotated[Union[tuple(LAYERS_BY_TYPE.values())], ByType, BareName]  # noqa: UP007


def find_layer_class(config: Any) -> type[BaseLayer] | None:
    """Return the class of a layer of a config: a name or a mapping with a `type`; `None` for an unknown layer."""
    return LAYERS_BY_TYPE.get(str(config.get("type") if isinstance(config, dict) else config))
