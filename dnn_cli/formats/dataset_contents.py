"""The common results of all readers of data: contents, example arrays, and progress while data is read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray


TaskKind = Literal["auto", "classification", "regression"]
SplitName = Literal["train", "validation", "test"]

MAX_CLASSES = 10_000
"""More are no classes but measurements, or the wrong column."""


@dataclass(frozen=True)
class DatasetContents:
    """Description of the data in a file, without its examples."""

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
class ExampleArrays:
    """The examples themselves."""

    inputs: "NDArray[Any]"
    """uint8 or float32 of (n, *input_shape), C-contiguous."""

    targets: "NDArray[Any]"
    """int32 classes of (n,), or float32 of (n, targets) in a regression."""


class ReadProgress(Protocol):
    """Function that receives the progress of reading data."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        """Receive the action and its progress: bytes or images read, and all; both are 0 if nothing is counted."""


def ignore_progress(doing: str, done: int = 0, total: int = 0) -> None:
    """Ignore the progress of reading data."""
