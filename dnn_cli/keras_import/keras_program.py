"""Content of a file of Keras in one form for all kinds of files: layers, and arguments of `compile` and `fit`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dnn_cli.config.base import Shape
from dnn_cli.errors import LocatedIssue, SourceLocation
from dnn_cli.host.control_characters import FORBIDDEN_CHARACTER

KERAS_PACKAGES = ("keras", "tensorflow.keras", "tf_keras", "tensorflow.python.keras", "keras.src")
"""Packages that contain the classes of Keras, by the names that programs and files use."""

PROGRAM_MODULE = "__main__"
"""Module of the classes that the program itself defines."""

INPUT_CLASSES = ("Input", "InputLayer")
"""Names of the objects that declare the input shape of a network."""

MODEL_CLASSES = ("Sequential", "Functional", "Model")
"""Names of the classes of models that can be imported."""


def replace_forbidden_characters(text: str) -> str:
    """Return a text in which a question mark replaces each character that a config cannot contain."""
    return FORBIDDEN_CHARACTER.sub("?", text)


@dataclass(frozen=True)
class KerasObject:
    """Object of a class of Keras, with the arguments in a file."""

    class_name: str
    arguments: Mapping[str, Any]
    location: SourceLocation
    positional: tuple[Any, ...] = ()
    """Arguments that a call passes without names."""

    module: str = "keras"
    """Module of the class: `keras`, the module of a user, or an empty text if the file does not name the module."""


@dataclass(frozen=True)
class KerasName:
    """Class or function of Keras that a program names without a call, such as `keras.activations.relu`."""

    name: str
    location: SourceLocation


@dataclass(frozen=True)
class UnknownValue:
    """Value that only a run of the program would compute."""

    code: str
    """Expression of the value, shortened."""

    location: SourceLocation


@dataclass(frozen=True)
class DataSource:
    """Dataset that a program loads, and the split of its examples."""

    name: str
    """Name of the dataset, or kind of the file, such as `csv`."""

    location: SourceLocation
    split: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `data` that describe the split, such as `validation_size`."""

    path: str | None = None
    """Path of the user's file; `None` for a dataset of Keras or scikit-learn."""

    target_column: int | None = None
    """Number of the column of a table with the target, from 1; `None` if it is unknown."""


@dataclass(frozen=True)
class KerasProgram:
    """Network with the settings of its training, as a file of Keras describes both."""

    source: str
    """Path of the file."""

    layers: tuple[Any, ...]
    """Layers: each a `KerasObject`, or a value that is not a layer."""

    name: str | None = None
    input_shape: Shape | None = None
    compile_arguments: Mapping[str, Any] | None = None
    """Arguments of `compile`; `None` if the file has none."""

    fit_arguments: Mapping[str, Any] | None = None
    """Arguments of `fit`; `None` if the file has none."""

    call_locations: Mapping[str, SourceLocation] = field(default_factory=dict)
    """Locations of the calls of `compile` and `fit` in a program, by method."""

    data: DataSource | None = None
    seed: int | None = None
    has_mixed_precision: bool = False
    """Whether the program sets the policy of mixed precision for all layers."""

    issues: tuple[LocatedIssue, ...] = ()
    remarks: tuple[str, ...] = ()
    """Parts of the file that the import leaves out, or reads in a particular way."""
