"""Lists of layers in a config, and blocks of layers that are repeated."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union

from annotated_types import Len
from pydantic import Discriminator, Field, Strict, Tag

from dnn_cli.config.base import ConfigModel
from dnn_cli.config.identifiers import KerasName
from dnn_cli.config.layer_base import Layer

MAX_LAYERS = 10_000
"""Maximum number of layers of a network. Every repetition of a layer counts."""


class Repeat(ConfigModel):
    """Block of layers that is repeated. A layer named `hidden` becomes `hidden_1`, `hidden_2` and so on."""

    repeat: Annotated[int, Field(gt=0, le=MAX_LAYERS)]
    name: KerasName | None = None
    """Name of the block for overrides, such as `body` in `layers.body.repeat=5`."""

    layers: Annotated[tuple["_StackItem", ...], Strict(False), Len(1, MAX_LAYERS)]


def _get_stack_item_tag(value: Any) -> str:
    """Return the tag of an item of a list of layers: `<block>` for a repeated block, else `<layer>`.

    The tag makes pydantic validate the item with the rules of one class only. Locations of errors contain the tag,
    which must differ from all keys.
    """
    return "<block>" if isinstance(value, Repeat) or (isinstance(value, dict) and "repeat" in value) else "<layer>"


_StackItem = Annotated[
    Union[Annotated[Layer, Tag("<layer>")], Annotated[Repeat, Tag("<block>")]],  # noqa: UP007 - Repeat is not complete yet
    Discriminator(_get_stack_item_tag),
]
"""Item of a list of layers: a layer, or a block of layers that is repeated (`Repeat`)."""

LayerItems = Annotated[tuple[_StackItem, ...], Strict(False), Len(1, MAX_LAYERS)]
"""List of layers and repeated blocks."""


def count_layers(items: Sequence[Any]) -> int:
    """Return the number of layers in a list of layers and repeated blocks.

    Every repetition of a layer counts, and a layer that contains layers counts with all of them.
    """
    return sum(
        item.repeat * count_layers(item.layers)
        if isinstance(item, Repeat)
        else 1 + count_layers(item.list_inner_items())
        for item in items
    )


def iter_unrolled_layers(items: Sequence[Any], suffix: str = "") -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the key path and the layer for every repetition of a layer, in the order of the network.

    Names of repeated layers end with the repetition's number.

    Args:
        items: The layers and repeated blocks.
        suffix: The end of the layers' names, such as `_2` in the second repetition of a block.
    """
    for index, item in enumerate(items):
        if isinstance(item, Repeat):
            for number in range(1, item.repeat + 1):
                for path, layer in iter_unrolled_layers(item.layers, f"{suffix}_{number}"):
                    yield (index, "layers", *path), layer
        elif suffix and item.name is not None:
            yield (index,), item.model_copy(update={"name": item.name + suffix})
        else:
            yield (index,), item
