"""Programs and saved models of Keras as files, and the experiments that are imported from them."""

import json
import zipfile
from pathlib import Path

import keras
import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.errors import DnnError
from dnn_cli.keras_import.config_building import build_imported_experiment
from dnn_cli.keras_import.config_text import build_config_text, find_changed_values
from dnn_cli.keras_import.program_file import read_program


def import_file(path, model_number=None):
    """Import a file, and return the experiment of the written config and the import."""
    imported = build_imported_experiment(read_program(str(path), model_number))
    config = Path(f"{path}.yaml")
    config.write_text(build_config_text(imported, str(path), str(config)), encoding="utf-8")
    if imported.has_placeholder:
        return imported.experiment, imported
    loaded = load_experiment(str(config)).experiment
    # The loaded config has the absolute path of a file.
    data = imported.experiment.data if imported.experiment.data.path else loaded.data
    assert loaded.model_copy(update={"name": imported.experiment.name, "data": data}) == imported.experiment
    return loaded, imported


def write_program(directory, text):
    """Write a script and return its path."""
    path = directory / "train.py"
    path.write_text(text, encoding="utf-8")
    return path


def import_script(directory, text, model_number=None):
    """Import a script, and return the experiment and the import."""
    return import_file(write_program(directory, text), model_number)


def list_import_errors(path):
    """List the lines of the error that an import ends with, without the path of the file."""
    with pytest.raises(DnnError) as caught:
        build_imported_experiment(read_program(str(path)))
    lines = [str(issue) for issue in getattr(caught.value, "issues", ())] or [caught.value.message]
    return [line.replace(str(path), path.name) for line in lines]


def list_layers(experiment, *, names=True):
    """List the layers of an experiment as plain values, without defaults; repeated layers once for each repetition."""
    layers = [layer if names else layer.model_copy(update={"name": None}) for layer in experiment.model.stack]
    return [find_changed_values(layer) for layer in layers]


def build_sequential_document(layers, input_shape):
    """Build the JSON document of a Sequential of Keras layers, without the construction of the model."""
    inputs = {"class_name": "InputLayer", "config": {"batch_shape": [None, *input_shape]}}
    documents = [keras.saving.serialize_keras_object(layer) for layer in layers]
    return json.loads(json.dumps({"class_name": "Sequential", "config": {"layers": [inputs, *documents]}}))


def write_architecture(directory, document, name="model.json"):
    """Write the JSON document of a model, as a .json or .keras file, and return its path."""
    path = directory / name
    if name.endswith(".json"):
        path.write_text(json.dumps(document), encoding="utf-8")
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", json.dumps(document))
    return path
