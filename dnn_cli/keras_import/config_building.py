"""Construction of an experiment from a program of Keras: its layers, its training, and data that fits the network."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dnn_cli.config.base import Shape
from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import ConfigError, LocatedIssue, SourceLocation
from dnn_cli.keras_import.data_choice import PLACEHOLDER_PATH, choose_data
from dnn_cli.keras_import.keras_program import KerasProgram
from dnn_cli.keras_import.layer_conversion import convert_layers
from dnn_cli.keras_import.part_conversion import PartConverter
from dnn_cli.keras_import.training_conversion import TrainingConverter

_AUTOMATIC_MODEL_NAME = re.compile(r"(sequential|functional|model)(_\d+)?")
_CELL = re.compile(r" cell (\d{1,6})$")
"""End of the name of a cell of a notebook."""

_DEFAULT_EPOCHS = 1
_DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class ImportedExperiment:
    """Experiment that a program of Keras describes, and what the program does not determine."""

    experiment: Experiment
    input_shape: Shape | None
    """Input shape that the program declares, without the batch axis."""

    missing: Mapping[str, str]
    """Keys of the config that the program does not determine, with the reason for the value of each."""

    remarks: tuple[str, ...]
    """Parts of the program that the config contains in another form, or leaves out."""

    @property
    def has_placeholder(self) -> bool:
        """Whether the user must write the path of the data into the config."""
        return self.experiment.data.path == PLACEHOLDER_PATH


def build_imported_experiment(program: KerasProgram) -> ImportedExperiment:
    """Return the experiment that a program describes.

    Raises:
        ConfigError: a config cannot contain parts of the program. The error lists all these parts.
    """
    converter = PartConverter()
    layers = convert_layers(program, converter)
    if not layers.layers:
        converter.add_issue(SourceLocation(program.source), "", "has no layers", "import a network with layers")
    training = TrainingConverter(program, converter)
    values = {"model": _build_model_values(program, layers.layers), **training.convert_settings()}
    missing = _complete_settings(program, values)
    if converter.has_mixed_precision or program.has_mixed_precision:
        values["mixed_precision"] = True
    issues = [*program.issues, *converter.issues]
    try:
        choice = choose_data(program, layers, values, is_complete=not issues)
    except ConfigError as error:
        raise ConfigError(_sort_issues([*issues, *error.issues])) from None
    if issues:
        raise ConfigError(_sort_issues(issues))
    remarks = (*program.remarks, *training.remarks, *choice.remarks)
    return ImportedExperiment(choice.experiment, layers.input_shape, {**choice.missing, **missing}, remarks)


def _sort_issues(issues: Iterable[LocatedIssue]) -> list[LocatedIssue]:
    """Return issues without repetitions, in the order of cells and lines. Issues without a line keep their order."""

    def get_order(issue: LocatedIssue) -> tuple[int, int, int]:
        location = issue.location
        cell = _CELL.search(location.source)
        return (int(cell[1]) if cell else 0, location.line or 0, location.column or 0)

    return sorted(dict.fromkeys(issues), key=get_order)


def _build_model_values(program: KerasProgram, layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the key `model` of a config. A name that Keras gives to unnamed models is left out."""
    name = program.name.replace("/", "_") if program.name else ""
    is_named = bool(name) and not _AUTOMATIC_MODEL_NAME.fullmatch(name)
    return {**({"name": name} if is_named else {}), "layers": layers}


def _complete_settings(program: KerasProgram, values: dict[str, Any]) -> dict[str, str]:
    """Add a loss to the values of a config without one, and return the keys that the program does not determine."""
    missing: dict[str, str] = {}
    layers = values["model"]["layers"]
    if "optimizer" not in values:
        missing["optimizer"] = "the default of Keras"
    if "loss" not in values:
        loss, metrics, output = _guess_loss(layers)
        values["loss"] = loss
        missing["loss"] = f"chosen for {output}"
        if not values.get("metrics"):
            values["metrics"] = metrics
            missing["metrics"] = f"chosen for {output}"
    if "epochs" not in values:
        values["epochs"] = _DEFAULT_EPOCHS
        missing["epochs"] = "the default of Keras"
    if "batch_size" not in values:
        values["batch_size"] = _DEFAULT_BATCH_SIZE
        missing["batch_size"] = "the default of Keras"
    return missing


def _guess_loss(layers: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str], str]:
    """Return a loss and metrics that suit the last layers of a network, and the description of their output."""
    last = layers[-1] if layers else {}
    units = next((layer["units"] for layer in reversed(layers) if "units" in layer), None)
    activation = last.get("activation", "softmax" if last.get("type") == "Softmax" else "linear")
    if activation == "sigmoid" and units == 1:
        return {"type": "binary_crossentropy"}, ["accuracy"], "one sigmoid unit"
    if activation == "softmax":
        return {"type": "sparse_categorical_crossentropy"}, ["accuracy"], "a softmax output"
    if units == 1:
        return {"type": "mean_squared_error"}, ["mean_absolute_error"], "one output without a limit"
    loss = {"type": "sparse_categorical_crossentropy", "from_logits": True}
    return loss, ["accuracy"], "several outputs without softmax"
