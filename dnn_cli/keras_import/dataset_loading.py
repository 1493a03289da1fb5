"""Datasets that a program loads with a function of Keras or scikit-learn, and the lengths of their arrays."""

from collections.abc import Mapping
from typing import Any

from dnn_cli.config.data import count_split_off
from dnn_cli.config.datasets import DATASETS, EmbeddedDataset
from dnn_cli.errors import SourceLocation
from dnn_cli.keras_import.script_values import DatasetValue, LoadedDataset, Reference

DEFAULT_TEST_SIZE = 0.25
"""Share of the examples that `train_test_split` of scikit-learn splits off by default."""

TABLE_KIND = "csv"
IMAGE_KIND = "image_folder"
_DEFAULT_IMAGE_SIZE = (256, 256)
_FILE_FUNCTIONS: Mapping[str, str] = {
    "numpy.load": "npz",
    "numpy.loadtxt": TABLE_KIND,
    "numpy.genfromtxt": TABLE_KIND,
    "pandas.read_csv": TABLE_KIND,
}
"""Kinds of files by the function that reads a file."""


def find_dataset(target: Reference, location: SourceLocation) -> LoadedDataset | None:
    """Return the dataset that a function of Keras or scikit-learn loads; `None` for another function."""
    *modules, function = target.path.split(".")
    if function == "load_data" and "datasets" in modules:
        return LoadedDataset(modules[-1], location)
    if modules[:1] == ["sklearn"] and function.startswith(("load_", "fetch_")):
        loaders = {data.loader: name for name, data in DATASETS.items() if isinstance(data, EmbeddedDataset)}
        return LoadedDataset(loaders.get(function, function.partition("_")[2]), location)
    return None


def find_data_file(target: Reference, positional: list[Any], location: SourceLocation) -> LoadedDataset | None:
    """Return the file that a function of NumPy or pandas reads; `None` for another function, or an unknown path."""
    kind = _FILE_FUNCTIONS.get(target.path)
    path = positional[0] if positional else None
    if kind is None or not isinstance(path, str) or "://" in path or not path.isprintable():
        return None
    if kind == "npz" and not path.endswith(".npz"):
        return None
    return LoadedDataset(kind, location, path)


def find_image_directory(
    positional: list[Any], arguments: Mapping[str, Any], location: SourceLocation
) -> LoadedDataset | None:
    """Return the directory that `image_dataset_from_directory` of Keras reads; `None` for an unknown path."""
    path = positional[0] if positional else arguments.get("directory")
    if not isinstance(path, str) or not path.isprintable():
        return None
    keys: dict[str, Any] = {"image_size": arguments.get("image_size", _DEFAULT_IMAGE_SIZE)}
    keys |= {key: arguments[key] for key in ("color_mode",) if key in arguments}
    keys |= {"validation_size": arguments["validation_split"]} if "validation_split" in arguments else {}
    are_literals = all(isinstance(value, str | int | float | list | tuple) for value in keys.values())
    return LoadedDataset(IMAGE_KIND, location, path, keys) if are_literals else None


def build_arrays(dataset: LoadedDataset, function: str, code: str) -> Any:
    """Return the arrays of a dataset: of a function of Keras, pairs of inputs and targets of two sets.

    Args:
        dataset: The dataset.
        function: The name of the function that loads the dataset.
        code: The code of the call.
    """
    info = DATASETS.get(dataset.name)
    sizes = (info.examples, info.test_examples) if info else (None, None)
    arrays = [DatasetValue(dataset.location, code, size) for size in sizes]
    return tuple((array, array) for array in arrays) if function == "load_data" else arrays[0]


def split_arrays(arrays: list[Any], arguments: Mapping[str, Any], result: DatasetValue) -> Any:
    """Return the arrays of `train_test_split`: two for each array, with their lengths where these are known.

    Args:
        arrays: The arrays that are split.
        arguments: The arguments with names.
        result: The array that is returned for results of unknown length.
    """
    if not all(isinstance(array, DatasetValue) for array in arrays):
        return result
    test_size, parts = arguments.get("test_size", DEFAULT_TEST_SIZE), []
    is_share = isinstance(test_size, float) and 0 < test_size < 1
    is_known = (is_share or (isinstance(test_size, int) and test_size > 0)) and "train_size" not in arguments
    for array in arrays:
        count = count_split_off(array.size, test_size) if is_known and array.size is not None else None
        sizes = (None, None) if count is None else (max(array.size - count, 0), count)
        parts += [DatasetValue(result.location, result.code, size) for size in sizes]
    return parts


def record_method(dataset: LoadedDataset, method: str, positional: list[Any], arguments: Mapping[str, Any]) -> None:
    """Record a method of an array or table that describes the data: dropped columns, or a standardization."""
    if method == "std" and 0 in (*positional[:1], arguments.get("axis")):
        dataset.is_standardized = True
    if method in ("drop", "pop"):
        names = positional[0] if positional else arguments.get("columns", arguments.get("labels"))
        texts = [name for name in (names if isinstance(names, list | tuple) else [names]) if isinstance(name, str)]
        dataset.dropped_names += texts
        dataset.array_names += texts if method == "pop" else []


def find_column_keys(dataset: LoadedDataset) -> dict[str, Any]:
    """Return the keys of `data` for the target and the ignored columns of a table.

    The target is the column that the program reads by its name and drops, or the only column that it reads by name.
    """
    used, dropped = set(dataset.array_names), set(dataset.dropped_names)
    targets = used & dropped or used
    if dataset.name != TABLE_KIND or len(targets) != 1:
        return {}
    ignored = sorted(dropped - targets)
    return {"target": targets.pop(), **({"ignore": ignored} if ignored else {})}
