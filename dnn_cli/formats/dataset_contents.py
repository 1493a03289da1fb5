"""Types that all readers of data share: dataset contents, remarks, example arrays, and functions for the progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dnn_cli.formats.table_columns import TableColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray


TaskKind = Literal["auto", "classification", "regression"]
SplitName = Literal["train", "validation", "test"]

MAX_CLASSES = 10_000
"""Maximum number of classes. A larger number indicates measurements, or the wrong column."""


CURRENT_RULES = 2
"""Version of the rules by which files are read. Runs of dnn 0.11.0 and older were trained under version 1."""


@dataclass(frozen=True)
class Remark:
    """Decision of a reader about a user's file, or a part of the file that is not used."""

    message: str
    """Text that names the part of the file and the decision, such as `x_train: uint8 up to 255, divided by 255`."""

    override: str = ""
    """Override of the config that changes the decision, such as `data.scale=1`; empty if there is no such key."""

    def __str__(self) -> str:
        return f"{self.message}  ({self.override})" if self.override else self.message


@dataclass(frozen=True)
class DatasetContents:
    """Description of the data in a file or directory, without its examples."""

    input_shape: tuple[int, ...]
    """Shape of one input, without the batch axis."""

    examples: int
    classes: tuple[str, ...]
    """Class names in the order of the class numbers; empty for a regression."""

    targets: int = 1
    """Number of values to predict for one example, in a regression."""

    pixel_max: float = 1
    """Number by which inputs are divided, such as 255 for uint8 pixels."""

    value_bytes: int = 4
    """Number of bytes of one value of an input in memory: 1 for uint8, 4 for float32."""

    target: str | None = None
    """Name of the target column of a table; `None` for other files."""

    features: tuple[str, ...] = ()
    """Names of the input columns of a table. A validation or test file must have the same names in the same order."""

    columns: tuple[TableColumn, ...] = ()
    """Typed columns of a table, whose cells are encoded into inputs after the split. Empty for other data.

    `features` then has the names of the encoded inputs."""

    weight: str | None = None
    """Name of the column of a table with the weights of its rows; `None` without weights."""

    group_count: int = 0
    """Number of different groups of the examples; 0 without groups."""

    time_count: int = 0
    """Number of different times of the examples; 0 without times."""

    remarks: tuple[Remark, ...] = ()
    """Decisions about the file, and the parts of the file that are not used."""

    decisions: Mapping[str, Any] = field(default_factory=dict)
    """Values of keys of `data` that are missing in the config and that the reader has decided, by key."""

    @property
    def input_columns(self) -> tuple[str, ...]:
        """Names of the columns of a table that determine the inputs; empty for other data."""
        return tuple(column.name for column in self.columns) or self.features


@dataclass(frozen=True)
class ExampleArrays:
    """Inputs and targets of examples, as arrays."""

    inputs: "NDArray[Any]"
    """uint8 or float32 of shape (n, *input_shape), C-contiguous.

    Typed columns that are not encoded yet are float64 of shape (n, columns): numbers, category codes, and days since
    1970-01-01. A missing cell is NaN."""

    targets: "NDArray[Any]"
    """int32 class numbers of shape (n,), or float32 of shape (n, targets) in a regression."""

    weights: "NDArray[Any] | None" = None
    """Weights of the examples in the loss and the metrics, float32 of shape (n,); `None` for equal weights."""

    groups: "NDArray[Any] | None" = None
    """Group of each example, int64 numbers from 0 of shape (n,); `None` without groups.

    The number is -1 for an example whose split is fixed, such as an example of a validation file."""

    times: "NDArray[Any] | None" = None
    """Time of each example, float64 of shape (n,): seconds since 1970 for dates, else the number itself; or `None`.

    The time is nan for an example whose split is fixed."""
    categories: tuple[tuple[str, ...], ...] = ()
    """Texts of the category codes of each typed column. Empty for encoded inputs and for other data."""


class ReadProgress(Protocol):
    """Function that receives the progress of reading data."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        """Receive the progress of a stage, such as the download of a file.

        Args:
            doing: The name of the stage, such as `apt-get update`.
            done: The number of bytes or images read so far.
            total: The number of all bytes or images; 0, like `done`, if nothing is counted.
        """


def ignore_progress(doing: str, done: int = 0, total: int = 0) -> None:
    """Ignore the progress of reading data."""
