"""Functions that complete command line parameters: runs, configs and their keys, fields of runs, and fixed words.

A parameter declares its completer next to its help: `typer.Argument(..., autocompletion=complete_runs)`.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, get_args

import typer

from dnn_cli.errors import DnnError
from dnn_cli.runs.runs_directory import get_default_runs_dir

_MAX_OFFERED_RUNS = 100
"""Largest number of runs that a completion offers. Only the latest runs, and only their fields, are offered."""

_CONFIG_SUFFIXES = (".yaml", ".yml")


class CompletionWord(NamedTuple):
    """Word that a completion offers. zsh and fish also show its meaning."""

    text: str
    meaning: str = ""


_Completer = Callable[[typer.Context, str], "Iterator[CompletionWord] | Sequence[CompletionWord]"]
"""Function that returns the words that a completion offers.

The first argument has the values that are already typed. The second argument is the unfinished word. Typer recognises
both by their types.
"""


def complete_runs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield addresses of runs: names, ids, @1, best:METRIC, sweep:ID, study:ID."""
    from dnn_cli.report.text import format_score
    from dnn_cli.runs.address import format_name_address
    from dnn_cli.runs.store import Store
    from dnn_cli.runs.study_roles import list_studies

    all_runs = Store(_get_runs_dir(context)).list_runs()
    readable_runs = [run_info for run_info in all_runs if run_info.record is not None]

    def format_run_meaning(run_info: Any) -> str:
        best, monitor = run_info.record.results.best, run_info.record.results.monitor
        score_text = f"  {monitor} {format_score(best[monitor])}" if best else ""
        return f"{run_info.name}  {run_info.record.status}{score_text}"

    memberships = [item for run_info in readable_runs for item in run_info.record.sweeps]  # type: ignore[union-attr]
    sweeps = {item.id: item.name for item in memberships if item.study is None}
    studies = list_studies(readable_runs)
    if typed.startswith("best:"):
        yield from (CompletionWord(f"best:{name}") for name in _list_score_names(readable_runs))
        return
    if typed.startswith("sweep:"):
        yield from (CompletionWord(f"sweep:{sweep}", name) for sweep, name in sweeps.items())
        return
    if typed.startswith("study:"):
        yield from (CompletionWord(f"study:{study}", name) for study, name in studies.items())
        return
    if typed.startswith("@"):
        yield from (
            CompletionWord(f"@{number}", format_run_meaning(run_info))
            for number, run_info in enumerate(readable_runs[:9], 1)
        )
        return
    names: dict[str, list[Any]] = {}
    for run_info in readable_runs:
        names.setdefault(run_info.name, []).append(run_info)
    for name, same_name_runs in list(names.items())[:_MAX_OFFERED_RUNS]:
        prefix = f"{len(same_name_runs)} runs, the latest: " if len(same_name_runs) > 1 else ""
        yield CompletionWord(format_name_address(name), f"{prefix}{format_run_meaning(same_name_runs[0])}")
    for run_info in readable_runs[:_MAX_OFFERED_RUNS]:
        yield CompletionWord(run_info.record.id, format_run_meaning(run_info))  # type: ignore[union-attr]
    if readable_runs:
        yield from (CompletionWord("@1", "the latest run"), CompletionWord("best:", "the run with the best score"))
    if sweeps:
        yield CompletionWord("sweep:", "the runs of a sweep")
    if studies:
        yield CompletionWord("study:", "the runs of a study")


def complete_configs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides for the first config file that is already typed, then config files."""
    yield from complete_keys(context, typed)
    yield from _complete_config_files(typed)


def complete_keys(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides for the first config file that is already typed."""
    files = [word for word in _list_arguments(context) if os.path.isfile(word)]
    if files:
        yield from _complete_overrides(files[0], typed)


def complete_runs_or_configs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield config files and addresses of runs for the first word, and overrides and config files for later words."""
    if _list_arguments(context):
        yield from _complete_run_keys(context, typed)
        yield from complete_configs(context, typed)
    else:
        yield from _complete_config_files(typed)
        yield from complete_runs(context, typed)


def complete_runs_and_configs(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield config files and addresses of runs."""
    yield from _complete_config_files(typed)
    yield from complete_runs(context, typed)


def complete_run_then_keys(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield addresses of runs for the first word, and overrides of the run's config for later words."""
    yield from (_complete_run_keys(context, typed) if _list_arguments(context) else complete_runs(context, typed))


def complete_layers(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield the names of the layers of the run whose address is the first typed word."""
    from dnn_cli.config.layer_stack import list_layer_names
    from dnn_cli.config.loading import load_resolved_experiment
    from dnn_cli.runs.store import Store

    addresses = _list_arguments(context)[:1]
    with suppress(DnnError):
        for address in addresses:
            run = Store(_get_runs_dir(context)).find(address)
            layers = load_resolved_experiment(str(run.config)).model.stack
            for name, layer in zip(list_layer_names(layers), layers, strict=True):
                if layer.has_kernel and name.startswith(typed):
                    yield CompletionWord(name, layer.type)


def _complete_run_keys(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides for the config of the run whose address is the first typed word.

    No override is yielded if the word is a file, or if no run has this address.
    """
    from dnn_cli.runs.store import Store

    words = [word for word in _list_arguments(context) if "=" not in word]
    if words and not os.path.isfile(words[0]):
        with suppress(DnnError):
            yield from _complete_overrides(str(Store(_get_runs_dir(context)).find(words[0]).config), typed)


def _complete_overrides(file: str, typed: str) -> Iterator[CompletionWord]:
    """Yield overrides that fit the values of a config file and begin with the typed text."""
    from dnn_cli.config.keys import complete_override
    from dnn_cli.config.loading import read_config

    yield from (CompletionWord(*suggestion) for suggestion in complete_override(read_config(file).value, typed))


def _complete_config_files(typed: str) -> Iterator[CompletionWord]:
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
        candidates = [CompletionWord(field) for field in _list_run_fields(context)]
    yield from (CompletionWord(f"{before}{text}") for text, _ in candidates if text.startswith(last))


def complete_fields(context: typer.Context, typed: str) -> Iterator[CompletionWord]:
    """Yield completions of a comma-separated list of fields, for `--columns`, `--sort-by` and `--by`.

    Only the last field is completed. A `-` may precede the field, for a descending order.
    """
    before, comma, last = typed.rpartition(",")
    minus = "-" if last.startswith("-") else ""
    yield from (CompletionWord(f"{before}{comma}{minus}{field}") for field in _list_run_fields(context))


def _list_run_fields(context: typer.Context) -> list[str]:
    """List the fields that at least one of the latest runs has, such as `best.val_loss`."""
    from dnn_cli.runs.query.fields import list_fields
    from dnn_cli.runs.store import Store

    store = Store(_get_runs_dir(context))
    return list_fields(store.with_details(store.list_runs()[:_MAX_OFFERED_RUNS]))


def complete_metrics(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return the names of the scores of all runs as completion words."""
    from dnn_cli.runs.store import Store

    readable_runs = [run_info for run_info in Store(_get_runs_dir(context)).list_runs() if run_info.record is not None]
    return [CompletionWord(name) for name in _list_score_names(readable_runs)]


def _list_score_names(run_infos: Sequence[Any]) -> dict[str, None]:
    """Return the names of the scores of runs, without repetitions, as the keys of a dictionary."""
    from dnn_cli.runs.record import NON_SCORE_COLUMNS

    bests = (run_info.record.results.best or {} for run_info in run_infos)
    return {name: None for best in bests for name in best if name not in NON_SCORE_COLUMNS}


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
        from dnn_cli.config.registry import NAMES_BY_KIND

        return [CompletionWord(name) for name in NAMES_BY_KIND[kind]]

    return complete


def complete_own_data_keys(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for keys of `data` for the user's own files, such as `data.header=`."""
    from dnn_cli.config.datasets import DATASETS_BY_KEY

    return [CompletionWord(f"data.{key}=") for key in DATASETS_BY_KEY]


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
    from dnn_cli.report.catalog import build_catalog, to_singular

    kind = str(_get_value(context, "kind"))
    items = build_catalog(to_singular(kind)) if kind in NAME_KINDS else ()
    return [CompletionWord(item.name, item.summary) for item in items]


def complete_topics(context: typer.Context, typed: str) -> list[CompletionWord]:
    """Return completion words for the argument of `dnn help`: pages, then commands without a page."""
    from dnn_cli.cli.documentation import list_pages

    pages, root = list_pages(), context.find_root()
    commands = [name for name in root.command.list_commands(root) if name not in pages]  # type: ignore[attr-defined]
    return [*(CompletionWord(*page) for page in pages.items()), *map(CompletionWord, commands)]


complete_points = build_fixed_completer("best", "epoch=", "steps=", "seconds=", "area", "reach=")
"""Completer of comparison points, for `--at`."""
