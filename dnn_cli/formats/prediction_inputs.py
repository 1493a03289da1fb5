"""Reader of inputs for predictions: an image, an array in an .npz or .npy, or rows of a table."""

import math
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_cli.errors import UserDataError
from dnn_cli.formats.array_names import SPLIT_WORDS, parse_array_name
from dnn_cli.formats.array_source import ArraySource
from dnn_cli.formats.channel_axis import MOVE_HINT, move_channels, move_shape_first
from dnn_cli.formats.csv_prediction import PredictionTable, read_prediction_table
from dnn_cli.formats.dataset_contents import CURRENT_RULES
from dnn_cli.formats.image_file import read_image
from dnn_cli.formats.image_listing import get_image_suffixes
from dnn_cli.formats.npy_directory import NPY_SUFFIX, open_npy_file
from dnn_cli.formats.npy_header import ArrayHeader
from dnn_cli.formats.npz_archive import open_archive
from dnn_cli.formats.npz_arrays import compute_needed_bytes, to_input_array
from dnn_cli.formats.reader_options import CsvOptions
from dnn_cli.formats.replaced_cells import ReplacedCells
from dnn_cli.formats.safe_open import check_memory, stat_regular_file
from dnn_cli.formats.table_encoding import TableEncoding

_ARRAY_SUFFIXES = (".npz", NPY_SUFFIX)
TABLE_SUFFIXES = (
    ".parquet",
    *(f"{suffix}{compression}" for suffix in (".csv", ".tsv", ".txt") for compression in ("", ".gz")),
)
_INPUT_ARRAY_NAMES = ("x", "X", "x_test", "X_test", "x_val", "x_validation", "x_train", "X_train")
"""Usual names of an array of inputs. The first name in this list whose array has the shape of inputs is read.

Without such a name, other names for inputs are tried, in the order of `SPLIT_WORDS`."""


@dataclass(frozen=True)
class InputSpec:
    """Form of the training inputs, and how images are converted to this form: whether they are resized or inverted."""

    shape: tuple[int, ...]
    features: tuple[str, ...] = ()
    """Names of the input columns of the training table, before their encoding; empty if the data has no names."""

    white_value: float | None = 255.0
    """Value of a white pixel in the training images; `None` if images cannot be converted to training inputs."""

    resize: bool = False
    invert: bool = False
    channels_first: bool = False
    """Whether arrays have the channels in front of height and width, as in the file of the training inputs."""
    csv_options: CsvOptions = field(default_factory=CsvOptions)
    """Options with which the training table was read."""

    kept_columns: tuple[str, ...] = ()
    """Names of columns of a table whose cells are kept for output."""

    rules: int = CURRENT_RULES
    """Version of the rules by which the training images were read."""

    encoding: TableEncoding | None = None
    """Encoding of the typed columns of the training table; `None` for other data."""

    @property
    def column_count(self) -> int:
        """Number of columns of a table that determine one input."""
        return math.prod(self.shape) if self.encoding is None else len(self.encoding.columns)

    def check_array_file(self, path: str) -> None:
        """Raise an error if arrays in a file cannot be inputs, because the training inputs are encoded columns.

        Raises:
            UserDataError: the training table has columns whose inputs differ from their values.
        """
        if self.encoding is not None and self.encoding.input_names != self.features:
            raise UserDataError(
                f"{path} is not a table, but this run was trained on a table with categories or missing cells",
                f"use a .csv file with the columns {', '.join(self.features[:20])}",
            )


@dataclass(frozen=True)
class PredictionInputs:
    """Inputs that were read from one file."""

    file: str
    inputs: NDArray[Any]
    """Inputs of shape (n, *shape), where `shape` is that of one training input; not yet scaled."""

    lines: tuple[int, ...] | None = None
    """Line number of each input in a table; `None` for other files."""

    table: PredictionTable | None = None
    """Rows of a table, including those that are not valid; `None` for other files."""

    @property
    def replaced_cells(self) -> tuple[ReplacedCells, ...]:
        """Missing cells and unknown categories of a table with typed columns; empty for other files."""
        return self.table.replaced_cells if self.table is not None else ()

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs in reports: `shirt.png`, `houses.csv:2`, `arrays.npz[0]`."""
        if self.lines is not None:
            return [f"{self.file}:{line}" for line in self.lines]
        has_several = self.file.lower().endswith(_ARRAY_SUFFIXES)
        return [f"{self.file}[{index}]" for index in range(len(self.inputs))] if has_several else [self.file]


def read_prediction_inputs(path: str, input_spec: InputSpec) -> PredictionInputs:
    """Read the inputs in a file: an image, an .npz, an .npy or a table.

    Raises:
        UserDataError: the file is of another kind or damaged, or its inputs differ in form from the training inputs.
    """
    stat_regular_file(path)
    lower = path.lower()
    if lower.endswith((*_ARRAY_SUFFIXES, *TABLE_SUFFIXES)):
        if input_spec.resize or input_spec.invert:
            raise UserDataError(
                f"{path} is not an image, but --resize and --invert apply only to images", "remove the option"
            )
        if lower.endswith(_ARRAY_SUFFIXES):
            input_spec.check_array_file(path)
        if lower.endswith(NPY_SUFFIX):
            return _read_array_inputs(path, open_npy_file(path), input_spec)
        if lower.endswith(".npz"):
            with open_archive(path) as archive:
                return _read_array_inputs(path, archive, input_spec)
        return _read_csv_inputs(path, input_spec)
    # A single image is read whatever its format, because version 1 of the rules only determines lists of images.
    suffixes = get_image_suffixes(CURRENT_RULES)
    if not lower.endswith(tuple(suffixes)):
        raise UserDataError(
            f"{path} is not an image, an .npz file, an .npy file or a .csv file",
            f"use an image ({', '.join(sorted(suffixes))}), an .npz file, an .npy file, a .csv file or a .parquet file",
        )
    return read_image_input(path, input_spec)


def read_image_input(path: str, input_spec: InputSpec) -> PredictionInputs:
    """Read one input from an image file.

    Raises:
        UserDataError: the training inputs are not images, the image cannot be read, or its size is not that of
            the training images.
    """
    shape = input_spec.shape
    if not _is_image_shape(shape) or input_spec.white_value is None:
        training_inputs = (
            f"rows of {shape[0]:,} numbers" if len(shape) == 1 else f"arrays of {' × '.join(map(str, shape))}"
        )
        raise UserDataError(
            f"{path} is an image, but this run was trained on {training_inputs}", "use a .csv or an .npz file"
        )
    channels = shape[2] if len(shape) == 3 else 1
    pixels = read_image(
        path, (shape[0], shape[1]), input_spec.resize, "rgb" if channels == 3 else "grayscale",
        "the training images are", "use --resize, which stretches the image without cropping", input_spec.rules,
    )  # fmt: skip
    if input_spec.invert:
        pixels = 255 - pixels
    inputs = (
        pixels
        if input_spec.white_value == 255
        else pixels.astype(np.float32) * np.float32(input_spec.white_value / 255)
    )
    return PredictionInputs(path, inputs.reshape(1, *shape))


def _is_image_shape(shape: tuple[int, ...]) -> bool:
    """Return whether a shape is that of a grey image, or of a colour image with red, green and blue."""
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def _read_array_inputs(path: str, source: ArraySource, input_spec: InputSpec) -> PredictionInputs:
    """Read the inputs in one array of a file."""
    header = _find_input_array(source, input_spec)
    return PredictionInputs(path, read_input_array(source, header, input_spec))


def read_input_array(source: ArraySource, header: ArrayHeader, input_spec: InputSpec) -> NDArray[Any]:
    """Read inputs from an array, with the shape (n, *shape) of training inputs.

    Raises:
        UserDataError: the array is damaged, too large for the memory, or contains numbers that are not finite.
    """
    check_memory(source.path, compute_needed_bytes(header))
    inputs = source.read_array(header)
    if inputs.shape[-len(input_spec.shape) :] != input_spec.shape:
        inputs = move_channels(inputs.reshape(-1, *move_shape_first(input_spec.shape)))
    return to_input_array(f"{source.path}: {header.name}", inputs).reshape(-1, *input_spec.shape)


def _find_input_array(source: ArraySource, input_spec: InputSpec) -> ArrayHeader:
    """Find the array of inputs by a name, or as the only array of the required shape, and return its header.

    Raises:
        UserDataError: no array has the shape, or several arrays have the shape and suitable names.
    """
    headers = _read_headers(source)
    fitting = [name for name, header in headers.items() if has_input_shape(header, input_spec)]
    usual = [name for name in _INPUT_ARRAY_NAMES if name in fitting]
    by_split = [[name for name in fitting if parse_array_name(name) == ("inputs", word)] for word in SPLIT_WORDS]
    candidates = next(filter(None, [usual[:1], *by_split]), fitting)
    if len(candidates) == 1:
        return headers[candidates[0]]
    needed = f"(n, {', '.join(map(str, input_spec.shape))})"
    if candidates:
        raise UserDataError(
            f"{source.path} has {len(candidates)} arrays of the shape {needed}: {', '.join(candidates[:10])}",
            "rename the inputs to x",
        )
    listing = ", ".join(f"{name} of {header.shape}" for name, header in islice(headers.items(), 10)) or "no arrays"
    has_other_axis = any(header.shape[-3:] == move_shape_first(input_spec.shape) for header in headers.values())
    raise UserDataError(
        f"{source.path} contains {listing}",
        f"{MOVE_HINT}: the training inputs have the channels last"
        if has_other_axis
        else f"save the inputs as numbers of the shape {needed}, with the name x",
    )


def _read_headers(source: ArraySource) -> dict[str, ArrayHeader]:
    """Read the headers of all arrays by name. Damaged arrays and Python objects are left out if others remain.

    Raises:
        UserDataError: no array can be read, or an array with a usual name for inputs cannot be read.
    """
    headers, errors = {}, []
    for name in source.names:
        try:
            headers[name] = source.read_header(name)
        except UserDataError as error:
            if name in _INPUT_ARRAY_NAMES:
                raise
            errors.append(error)
    if errors and not headers:
        raise errors[0]
    return headers


def has_input_shape(header: ArrayHeader, input_spec: InputSpec) -> bool:
    """Return whether an array holds numbers in the shape of one input, or of several inputs along a first axis."""
    shapes = [input_spec.shape, *([move_shape_first(input_spec.shape)] if input_spec.channels_first else [])]
    return header.dtype.kind in "biuf" and any(
        header.shape[-len(shape) :] == shape
        and (len(header.shape) == len(shape) or (len(header.shape) == len(shape) + 1 and header.shape[0] > 0))
        for shape in shapes
    )


def _read_csv_inputs(path: str, input_spec: InputSpec) -> PredictionInputs:
    """Read the rows of a table as inputs.

    If the training inputs have names, columns are found by name, and other columns are left out, including the target
    column. Otherwise, columns are read in their order.
    """
    table = read_prediction_table(
        path,
        input_spec.csv_options,
        input_spec.features,
        input_spec.column_count,
        input_spec.kept_columns,
        input_spec.encoding,
    )
    return PredictionInputs(path, table.inputs.reshape(-1, *input_spec.shape), table.lines, table)
