"""Values that occur while a program is read: references to classes, models, tensors and functions of the program."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dnn_cli.config.callbacks import CALLBACK_CLASSES
from dnn_cli.config.registry import SPELLINGS
from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.keras_program import (
    INPUT_CLASSES,
    KERAS_PACKAGES,
    MODEL_CLASSES,
    UnknownValue,
)

_MAX_CODE_LENGTH = 40
"""Maximum number of characters of an expression in a message."""


@dataclass(frozen=True)
class Reference:
    """Name of a module, class or function that a program imports: `tensorflow.keras.layers.Dense`."""

    path: str
    location: SourceLocation

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def keras_path(self) -> str | None:
        """Path below the package of Keras, such as `layers.Dense`; `None` for a path outside Keras."""
        for package in KERAS_PACKAGES:
            if self.path == package or self.path.startswith(f"{package}."):
                return self.path[len(package) + 1 :]
        return None

    @property
    def is_class(self) -> bool:
        """Whether the name is that of a class, which begins with a capital letter."""
        return self.name[:1].isupper()


@dataclass(frozen=True)
class PartialCall:
    """Result of `functools.partial`: a callable value, and arguments of later calls."""

    target: Any
    positional: tuple[Any, ...]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class ScriptFunction:
    """Function that the program defines."""

    node: ast.FunctionDef | ast.Lambda
    defaults: Mapping[str, Any]
    location: SourceLocation


@dataclass(frozen=True)
class ScriptClass:
    """Class that the program defines."""

    name: str
    location: SourceLocation
    warmup: Mapping[str, Any] | None = None
    """Arguments of the schedule `Warmup`, if the class is a warm-up of the learning rate."""


@dataclass
class LoadedDataset:
    """Dataset that the program has loaded, and how the program has divided its examples since then."""

    name: str
    """Name of the dataset, or kind of the file, such as `csv`."""

    location: SourceLocation
    path: str | None = None
    """Path of the file; `None` for a dataset of Keras or scikit-learn."""

    keys: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `data` that the call determines, such as `image_size`."""

    array_names: list[str] = field(default_factory=list)
    """Names of arrays or columns that the program reads from the file."""

    dropped_names: list[str] = field(default_factory=list)
    """Names of columns that the program drops from a table."""

    column_numbers: list[int] = field(default_factory=list)
    """Numbers of single columns that the program reads from a table, from 0."""

    other_paths: list[str] = field(default_factory=list)
    """Paths of files that the program loads after this file."""

    splits: list[dict[str, Any]] = field(default_factory=list)
    """Arguments of the calls of scikit-learn's `train_test_split`."""

    slices: list[tuple[Any, Any]] = field(default_factory=list)
    """First and last bound of parts of arrays: `(None, 5000)` for `X[:5000]`."""

    fold_class: str | None = None
    """Name of the class of scikit-learn that divides the examples into folds."""

    is_standardized: bool = False
    """Whether the program uses scikit-learn's `StandardScaler`, or computes standard deviations of features."""


@dataclass
class ScriptModel:
    """Model that a program builds. Calls of its methods add layers and arguments."""

    location: SourceLocation
    layers: list[Any] = field(default_factory=list)
    name: Any = None
    variable: str = ""
    """Name of the last variable with the model."""

    compile_arguments: dict[str, Any] | None = None
    fit_arguments: dict[str, Any] | None = None
    compile_location: SourceLocation | None = None
    fit_locations: list[SourceLocation] = field(default_factory=list)
    dataset: LoadedDataset | None = None
    """Last dataset that the program has loaded before it trains the model."""

    seed: int | None = None
    """Seed that the program has set before it builds the model."""


@dataclass(frozen=True)
class ModelMethod:
    """Method of a model that is called next."""

    model: ScriptModel
    name: str


@dataclass(frozen=True)
class ListMethod:
    """Method of a list that is called next."""

    items: list[Any]
    name: str


@dataclass(frozen=True)
class Tensor:
    """Output of layers in the functional interface: the input, and the layers that follow one another."""

    layers: tuple[Any, ...]


@dataclass(frozen=True)
class DatasetValue:
    """Arrays of a dataset, or arrays that are computed from these."""

    location: SourceLocation
    code: str
    size: int | None = None
    """Number of examples of the array; `None` if it is unknown."""


@dataclass(frozen=True)
class BalancedWeights(DatasetValue):
    """Weights of classes that scikit-learn's `compute_class_weight` balances."""


class ReturnSignal(Exception):
    """Signal that a function of the program ends with a value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class LoopSignal(Exception):
    """Signal that a loop of the program ends (`break`), or continues with its next item."""

    def __init__(self, *, ends_loop: bool) -> None:
        super().__init__()
        self.ends_loop = ends_loop


def shorten_code(node: ast.AST) -> str:
    """Return the code of a syntax tree in one line of at most 40 characters."""
    return shorten_text(" ".join(ast.unparse(node).split()))


def shorten_text(text: str) -> str:
    """Return a text of at most 40 characters."""
    return text if len(text) <= _MAX_CODE_LENGTH else f"{text[: _MAX_CODE_LENGTH - 1]}…"


def make_unknown(node: ast.AST, location: SourceLocation) -> UnknownValue:
    """Return the value of an expression that only a run of the program would compute."""
    return UnknownValue(shorten_code(node), location)


KNOWN_NAMES: Mapping[str, str] = {
    **{name: f"keras.layers.{name}" for name in SPELLINGS["layer"]},
    **{name: f"keras.optimizers.{name}" for name in SPELLINGS["optimizer"] if name[:1].isupper()},
    **{name: f"keras.optimizers.schedules.{name}" for name in SPELLINGS["schedule"]},
    **{cls.keras_name.rpartition(".")[2]: f"keras.{cls.keras_name}" for cls in CALLBACK_CLASSES.values()},
    **{name: f"keras.{name}" for name in (*MODEL_CLASSES, *INPUT_CLASSES)},
    **{name: f"keras.{name}" for name in ("layers", "models", "optimizers", "losses", "metrics", "callbacks",
                                          "regularizers", "initializers", "constraints", "activations", "datasets")},
    "keras": "keras",
    "tf": "tensorflow",
    "np": "numpy",
    "train_test_split": "sklearn.model_selection.train_test_split",
}  # fmt: skip
"""Paths of names of Keras that a listing can use without an import, because an earlier listing has imported them."""
