"""Reading of the architecture in a saved model: .keras, .json and .h5 files. Weights and code are never read.

A .keras file is a zip file with the architecture in `config.json`. An .h5 file has the architecture in attributes.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnn_cli.errors import UserDataError
from dnn_cli.host.regular_file import FileTooLargeError, NotRegularFileError, read_regular_file
from dnn_cli.keras_import.hdf5_file import read_text_attributes

_MAX_JSON_BYTES = 32_000_000
"""Largest size of an architecture or a program. A network of 10,000 layers needs about 10 MB."""

_MAX_DEPTH = 60
"""Largest depth of nested lists and mappings in an architecture."""

_CONFIG_MEMBER = "config.json"
_METADATA_MEMBER = "metadata.json"
_MAX_MEMBERS = 100_000
"""Largest number of members of a .keras file."""

_ZIP_START = b"PK"
_HDF5_START = b"\x89HDF\r\n\x1a\n"
_SAVE_AGAIN = "save the model again with model.save('model.keras')"
NAME_A_FILE = "name a .keras, .json, .h5, .py or .ipynb file"
_DAMAGED_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OverflowError, OSError)


@dataclass(frozen=True)
class SavedArchitecture:
    """Architecture of a saved model as plain JSON values, with the arguments of `compile` if the file has them."""

    model: Mapping[str, Any]
    compile_config: Mapping[str, Any] | None
    version: str = ""
    """Version of Keras that has written the file; empty if the file does not name the version."""


def read_small_file(path: str) -> bytes:
    """Read a file with an architecture as text, or a program.

    Raises:
        UserDataError: the file is missing, is not a regular file, or is too large.
    """
    try:
        return read_regular_file(path, _MAX_JSON_BYTES)
    except NotRegularFileError:
        if Path(path, "saved_model.pb").exists():
            raise UserDataError(f"{path} is a SavedModel, whose layers are code", _SAVE_AGAIN) from None
        if Path(path, "run.json").exists():
            raise UserDataError(f"{path} is a run of dnn", f"its config is {Path(path, 'config.yaml')}") from None
        raise UserDataError(f"{path} is not a file", NAME_A_FILE) from None
    except FileTooLargeError:
        raise UserDataError(
            f"{path} is larger than {_MAX_JSON_BYTES:,} bytes", "import the result of model.to_json() instead"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserDataError(f"{path} cannot be read: {reason}", "check the path") from None


def read_file_start(path: str) -> bytes:
    """Read the first bytes of a regular file, which show its format.

    Raises:
        UserDataError: the file is missing or is not a regular file.
    """
    if not Path(path).is_file():
        return read_small_file(path)
    try:
        with open(path, "rb") as stream:
            return stream.read(16)
    except OSError as error:
        raise UserDataError(f"{path} cannot be read: {error.strerror or error}", "check the path") from None


def is_binary_model(start: bytes) -> bool:
    """Return whether a file that begins with some bytes is a zip file or an HDF5 file."""
    return start.startswith((_ZIP_START, _HDF5_START))


def read_binary_model(path: str, start: bytes) -> SavedArchitecture:
    """Read the architecture of a .keras or .h5 file that begins with `start`.

    Raises:
        UserDataError: the file is damaged, or has no architecture.
    """
    return _read_zip_file(path) if start.startswith(_ZIP_START) else _read_hdf5_file(path)


def build_architecture(path: str, document: Any, version: Any = None) -> SavedArchitecture:
    """Return the architecture in plain values: the class of a model with its arguments.

    Args:
        path: The path of the file, for messages.
        document: The plain values.
        version: The version of Keras; by default the version in the document.

    Raises:
        UserDataError: the values are not the architecture of a model.
    """
    if not isinstance(document, dict) or not isinstance(document.get("class_name"), str):
        raise UserDataError(
            f"{path} is not the architecture of a Keras model: class_name is missing",
            "write the file with model.to_json()",
        )
    version = version or document.get("keras_version")
    compile_config = document.get("compile_config")
    return SavedArchitecture(
        document,
        compile_config if isinstance(compile_config, dict) else None,
        version if isinstance(version, str) else "",
    )


def parse_json(path: str, content: bytes) -> Any:
    """Return the plain values of a JSON text.

    Raises:
        UserDataError: the text is not JSON, is too long, or is nested too deeply.
    """
    if len(content) > _MAX_JSON_BYTES:
        raise UserDataError(f"{path} has an architecture of more than {_MAX_JSON_BYTES:,} bytes", _SAVE_AGAIN)
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserDataError(f"{path} is not UTF-8 text", _SAVE_AGAIN) from None
    except RecursionError:
        raise UserDataError(f"{path} is nested more than {_MAX_DEPTH} levels deep", _SAVE_AGAIN) from None
    # Python also refuses integers with thousands of digits.
    except ValueError as error:
        raise UserDataError(f"{path} is not valid JSON: {error}", _SAVE_AGAIN) from None
    _check_depth(path, document)
    return document


def _check_depth(path: str, document: Any) -> None:
    """Check that lists and mappings are nested at most `_MAX_DEPTH` levels deep.

    Raises:
        UserDataError: the document is deeper.
    """
    level = [document]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise UserDataError(f"{path} is nested more than {_MAX_DEPTH} levels deep", _SAVE_AGAIN)


def _read_zip_file(path: str) -> SavedArchitecture:
    """Read the architecture of a .keras file.

    Raises:
        UserDataError: the file is damaged, or has no architecture.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) > _MAX_MEMBERS or _CONFIG_MEMBER not in names:
                raise UserDataError(f"{path} is not a .keras file: it has no {_CONFIG_MEMBER}", _SAVE_AGAIN)
            content = _read_member(path, archive, _CONFIG_MEMBER)
            metadata = (
                parse_json(path, _read_member(path, archive, _METADATA_MEMBER)) if _METADATA_MEMBER in names else {}
            )
    except _DAMAGED_ZIP_ERRORS as error:
        raise UserDataError(f"{path} is damaged: {error}", _SAVE_AGAIN) from None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return build_architecture(path, parse_json(path, content), version)


def _read_member(path: str, archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member of a .keras file.

    Raises:
        UserDataError: the member is too large. A forged header can name a smaller size than the data has.
    """
    with archive.open(name) as stream:
        content = stream.read(_MAX_JSON_BYTES + 1)
    if len(content) > _MAX_JSON_BYTES:
        raise UserDataError(f"{path}: {name} is larger than {_MAX_JSON_BYTES:,} bytes", _SAVE_AGAIN)
    return content


def _read_hdf5_file(path: str) -> SavedArchitecture:
    """Read the attributes of an .h5 file that contain the architecture and the arguments of `compile`.

    Raises:
        UserDataError: the file is damaged, or has no architecture.
    """
    contents = read_text_attributes(path, ("model_config", "training_config", "keras_version"), _SAVE_AGAIN)
    if not contents.get("model_config"):
        raise UserDataError(
            f"{path} has only weights: the attribute model_config is missing",
            "save the whole model with model.save('model.keras')",
        )
    model = parse_json(path, contents["model_config"])
    training = parse_json(path, contents["training_config"]) if contents.get("training_config") else None
    version = contents.get("keras_version", b"").decode("utf-8", "replace")
    document = {**model, "compile_config": training} if isinstance(model, dict) else model
    return build_architecture(path, document, version)
