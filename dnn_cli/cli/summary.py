"""`dnn summary`: what a network consists of, without building it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, divide, is_override
from dnn_cli.cli.chosen_run import find_run
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.report.words import visible


def summary(
    arguments: Annotated[
        list[str], typer.Argument(metavar="CONFIG|RUN|KEY=VALUE", help="A config file or a run, then changes.")
    ],
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Show layers, shapes, parameters and how they come about."""
    from dnn_cli.errors import UsageError
    from dnn_cli.report.summary import summary_document, summary_table, totals
    from dnn_cli.spec.load import load
    from dnn_cli.spec.summary import summarize

    named = [word for word in arguments if not is_override(word)]
    found = [config_of(word, runs_dir, is_first=not named and word is arguments[0]) for word in arguments]
    words, overrides = divide(found, "dnn summary configs/relu_adam.yaml")
    if len(words) > 1:
        raise UsageError("summary takes one config or run", "as in: dnn summary configs/relu_adam.yaml")
    loaded = load(words[0], overrides)
    made = summarize(loaded.experiment)
    if as_json:
        print_json(summary_document(made))
        return
    out = results()
    out.print(f"{made.name}   input {(None, *made.input_shape)}")
    out.print()
    show(out, summary_table(made))
    out.print()
    width = max(len(label) for label, _ in totals(made))
    for label, text in totals(made):
        out.print(f"{label:<{width}}  {text}")
    for remark in loaded.advice:
        notes().print(f"advice: {visible(remark)}")


def config_of(word: str, runs_dir: Path, *, is_first: bool) -> str:
    """Return a config file and a change as typed, and the path of the config of a run.

    `is_first`: the word is the first one, and no word names a config. It is then the run, if a run has this name.
    """
    if os.path.isfile(word) or word.endswith((".yaml", ".yml")) or (is_override(word) and not is_first):
        return word
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    if is_override(word) and not any(entry.name == word for entry in store.entries()):
        return word
    return str(find_run(store, word).config)
