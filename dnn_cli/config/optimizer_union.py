"""All optimizers as one type: pydantic chooses the class of an optimizer by its `type`."""

from typing import TYPE_CHECKING, Annotated, TypeAlias, Union

from pydantic import BeforeValidator

from dnn_cli.config.base import ByType, to_typed_mapping
from dnn_cli.config.optimizers import DEFAULT_OPTIMIZER, OPTIMIZER_CLASSES, BaseOptimizer

OPTIMIZERS_BY_TYPE: dict[str, type[BaseOptimizer]] = {**OPTIMIZER_CLASSES}
"""Optimizers that a config can contain, by their `type`."""


def _expand_optimizer(value: object) -> object:
    """Return an optimizer as a mapping with a type: `sgd` becomes `{type: sgd}`.

    A mapping without a type gets the type of Keras's default optimizer.
    """
    value = to_typed_mapping(value)
    return {"type": DEFAULT_OPTIMIZER, **value} if isinstance(value, dict) else value


if TYPE_CHECKING:
    # Code that uses an optimizer knows only what all optimizers have in common.
    Optimizer: TypeAlias = BaseOptimizer
else:
    Optimizer = Annotated[
        Union[tuple(OPTIMIZERS_BY_TYPE.values())],  # noqa: UP007
        ByType,
        BeforeValidator(_expand_optimizer),
    ]
