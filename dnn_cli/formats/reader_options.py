"""Options of the readers of user data.

Each option is the value of the key of `data` with the same name. `None` lets the reader decide.
"""

from dataclasses import dataclass
from typing import Literal

from dnn_cli.formats.dataset_contents import CURRENT_RULES, TaskKind
from dnn_cli.formats.table_columns import ColumnOptions

ColorMode = Literal["rgb", "grayscale"]
ImageSize = tuple[int, int]
"""Height and width of an image, in pixels."""


@dataclass(frozen=True)
class CsvOptions:
    """Options of the reader of CSV files."""

    target: str | None = None
    task: TaskKind = "auto"
    ignore: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    strip: tuple[str, ...] = ()
    drop_unlabelled: bool = False
    weight: str | None = None
    group: str | None = None
    time: str | None = None
    scale: float | None = None
    columns: tuple[tuple[str, ColumnOptions], ...] | None = None
    """Options of columns by name; `None` for a table of numbers alone."""

    missing: tuple[str, ...] | None = None
    rules: int = CURRENT_RULES


@dataclass(frozen=True)
class ArrayOptions:
    """Options of the reader of .npz and .npy files."""

    task: TaskKind = "auto"
    scale: float | None = None
    channels: Literal["first", "last"] | None = None
    group: str | None = None
    time: str | None = None
    rules: int = CURRENT_RULES


@dataclass(frozen=True)
class ImageOptions:
    """Options of the reader of image directories."""

    image_size: ImageSize | None = None
    color_mode: ColorMode | None = None
    skip_damaged: bool = False
    rules: int = CURRENT_RULES
