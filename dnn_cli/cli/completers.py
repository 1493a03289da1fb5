"""What can stand where on the command line: runs, configs and their keys, fields of runs, and fixed words.

What a parameter takes is told by its metavar or its option, so that a new verb needs nothing here.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, get_args

from dnn_cli.errors import DnnError

MOST = 100
"""So many runs are offered."""

CONFIG_FILE = (".yaml", ".yml")


class Word(NamedTuple):
    """A word that can stand there, and what a shell shows beside it."""

    text: str
    meaning: str = ""


Completer = Callable[[dict[str, Any], str], "Iterator[Word] | Sequence[Word]"]
"""Takes the parameters that are there already, by their names, and what is typed of the next."""


def completer_for(metavar: str | None, options: Sequence[str]) -> Completer | None:
    """What completes a parameter with this metavar or one of these options; `None` where nobody knows."""
    for option in options:
        if option in BY_OPTION:
            return BY_OPTION[option]
    return BY_METAVAR.get((metavar or "").replace("[", "").replace("]", "").rstrip("…"))


def runs(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """Addresses of runs: names, ids, @1, best:METRIC, sweep:ID."""
    from dnn_cli.report.words import score
    from dnn_cli.runs.address import name_address
    from dnn_cli.runs.store import Store

    entries = Store(root_of(given)).entries()
    known = [entry for entry in entries if entry.record is not None]

    def meaning(entry: Any) -> str:
        best, monitor = entry.record.results.best, entry.record.results.monitor
        told = f"  {monitor} {score(best[monitor])}" if best else ""
        return f"{entry.name}  {entry.record.status}{told}"

    if typed.startswith("best:"):
        yield from (Word(f"best:{name}") for name in scores(known))
        return
    if typed.startswith("sweep:"):
        found = {one.id: one.name for entry in known for one in entry.record.sweeps}  # type: ignore[union-attr]
        yield from (Word(f"sweep:{one}", name) for one, name in found.items())
        return
    if typed.startswith("@"):
        yield from (Word(f"@{number}", meaning(entry)) for number, entry in enumerate(known[:9], 1))
        return
    names: dict[str, list[Any]] = {}
    for entry in known:
        names.setdefault(entry.name, []).append(entry)
    for name, same in list(names.items())[:MOST]:
        several = f"{len(same)} runs, the latest: " if len(same) > 1 else ""
        yield Word(name_address(name), f"{several}{meaning(same[0])}")
    yield from (Word(entry.record.id, meaning(entry)) for entry in known[:MOST])  # type: ignore[union-attr]
    if known:
        yield from (Word("@1", "the latest run"), Word("best:", "the run with the best …"))
    if any(entry.record.sweeps for entry in known):  # type: ignore[union-attr]
        yield Word("sweep:", "the runs of a sweep")


def configs(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """Config files, and once one is named the keys that can be changed in it."""
    words = [str(word) for word in given.get("arguments") or ()]
    files = [word for word in words if os.path.isfile(word)]
    if files:
        yield from overrides(files[0], typed)
    yield from config_files(typed)


def runs_or_configs(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """A run or a config, and then the keys of it."""
    if given.get("arguments"):
        yield from configs_of_runs(given, typed)
        yield from configs(given, typed)
    else:
        yield from config_files(typed)
        yield from runs(given, typed)


def runs_then_keys(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """A run, and then the keys of its config."""
    yield from configs_of_runs(given, typed) if given.get("arguments") else runs(given, typed)


def configs_of_runs(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """The keys of the run that is named first."""
    from dnn_cli.runs.store import Store

    words = [str(word) for word in given.get("arguments") or () if "=" not in str(word)]
    if words and not os.path.isfile(words[0]):
        with suppress(DnnError):
            yield from overrides(str(Store(root_of(given)).find(words[0]).config), typed)


def overrides(file: str, typed: str) -> Iterator[Word]:
    """What can be changed of a config."""
    from dnn_cli.spec.keys import suggestions
    from dnn_cli.spec.load import read_base

    yield from (Word(*one) for one in suggestions(read_base(file).value, typed))


def config_files(typed: str) -> Iterator[Word]:
    """Files that may be configs, and folders on the way to them."""
    folder, _, start = typed.rpartition("/")
    place = Path(os.path.expanduser(f"{folder}/")) if "/" in typed else Path()
    with suppress(OSError):
        for path in sorted(place.iterdir()):
            if not path.name.startswith(start) or (path.name.startswith(".") and not start):
                continue
            name = f"{folder}/{path.name}" if "/" in typed else path.name
            if path.is_dir():
                yield Word(f"{name}/")
            elif path.suffix in CONFIG_FILE:
                yield Word(name)


def condition(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """The field, the status or the connective that a condition goes on with."""
    before, last = re.fullmatch(r"(.*?)([^\s(),]*)", typed, re.DOTALL).groups()  # type: ignore[union-attr]
    said = before.split()
    if said[-2:] in (["status", "="], ["status", "!="]):
        from dnn_cli.runs.record import Status

        found = [Word(status) for status in (*get_args(Status), "broken")]
    else:
        found = [Word(field) for field in known_fields(given)]
    yield from (Word(f"{before}{text}") for text, _ in found if text.startswith(last))


def fields(given: dict[str, Any], typed: str) -> Iterator[Word]:
    """Fields of runs; with `-` in front, and several with commas between."""
    before, comma, last = typed.rpartition(",")
    minus = "-" if last.startswith("-") else ""
    yield from (Word(f"{before}{comma}{minus}{field}") for field in known_fields(given))


def known_fields(given: dict[str, Any]) -> list[str]:
    """Every field that any of the latest runs has."""
    from dnn_cli.runs.fields import known_fields as all_fields
    from dnn_cli.runs.store import Store

    store = Store(root_of(given))
    return all_fields(store.detailed(store.entries()[:MOST]))


def metrics(given: dict[str, Any], typed: str) -> list[Word]:
    """The scores that runs have."""
    from dnn_cli.runs.store import Store

    known = [entry for entry in Store(root_of(given)).entries() if entry.record is not None]
    return [Word(name) for name in scores(known)]


def scores(entries: Sequence[Any]) -> dict[str, None]:
    """The names of the scores of runs."""
    from dnn_cli.runs.record import NO_SCORES

    bests = (entry.record.results.best or {} for entry in entries)
    return {name: None for best in bests for name in best if name not in NO_SCORES}


def root_of(given: dict[str, Any]) -> Path:
    """The directory of runs that is meant."""
    return Path(given.get("runs_dir") or os.environ.get("DNN_RUNS_DIR") or "runs")


def fixed(*words: str) -> Completer:
    """Always the same words."""
    return lambda given, typed: [Word(word) for word in words]


def of_kind(kind: str) -> Completer:
    """What a config can name, of a kind."""

    def complete(given: dict[str, Any], typed: str) -> list[Word]:
        from dnn_cli.spec.catalog import NAMES

        return [Word(name) for name in NAMES[kind]]

    return complete


def kinds(given: dict[str, Any], typed: str) -> list[Word]:
    """What `dnn list` lists."""
    from dnn_cli.cli.list import KINDS

    return [Word(kind) for kind in KINDS]


BY_METAVAR: dict[str, Completer] = {
    "RUN": runs,
    "A": runs,
    "B": runs,
    "CONFIG|KEY=VALUE": configs,
    "CONFIG KEY=VALUE": configs,
    "CONFIG|SWEEP KEY=VALUES": configs,
    "CONFIG|RUN|KEY=VALUE": runs_or_configs,
    "CONFIG|DATA|KEY=VALUE": configs,
    "RUN KEY=VALUE": runs_then_keys,
    "RUN FILE": runs_then_keys,
    "KIND": kinds,
}

BY_OPTION: dict[str, Completer] = {
    "--where": condition,
    "--sort-by": fields,
    "--columns": fields,
    "--by": fields,
    "--metric": metrics,
    "--baseline": runs,
    "--at": fixed("best", "epoch=", "steps=", "seconds=", "area", "reach="),
    "--search": fixed("grid", "random", "bayesian"),
    "--on": fixed("local", "ray"),
    "--engine": fixed("chunked", "keras"),
    "--split": fixed("test", "validation"),
    "--optimizer": of_kind("optimizer"),
    "--activation": of_kind("activation"),
    "--mlflow": fixed("sqlite:///mlflow.db", "file:", "http://"),
    "--install-completion": fixed("bash", "zsh", "fish"),
    "--show-completion": fixed("bash", "zsh", "fish"),
}
