"""The input profile of a run, which the file `inputs.npz` holds.

The profile consists of classes, names of columns, the scaling of inputs, and statistics of the training inputs and
targets. With the profile, a network can be built, fed and explained after its data is deleted.
"""

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from dnn_cli.config.datasets import DatasetInfo
from dnn_cli.errors import RunError, UserDataError
from dnn_cli.formats.dataset_contents import MAX_CLASSES
from dnn_cli.formats.npz_archive import open_archive
from dnn_cli.formats.table_encoding import TableEncoding
from dnn_cli.runs.atomic_write import atomic_write
from dnn_cli.runs.run import Run
from dnn_cli.runs.target_scaling import TargetScaling

_MAX_PROFILE_BYTES = 500_000_000
"""Largest size of `inputs.npz`, in bytes: larger files are not written by `dnn`."""

IMAGE_STATISTICS = ("brightness", "contrast", "border", "likeness")
"""Names of statistics of an image.

Brightness is the mean of the pixels, contrast their standard deviation, and border the median of the pixels at the
border. These three are shares of the range of the training pixels: the lowest training pixel has a brightness of 0.
Likeness is the correlation with the mean training image."""


@dataclass(frozen=True)
class InputProfile:
    """Classes, column names, scaling and statistics of a run's inputs, with which new inputs are scaled and checked.

    The statistics are measured on a sample of the training inputs, before their scaling.
    """

    dataset_info: DatasetInfo
    scale: NDArray[np.float32]
    """Divisor of the inputs, of shape () or (`input_size`,): a network receives (input - mean) / scale."""

    mean: NDArray[np.float32] | None
    """Mean that is subtracted from inputs, of shape (`input_size`,); `None` if nothing is subtracted."""

    minimum: NDArray[np.float32]
    """Minimum of each of the values of an input over the sample, of shape (`input_size`,).

    `maximum`, `average` (mean) and `deviation` (standard deviation) have the same shape."""

    maximum: NDArray[np.float32]
    average: NDArray[np.float32]
    deviation: NDArray[np.float32]
    looks: NDArray[np.float32] | None
    """Usual range of each of the `IMAGE_STATISTICS`, of shape (4, 2); `None` if inputs are not images.

    A range (lowest, highest) contains 98% of the sampled training images."""

    labels: NDArray[Any] | None = None
    """Sample of the training targets: int32 class numbers of shape (n,), or float32 numbers of shape (n, targets).

    This field and the five fields below are `None` in runs of dnn 0.7.0."""

    validation_average: NDArray[np.float32] | None = None
    """Mean of each of the values of an input over a sample of the validation inputs, of shape (`input_size`,).

    `validation_deviation` (standard deviation) has the same shape. Both are `None` without a validation set."""

    validation_deviation: NDArray[np.float32] | None = None
    numbering: NDArray[np.uint8] | None = None
    """1 for each column of a table that only numbers the rows, 0 for other columns, of shape (`input_size`,).

    `None` if inputs are not rows of a table."""

    alone: NDArray[np.float32] | None = None
    """Score of a prediction of the target from one column alone, for each column of a table, of shape (`input_size`,).

    A score of 0 is that of a constant prediction; a score of 1 is that of predictions without errors."""

    copies: NDArray[np.float32] | None = None
    """Share of the validation inputs that are also training inputs, and the share expected by chance, of shape (2,)."""

    encoding: TableEncoding | None = None
    """Encoding of the typed columns of a table into inputs; `None` for other inputs."""
    target_mean: NDArray[np.float32] | None = None
    """Mean of each training target, of shape (targets,); `None` unless `data.standardize_target` is set."""

    target_scale: NDArray[np.float32] | None = None
    """Standard deviation of each training target, of shape (targets,); `None` together with `target_mean`."""

    @property
    def target_scaling(self) -> TargetScaling | None:
        """Scaling of the targets; `None` unless `data.standardize_target` is set."""
        if self.target_mean is None or self.target_scale is None:
            return None
        return TargetScaling(self.target_mean, self.target_scale)

    @property
    def column_numbering(self) -> NDArray[np.uint8] | None:
        """1 for each column that only numbers the rows, 0 for other columns, dates and categories; else `None`."""
        if self.numbering is None or self.encoding is None:
            return self.numbering
        marks = zip(self.encoding.columns, self.encoding.group_by_column(self.numbering), strict=True)
        return np.array([part[0] if column.column.type == "number" else 0 for column, part in marks], np.uint8)

    @property
    def column_scores(self) -> NDArray[np.float32] | None:
        """Largest score in `alone` of the inputs of each column; `None` if inputs are not rows of a table."""
        if self.alone is None or self.encoding is None:
            return self.alone
        return np.array([part.max() for part in self.encoding.group_by_column(self.alone)], np.float32)

    @property
    def input_size(self) -> int:
        """Number of values in one input: the product of its shape."""
        return math.prod(self.dataset_info.input_shape)

    def scale_inputs(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Scale inputs of shape (n, …) as the training did, and return them as float32 of shape (n, `input_size`)."""
        rows = inputs.reshape(len(inputs), -1).astype(np.float32)
        return np.asarray((rows if self.mean is None else rows - self.mean) / self.scale)


def write_input_profile(run: Run, profile: InputProfile) -> None:
    """Write `inputs.npz` atomically; equal profiles give equal bytes.

    Raises:
        RunError: the file cannot be written.
    """
    values = asdict(replace(profile, dataset_info=replace(profile.dataset_info, remarks=(), decisions={})))
    del values["encoding"]
    dataset_info_json = _encode_json(values.pop("dataset_info"))
    arrays = {name: array for name, array in values.items() if array is not None}
    if profile.encoding is not None:
        arrays["encoding"] = _encode_json(profile.encoding.to_document())
    with atomic_write(run.inputs) as temporary:
        np.savez(temporary, allow_pickle=False, facts=dataset_info_json, **arrays)


def _encode_json(value: Any) -> NDArray[np.uint8]:
    """Encode a plain value as the bytes of its JSON text."""
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), np.uint8)


def read_input_profile(run: Run) -> InputProfile | None:
    """Read `inputs.npz`; `None` without the file, as in runs of an older `dnn`.

    Raises:
        RunError: the file is damaged, or has other content than a training writes.
    """
    path = run.inputs
    try:
        size = path.lstat().st_size
    except OSError:
        return None
    try:
        with open_archive(str(path)) as archive:
            headers = [archive.read_header(name) for name in archive.names]
            # A training writes its arrays uncompressed: they fit within the size of the file.
            if sum(header.nbytes for header in headers) > min(size, _MAX_PROFILE_BYTES):
                raise ValueError("its arrays are too large")
            arrays: dict[str, Any] = {header.name: archive.read_array(header) for header in headers}
        dataset_info = pydantic.TypeAdapter(DatasetInfo).validate_json(arrays.pop("facts").tobytes())
        if "encoding" in arrays:
            arrays["encoding"] = TableEncoding.from_document(json.loads(arrays["encoding"].tobytes()))
        # Files of a later `dnn` may have more arrays.
        known_arrays = {name: arrays[name] for name in arrays if name in InputProfile.__dataclass_fields__}
        profile = InputProfile(dataset_info, **{"mean": None, "looks": None, **known_arrays})
        _check_input_profile(profile)
    except (UserDataError, OSError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].removeprefix(f"{path}: ")
        raise RunError(f"{path} is damaged: {reason}", "train the run again to create a new file") from None
    return profile


def _check_input_profile(profile: InputProfile) -> None:
    """Raise an error if the parts of an input profile contradict each other.

    Raises:
        ValueError: a shape, a dtype or a value is invalid.
    """
    dataset_info, size = profile.dataset_info, profile.input_size
    if not dataset_info.input_shape or size <= 0 or dataset_info.pixel_max <= 0 or dataset_info.targets <= 0:
        raise ValueError("the size of the inputs is not valid")
    if len(dataset_info.classes) > MAX_CLASSES or len(dataset_info.classes) == 1:
        raise ValueError(f"the number of classes is {len(dataset_info.classes)}")
    if dataset_info.features and dataset_info.input_shape != (len(dataset_info.features),):
        raise ValueError("the number of names differs from the number of columns")
    encoded_names = profile.encoding.input_names if profile.encoding else ()
    if encoded_names != (dataset_info.features if dataset_info.columns else ()):
        raise ValueError("the encoding does not match the columns")
    rows = {"minimum", "maximum", "average", "deviation", *({"mean"} if profile.mean is not None else ())}
    shapes = {
        **dict.fromkeys(sorted(rows), (size,)),
        **({"looks": (len(IMAGE_STATISTICS), 2)} if profile.looks is not None else {}),
    }
    for name, shape in {**shapes, **_list_optional_shapes(profile)}.items():
        array = getattr(profile, name)
        if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"{name} does not contain finite numbers of the shape {shape}")
    numbering, labels = profile.numbering, profile.labels
    if numbering is not None and (numbering.shape != (size,) or numbering.dtype != np.uint8):
        raise ValueError(f"numbering does not contain {size} marks")
    if labels is not None:
        shape, kind = ((), np.int32) if dataset_info.is_classification else ((dataset_info.targets,), np.float32)
        if labels.shape[1:] != shape or labels.dtype != kind or not labels.ndim or not np.isfinite(labels).all():
            raise ValueError("labels do not match the data")
        if (
            dataset_info.is_classification
            and labels.size
            and not 0 <= labels.min() <= labels.max() < len(dataset_info.classes)
        ):
            raise ValueError("labels do not match the data")
    scale = profile.scale
    if scale.shape not in ((), (size,)) or scale.dtype != np.float32 or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError("scale does not contain valid divisors")
    if (profile.target_mean is None) != (profile.target_scale is None):
        raise ValueError("only one of target_mean and target_scale exists")
    if profile.target_scale is not None and not (profile.target_scale > 0).all():
        raise ValueError("target_scale does not contain valid divisors")


def _list_optional_shapes(profile: InputProfile) -> dict[str, tuple[int, ...]]:
    """Return the required shape of each optional float array that a profile has, by field name.

    The arrays are optional because the profiles of some configs or older versions lack them.
    """
    size, targets = (profile.input_size,), (profile.dataset_info.targets,)
    shapes = {"validation_average": size, "validation_deviation": size, "alone": size, "copies": (2,)}
    shapes |= {"target_mean": targets, "target_scale": targets}
    return {name: shape for name, shape in shapes.items() if getattr(profile, name) is not None}
