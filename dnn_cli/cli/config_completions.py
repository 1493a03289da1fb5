"""Completions that depend on a config file: overrides and layers; and the names of config files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dnn_cli.cli.completion_cache import describe_files, recall_answer
from dnn_cli.cli.completion_word import CompletionWord

_CONFIG_SUFFIXES = (".yaml", ".yml")


def iter_overrides(file: str, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides that fit the values of a config file and begin with the typed text."""

    def compute() -> tuple[dict[str, Any], bool]:
        from dnn_cli.config.keys import complete_all_overrides
        from dnn_cli.config.loading import read_config

        # The state does not have the files that the file extends.
        return complete_all_overrides(read_config(file).value), b"extends" not in Path(file).read_bytes()

    path = os.path.abspath(file)
    state = describe_files(path, os.path.join(os.path.dirname(path), "run.json"))
    by_stem = recall_answer(("overrides", path), state, compute)
    words = _find_overrides(by_stem, typed)
    if words is None:
        from dnn_cli.config.keys import complete_override
        from dnn_cli.config.loading import read_config

        words = [CompletionWord(*suggestion) for suggestion in complete_override(read_config(file).value, typed)]
    yield from words


def _find_overrides(by_stem: Mapping[str, Sequence[Sequence[str]]], typed: str) -> list[CompletionWord] | None:
    """Return the completions of an unfinished override; `None` if the result of `complete_all_overrides` lacks them."""
    key, equals, values = typed.partition("=")
    before, comma, _ = values.rpartition(",")
    parent, dot, _ = key.rpartition(".")
    stem = f"{key}=" if equals else f"{parent}{dot}" or "~"[: key.startswith("~")]
    if stem not in by_stem:
        return None
    return [CompletionWord(f"{stem}{before}{comma}{text[len(stem) :]}", meaning) for text, meaning in by_stem[stem]]


def iter_config_files(typed: str) -> Iterator[CompletionWord]:
    """Yield YAML files and directories whose path begins with the typed text."""
    parent, _, start = typed.rpartition("/")
    directory = Path(os.path.expanduser(f"{parent}/")) if "/" in typed else Path()
    with suppress(OSError):
        for path in sorted(directory.iterdir()):
            if not path.name.startswith(start) or (path.name.startswith(".") and not start):
                continue
            name = f"{parent}/{path.name}" if "/" in typed else path.name
            if path.is_dir():
                yield CompletionWord(f"{name}/")
            elif path.suffix in _CONFIG_SUFFIXES:
                yield CompletionWord(name)


def list_kernel_layers(config: str) -> list[tuple[str, str]]:
    """Return the names and types of the layers with a kernel in the config of a run."""

    def compute() -> tuple[list[tuple[str, str]], bool]:
        from dnn_cli.config.layer_stack import list_layer_names
        from dnn_cli.config.loading import load_resolved_experiment

        layers = load_resolved_experiment(config).model.stack
        names = zip(list_layer_names(layers), layers, strict=True)
        return [(name, layer.type) for name, layer in names if layer.has_kernel], True

    path = os.path.abspath(config)
    layers: list[tuple[str, str]] = recall_answer(("layers", path), describe_files(path), compute)
    return layers
