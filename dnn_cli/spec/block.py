"""`Block`: layers that stand several times one after the other, so that depth is one number."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union

from annotated_types import Len
from pydantic import Discriminator, Field, Strict, Tag

from dnn_cli.spec.base import Part
from dnn_cli.spec.layers import Layer
from dnn_cli.spec.names import KerasName

MAX_LAYERS = 10_000
"""Layers of a stack, repeated ones counted."""


class Block(Part):
    """Layers that are repeated. A layer named `hidden` becomes `hidden_1`, `hidden_2` and so on."""

    repeat: Annotated[int, Field(gt=0, le=MAX_LAYERS)]
    name: KerasName | None = None
    """For overrides: `layers.body.repeat=5`."""

    layers: Annotated[tuple["Item", ...], Strict(False), Len(1, MAX_LAYERS)]


def block_or_layer(value: Any) -> str:
    """Tell a block from a layer, so that each is judged by its own rules only."""
    return "block" if isinstance(value, Block) or (isinstance(value, dict) and "repeat" in value) else "layer"


Item = Annotated[
    Union[Annotated[Layer, Tag("layer")], Annotated[Block, Tag("block")]],  # noqa: UP007 - Block is not complete yet
    Discriminator(block_or_layer),
]
"""What a list of layers holds."""


def length(items: Sequence[Any]) -> int:
    """How many layers a list of layers and blocks makes."""
    return sum(item.repeat * length(item.layers) if isinstance(item, Block) else 1 for item in items)


def unrolled(items: Sequence[Any], suffix: str = "") -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every layer in its turn, with the path to where it is written; those of a block numbered by their round."""
    for index, item in enumerate(items):
        if isinstance(item, Block):
            for number in range(1, item.repeat + 1):
                for path, layer in unrolled(item.layers, f"{suffix}_{number}"):
                    yield (index, "layers", *path), layer
        elif suffix and item.name is not None:
            yield (index,), item.model_copy(update={"name": item.name + suffix})
        else:
            yield (index,), item
