"""Reading of any file that `dnn import` accepts, by its content and its suffix."""

from dnn_cli.errors import UserDataError
from dnn_cli.keras_import.keras_program import KerasProgram
from dnn_cli.keras_import.saved_model_file import (
    NAME_A_FILE,
    build_architecture,
    is_binary_model,
    parse_json,
    read_binary_model,
    read_file_start,
    read_small_file,
)
from dnn_cli.keras_import.saved_objects import build_program
from dnn_cli.keras_import.script_code import parse_notebook, parse_script
from dnn_cli.keras_import.script_program import build_script_program

_SCRIPT_SUFFIX = ".py"
_CONFIG_SUFFIXES = (".yaml", ".yml")
_JSON_SUFFIXES = (".json", ".ipynb")
_BINARY_SUFFIXES = (".keras", ".h5", ".hdf5")
_NOTEBOOK_KEY = "cells"


def read_program(path: str, model_number: int | None = None) -> KerasProgram:
    """Read a saved model, a script or a notebook, and return its network with the settings of the training.

    Args:
        path: The path of the file.
        model_number: The number of the model in a script or notebook with several models, from 1.

    Raises:
        UserDataError: the file cannot be read, or has no network.
    """
    start = read_file_start(path)
    if is_binary_model(start):
        return build_program(path, read_binary_model(path, start))
    content = read_small_file(path)
    if path.lower().endswith(_SCRIPT_SUFFIX):
        return build_script_program(path, [parse_script(path, content)], model_number)
    if path.lower().endswith(_CONFIG_SUFFIXES):
        raise UserDataError(f"{path} has the suffix of a config", f"if it is a config, use dnn train {path}")
    if not path.lower().endswith((*_JSON_SUFFIXES, *_BINARY_SUFFIXES)) and not content.lstrip()[:1] == b"{":
        raise UserDataError(f"{path} is not a model or a program", NAME_A_FILE)
    document = parse_json(path, content)
    if isinstance(document, dict) and _NOTEBOOK_KEY in document:
        return build_script_program(path, parse_notebook(path, document), model_number)
    return build_program(path, build_architecture(path, document))
