"""Choice of the data of an imported config: the dataset of the program, a dataset that fits, or a placeholder."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from dnn_cli.config.base import Shape
from dnn_cli.config.datasets import DATASETS
from dnn_cli.config.error_messages import to_located_issues
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.keras_names import NAME_SUGGESTIONS
from dnn_cli.config.layer_stack import examine_stack, format_sizes
from dnn_cli.config.registry import canonicalize_names
from dnn_cli.config.validation import find_experiment_issues
from dnn_cli.config.yaml_reader import Document, format_key_path
from dnn_cli.errors import ConfigError, Issue, KeyPath, LocatedIssue, SourceLocation
from dnn_cli.keras_import.dataset_loading import TABLE_KIND
from dnn_cli.keras_import.keras_program import DataSource, KerasProgram
from dnn_cli.keras_import.layer_conversion import ConvertedLayers

PLACEHOLDER_PATH = "data.npz"
"""Path of the data in a config whose network fits no built-in dataset."""

_LAYER_KEY = re.compile(r"model\.layers\.(\d+)(?:\.(.+))?")
_SIZE_KEY = "validation_size"


@dataclass(frozen=True)
class DataChoice:
    """Experiment with its data."""

    experiment: Experiment
    missing: Mapping[str, str] = field(default_factory=dict)
    """Keys of data that the program does not determine, with the reason for the value of each."""

    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    """Data that the network may fit, and the shape to which a first layer brings the inputs."""

    values: Mapping[str, Any]
    target_shape: Shape | None = None


def choose_data(
    program: KerasProgram, layers: ConvertedLayers, values: Mapping[str, Any], *, is_complete: bool
) -> DataChoice:
    """Return the experiment with the data of the program, or with data that fits the network.

    Args:
        program: The program.
        layers: The converted layers.
        values: The values of the config without `data`. The key `validation_size` belongs to `data`.
        is_complete: Whether the values contain the whole program, so that shapes can be checked.

    Raises:
        ConfigError: the experiment has issues with the data of the program, or with any data.
    """
    settings = {key: value for key, value in values.items() if key != _SIZE_KEY}
    split = dict(program.data.split) if program.data else {}
    if _SIZE_KEY in values:
        split[_SIZE_KEY] = values[_SIZE_KEY]
    missing = {} if _SIZE_KEY in split else {f"data.{_SIZE_KEY}": "the default of dnn"}
    split |= layers.data_keys
    names = [program.data.name] if program.data else list(DATASETS)
    errors: list[ConfigError] = []
    for name in names if is_complete else ():
        for candidate in _iter_candidates(name, layers.input_shape):
            try:
                experiment = _build_experiment(program, layers, settings, candidate, split)
            except ConfigError as error:
                errors.append(error)
                continue
            reason = {} if program.data else {"data.dataset": "the first dataset that fits the network"}
            return DataChoice(experiment, {**reason, **missing}, _list_remarks(layers, candidate))
    if errors and program.data:
        raise errors[0]
    file = _Candidate({"dataset": "npz", "path": PLACEHOLDER_PATH})
    reason = {"data.path": "write the path of your own data"}
    if program.data and program.data.path is not None:
        file, reason = _Candidate({"dataset": program.data.name, "path": program.data.path}), {}
    experiment = _build_experiment(program, layers, settings, file, split, checks_shapes=is_complete)
    return DataChoice(experiment, {**reason, **missing}, _list_remarks(layers, file, program.data))


def _iter_candidates(name: str, input_shape: Shape | None) -> Iterator[_Candidate]:
    """Yield the data of a dataset with inputs of the declared shape, or of each usual shape if no shape is declared."""
    if name not in DATASETS:
        return
    shape = DATASETS[name].input_shape
    if input_shape in (None, shape):
        yield _Candidate({"dataset": name})
    if len(shape) > 1 and input_shape in (None, (math.prod(shape),)):
        yield _Candidate({"dataset": name, "flatten": True})
    image_shape = (*shape, 1) if input_shape is None else input_shape
    is_reshaped = len(shape) > 1 and len(image_shape) > 1 and image_shape != shape
    if is_reshaped and math.prod(image_shape) == math.prod(shape):
        yield _Candidate({"dataset": name}, image_shape)


def _list_remarks(layers: ConvertedLayers, candidate: _Candidate, source: DataSource | None = None) -> tuple[str, ...]:
    """Return the remarks on data: a placeholder, a first layer that reshapes, and layers that `data` replaces."""
    remarks = []
    if candidate.target_shape is not None:
        remarks.append(f"a first layer Reshape gives the images the shape {list(candidate.target_shape)}")
    if source and source.path is not None:
        remarks.append(f"data.path {source.path} is relative to the config")
        if source.name == TABLE_KIND and "target" not in source.split:
            remarks += _describe_target(layers.input_shape, source.target_column)
    elif "path" in candidate.values:
        shape = f" with inputs of {format_sizes(layers.input_shape)}" if layers.input_shape else ""
        hint = NAME_SUGGESTIONS["dataset"].get(source.name) if source else None
        data = f"{source.name} is not a dataset of dnn" if source else f"no dataset of dnn{shape} fits the network"
        remarks.append(f"{data}: {hint or f'write dataset and path of your own data in place of {PLACEHOLDER_PATH}'}")
    return (*remarks, *layers.remarks)


def _describe_target(input_shape: Shape | None, column: int | None) -> list[str]:
    """Return the remark on the target of a table without `data.target`; no remark if it is the last column.

    Args:
        input_shape: The declared input shape. A table whose last column is the target has one column for each input.
        column: The number of the column with the target, from 1.
    """
    if input_shape is not None and column == math.prod(input_shape) + 1:
        return []
    text = "an unknown column" if column is None else f"column {column}"
    return [f"the program reads the target from {text}: if it is not the last, write its name as data.target"]


def _build_experiment(
    program: KerasProgram,
    layers: ConvertedLayers,
    settings: Mapping[str, Any],
    candidate: _Candidate,
    split: Mapping[str, Any],
    *,
    checks_shapes: bool = True,
) -> Experiment:
    """Return the experiment with the data of a candidate.

    Args:
        program: The program.
        layers: The converted layers.
        settings: The values of the config without `data`.
        candidate: The data.
        split: The keys of `data` that describe the split.
        checks_shapes: Whether the layers must fit each other.

    Raises:
        ConfigError: the experiment has issues.
    """
    first = (
        [] if candidate.target_shape is None else [{"type": "Reshape", "target_shape": list(candidate.target_shape)}]
    )
    model = {**settings["model"], "layers": [*first, *layers.layers]}
    data = {**candidate.values, **split}
    values = canonicalize_names({**settings, "name": "imported", "data": data, "model": model})
    locations: dict[KeyPath, SourceLocation] = {(): SourceLocation(program.source)}
    for index, location in enumerate(layers.locations, len(first)):
        locations["model", "layers", index] = location
    document = Document(values, locations)
    try:
        experiment = Experiment.model_validate(values)
    except ValidationError as error:
        issues = to_located_issues(error, document)
    else:
        issues = [
            LocatedIssue(document.find_location(path), format_key_path(path), message, suggestion)
            for path, message, suggestion in _find_issues(experiment, layers, checks_shapes=checks_shapes)
        ]
        if not issues:
            return experiment
    raise ConfigError(_name_layers(issue, layers, len(first)) for issue in issues)


def _find_issues(experiment: Experiment, layers: ConvertedLayers, *, checks_shapes: bool) -> Iterator[Issue]:
    """Yield the issues of an experiment. With a placeholder for the data, only the shapes of layers are checked."""
    if experiment.data.path is None:
        yield from find_experiment_issues(experiment)
    elif checks_shapes and layers.input_shape is not None:
        _, errors = examine_stack(experiment.model.stack, layers.input_shape)
        for error in errors:
            yield Issue(("model", "layers", *error.position), *_split_hint(str(error)))


def _split_hint(text: str) -> tuple[str, str]:
    """Return the message and the suggestion of a text, which a colon separates."""
    message, _, suggestion = text.rpartition(": ")
    return (message, suggestion) if message else (text, "")


def _name_layers(issue: LocatedIssue, layers: ConvertedLayers, offset: int) -> LocatedIssue:
    """Return an issue whose key has the number and the class of a layer in the program.

    `offset` is the number of layers of the config before the first layer of the program.
    """
    match = _LAYER_KEY.fullmatch(issue.key)
    index = int(match[1]) - offset if match else -1
    if not match or not 0 <= index < len(layers.owners):
        return issue
    return replace(issue, key=", ".join(filter(None, (layers.owners[index], match[2]))))
