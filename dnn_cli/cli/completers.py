"""Functions that complete command line parameters: runs, configs and their keys, fields of runs, and fixed words.

A parameter declares its completer next to its help: `typer.Argument(..., autocompletion=complete_runs)`.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import typer

from dnn_cli.cli.completion_cache import recall_answer
from dnn_cli.cli.completion_word import CompletionWord
from dnn_cli.cli.config_completions import iter_config_files, iter_overrides, list_kernel_layers
from dnn_cli.cli.run_completions import find_run_config, list_addresses, list_metrics, list_run_fields
from dnn_cli.errors import DnnError
from dnn_cli.runs.runs_directory import get_default_runs_dir

_Completer = Callable[[typer.Context, str], "Iterator[CompletionWord] | Sequence[CompletionWord]"]
"""Function that returns the words that a completion offers.

The first argument has the values that are already typed. The second argument is the unfinished word. Typer recognises
both by their types.
"""


def complete_runs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield addresses of runs: names, ids, @1, best:METRIC, sweep:ID, study:ID."""
    yield from list_addresses(_get_runs_dir(context), typed)


def complete_configs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides for the first config file that is already typed, then config files."""
    yield from complete_keys(context, typed)
    yield from iter_config_files(typed)


def complete_keys(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides for the first config file that is already typed."""
    files = [word for word in _list_arguments(context) if os.path.isfile(word)]
    if files:
        yield from iter_overrides(files[0], typed)


def complete_runs_or_configs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield config files and addresses of runs for the first word, and overrides and config files for later words."""
    if _list_arguments(context):
        yield from _complete_run_keys(context, typed)
        yield from complete_configs(context, typed)
    else:
        yield from iter_config_files(typed)
        yield from complete_runs(context, typed)


def complete_runs_and_configs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield config files and addresses of runs."""
    yield from iter_config_files(typed)
    yield from complete_runs(context, typed)


def complete_run_then_keys(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield addresses of runs for the first word, and overrides of the run's config for later words."""
    yield from (_complete_run_keys(context, typed) if _list_arguments(context) else complete_runs(context, typed))


def complete_layers(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield the names of the layers of the run whose address is the first typed word."""
    with suppress(DnnError):
        for address in _list_arguments(context)[:1]:
            for name, layer_type in list_kernel_layers(find_run_config(_get_runs_dir(context), address)):
                if name.startswith(typed):
                    yield CompletionWord(name, layer_type)


def _complete_run_keys(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides for the config of the run whose address is the first typed word.

    No override is yielded if the word is a file, or if no run has this address.
    """
    words = [word for word in _list_arguments(context) if "=" not in word]
    if words and not os.path.isfile(words[0]):
        with suppress(DnnError):
            yield from iter_overrides(find_run_config(_get_runs_dir(context), words[0]), typed)


def complete_condition(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield completions of a condition of `--where`.

    After `status =`, the last word is completed to a status. Elsewhere, the word is completed to a field of runs, such
    as `best.val_accuracy`.
    """
    before, last = re.fullmatch(r"(.*?)([^\s(),]*)", typed, re.DOTALL).groups()  # type: ignore[union-attr]
    preceding_words = before.split()
    if preceding_words[-2:] in (["status", "="], ["status", "!="]):
        from dnn_cli.runs.record import Status

        candidates = [CompletionWord(status) for status in (*get_args(Status), "broken")]
    else:
        candidates = [CompletionWord(field) for field in list_run_fields(_get_runs_dir(context))]
    yield from (CompletionWord(f"{before}{text}") for text, _ in candidates if text.startswith(last))


def complete_fields(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield completions of a comma-separated list of fields, for `--columns`, `--sort-by` and `--by`.

    Only the last field is completed. A `-` may precede the field, for a descending order.
    """
    before, comma, last = typed.rpartition(",")
    minus = "-" if last.startswith("-") else ""
    yield from (CompletionWord(f"{before}{comma}{minus}{field}") for field in list_run_fields(_get_runs_dir(context)))


def complete_metrics(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return the names of the scores of all runs as completion words."""
    return list_metrics(_get_runs_dir(context))


def _get_runs_dir(context: typer.Context) -> Path:
    """Return the directory of the option `--runs-dir`, otherwise the default directory of runs."""
    return Path(_get_value(context, "runs_dir") or get_default_runs_dir())


def _list_arguments(context: typer.Context) -> list[str]:
    """List the configs, addresses and overrides that are already typed."""
    return [str(word) for word in _get_value(context, "arguments") or ()]


def _get_value(context: typer.Context, name: str) -> Any:
    """Return the value of a parameter of the command or of a group around the command; otherwise `None`."""
    ancestor: Any = context
    while ancestor is not None:
        if name in ancestor.params:
            return ancestor.params[name]
        ancestor = ancestor.parent
    return None


def build_fixed_completer(*words: str) -> _Completer:
    """Build a completer that always offers the same words."""

    def complete(context: typer.Context, typed: str) -> list[CompletionWord]:
        return [CompletionWord(word) for word in words]

    return complete


def build_name_completer(kind: str) -> _Completer:
    """Build a completer that offers all names of one kind in configs: `adam`, `sgd` and so on for `optimizer`."""

    def complete(context: typer.Context, typed: str) -> list[CompletionWord]:
        def list_names() -> tuple[list[str], bool]:
            from dnn_cli.config.registry import NAMES_BY_KIND

            return list(NAMES_BY_KIND[kind]), True

        return [CompletionWord(name) for name in recall_answer(("names", kind), "", list_names)]

    return complete


def complete_own_data_keys(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for keys of `data` for the user's own files, such as `data.header=`."""

    def list_keys() -> tuple[list[str], bool]:
        from dnn_cli.config.datasets import DATASETS_BY_KEY

        return list(DATASETS_BY_KEY), True

    return [CompletionWord(f"data.{key}=") for key in recall_answer(("data keys",), "", list_keys)]


def complete_export_formats(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return the names of the formats of `dnn export` as completion words."""
    from dnn_cli.export.export_formats import EXPORT_FORMATS

    return [CompletionWord(name) for name in EXPORT_FORMATS]


def complete_kinds(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for the argument of `dnn list`: `layers`, `optimizers`, `losses` and so on."""
    from dnn_cli.cli.options import NAME_KINDS

    return [CompletionWord(kind) for kind in NAME_KINDS]


def complete_example_configs(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for the argument of `dnn configs`: the names of the example configs."""
    from dnn_cli.config.example_configs import list_example_configs

    return [CompletionWord(config.name, config.description) for config in list_example_configs()]


def complete_catalog_names(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for the second argument of `dnn list`: the names of the kind that is already typed."""
    from dnn_cli.cli.options import NAME_KINDS

    kind = str(_get_value(context, "kind"))

    def list_items() -> tuple[list[tuple[str, str]], bool]:
        from dnn_cli.report.catalog import build_catalog, to_singular

        return [(item.name, item.summary) for item in build_catalog(to_singular(kind))], True

    items = recall_answer(("catalog", kind), "", list_items) if kind in NAME_KINDS else ()
    return [CompletionWord(*item) for item in items]


def complete_topics(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for the argument of `dnn help`: pages, then commands without a page."""
    from dnn_cli.cli.documentation import list_pages

    pages, root = list_pages(), context.find_root()
    commands = [name for name in root.command.list_commands(root) if name not in pages]  # type: ignore[attr-defined]
    return [*(CompletionWord(*page) for page in pages.items()), *map(CompletionWord, commands)]


complete_points = build_fixed_completer("best", "epoch=", "steps=", "seconds=", "area", "reach=")
"""Completer of comparison points, for `--at`."""
