"""Permission to run the modules of custom layers, and the digests of their source files in a config.

A config with custom layers can be read without permission. `--allow-code` is the only way to permit their code:
neither a key of a config nor an environment variable does so.
"""

from collections.abc import Iterator
from typing import Any

from dnn_cli.config.base import LAYER_LIST_KEYS
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.layers.custom import SOURCE_DIGEST_KEY, CustomLayer, is_custom_type
from dnn_cli.config.module_source import find_module_source
from dnn_cli.errors import Issue, KeyPath, UsageError

_WRAPPED_LAYER_KEYS = ("layer", "backward_layer")
_SHORT_DIGEST = 12
"""Number of digits of a digest in messages."""


def list_custom_layers(experiment: Experiment) -> list[CustomLayer]:
    """Return the custom layers of a network, with those that other layers contain; each type with its digest once."""
    custom = (nested.layer for nested in experiment.model.nested_layers if isinstance(nested.layer, CustomLayer))
    return list({(layer.type, layer.source_digest): layer for layer in custom}.values())


def check_code_permission(experiment: Experiment, directory: str | None) -> None:
    """Check that the user's code may run, if an experiment has custom layers.

    Args:
        experiment: The experiment.
        directory: The directory in which modules are searched first; `None` without permission.

    Raises:
        UsageError: the experiment has custom layers, and their code must not run.
    """
    layers = list_custom_layers(experiment)
    if layers and directory is None:
        raise UsageError(*_describe_refusal(layers[0].type))


def add_source_digests(config: dict[str, Any], directory: str | None) -> list[Issue]:
    """Add the digests of source files to the custom layers of a config, and return the issues of these layers.

    Args:
        config: The plain values of the config, valid or invalid, which are changed.
        directory: The directory in which modules are searched first; `None` if the user's code must not run.
    """
    issues = []
    for container, key, path in _iter_custom_layers(config, "model", ()):
        item = container[key]
        layer = {"type": item} if isinstance(item, str) else item
        type_name = layer["type"]
        if directory is None:
            issues.append(Issue(path, *_describe_refusal(type_name)))
            continue
        try:
            source = find_module_source(type_name.partition(":")[0], directory)
        except UsageError as error:
            issues.append(Issue(path, error.message, error.suggestion))
            continue
        recorded = layer.get(SOURCE_DIGEST_KEY)
        if recorded is None:
            container[key] = {**layer, SOURCE_DIGEST_KEY: source.digest}
        elif recorded != source.digest:
            change = f"{source.path} has changed: its SHA-256 begins with {source.digest[:_SHORT_DIGEST]}"
            message = f"{change}, and the config needs {str(recorded)[:_SHORT_DIGEST]}"
            override = f"'~{'.'.join(map(str, (*path[1:], SOURCE_DIGEST_KEY)))}'"
            issues.append(
                Issue((*path, SOURCE_DIGEST_KEY), message, f"restore the file, or add {override} for the new source")
            )
    return issues


def _describe_refusal(type_name: str) -> tuple[str, str]:
    """Return the message and the suggestion for a custom layer without permission."""
    module = type_name.partition(":")[0]
    return (
        f"{type_name} is your own code, which runs only with --allow-code",
        f"if you trust the module {module}, add --allow-code; in Python, allow_code=True",
    )


def _iter_custom_layers(container: Any, key: Any, path: KeyPath) -> Iterator[tuple[Any, Any, KeyPath]]:
    """Yield each custom layer below a key of a config: the mapping or list around the layer, its key and its path."""
    item = container[key] if not isinstance(container, dict) or key in container else None
    path = (*path, key)
    type_name = item.get("type") if isinstance(item, dict) else item
    if isinstance(type_name, str) and is_custom_type(type_name):
        yield container, key, path
    elif isinstance(item, list):
        for index in range(len(item)):
            yield from _iter_custom_layers(item, index, path)
    elif isinstance(item, dict):
        for inner_key in (*LAYER_LIST_KEYS, *_WRAPPED_LAYER_KEYS):
            yield from _iter_custom_layers(item, inner_key, path)
