"""What every format of data comes down to: a description for the check of a config, and arrays for the training."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a check of a config without data of its own imports no NumPy
    from numpy.typing import NDArray

Task = Literal["auto", "classification", "regression"]
Part = Literal["train", "validation", "test"]

MAX_CLASSES = 10_000
"""More are no classes but measurements, or the wrong column."""


@dataclass(frozen=True)
class Contents:
    """What a file of data says of itself, without its examples."""

    input_shape: tuple[int, ...]
    """Of one example, without the batch axis."""

    examples: int
    classes: tuple[str, ...]
    """In the order of their numbers; empty for a regression."""

    targets: int = 1
    """How many numbers are to be predicted of an example, in a regression."""

    pixel_max: int = 1
    """What inputs are divided by: 255 for uint8 pixels, else 1."""

    target: str | None = None
    """The name of a table's column to predict."""

    features: tuple[str, ...] = ()
    """The names of a table's columns of inputs; a second file must have the same in the same order."""


@dataclass(frozen=True)
class Arrays:
    """The examples themselves."""

    inputs: "NDArray[Any]"
    """uint8 or float32 of (n, *input_shape), C-contiguous."""

    labels: "NDArray[Any]"
    """int32 classes of (n,), or float32 of (n, targets) in a regression."""
