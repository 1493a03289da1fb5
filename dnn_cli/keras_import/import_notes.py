"""Lines about an import: values that the file does not determine, and remarks on its parts."""

from typing import Any

from dnn_cli.config.value_texts import format_config_value
from dnn_cli.keras_import.config_building import ImportedExperiment
from dnn_cli.keras_import.config_text import find_changed_values

_SETTING_KEYS = ("optimizer", "loss", "metrics", "epochs", "batch_size")


def list_notes(imported: ImportedExperiment) -> list[str]:
    """Return the lines about an import: values from the file, missing values, and remarks."""
    experiment = imported.experiment
    count = len(experiment.model.layers)
    determined = {"data.dataset": experiment.data.dataset}
    determined |= {key: _format_value(getattr(experiment, key)) for key in _SETTING_KEYS}
    texts = [f"{key} {text}" for key, text in determined.items() if key not in imported.missing and text]
    layers = f"{count} layer{'s' if count != 1 else ''}"
    notes = [f"from the file: {'; '.join([layers, *texts])}"]
    if imported.missing:
        missing = (f"{key} {_format_key(imported, key)} ({reason})" for key, reason in imported.missing.items())
        notes.append(f"not in the file: {'; '.join(missing)}")
    return [*notes, *imported.remarks]


def _format_key(imported: ImportedExperiment, key: str) -> str:
    """Return the value of a key of the config as a short text."""
    value: Any = imported.experiment
    for step in key.split("."):
        value = getattr(value, step)
    return _format_value(value)


def _format_value(value: Any) -> str:
    """Return a value of a config as a short text."""
    return format_config_value(find_changed_values(value))
