"""`dnn runs tag|note|rename|show`: what a person says about runs, and everything about one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.chosen_run import find_run
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.errors import RunError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.entry import Entry
    from dnn_cli.runs.labels import Labels

Address = Annotated[str, typer.Argument(metavar="RUN", help="A run by id, name, directory, @1 or best:METRIC.")]
Addresses = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1, best:METRIC or sweep:ID."),
]


def tag(
    word: Annotated[str, typer.Argument(metavar="TAG", help="One word.")],
    addresses: Addresses,
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Give runs a tag, or take it away."""
    from dnn_cli.report.garbage import title
    from dnn_cli.runs.labels import check_tag, tagged, untagged
    from dnn_cli.runs.selection import Lookup

    check_tag(word)
    change = untagged if remove else tagged
    for entry in changed(Lookup(runs_dir).meant(addresses), lambda labels: change(labels, word), as_json):
        tags = ", ".join(entry.labels.tags) or "no tag"
        results().print(visible(f"{title(entry)}: {tags}"))


def note(
    address: Address,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to know of the run; '' removes it.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Write a note to a run, in place of the one before."""
    from dnn_cli.report.garbage import title
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.labels import noted
    from dnn_cli.runs.store import Store

    for entry in changed([read_entry(Store(runs_dir).find_only(address))], lambda labels: noted(labels, text), as_json):
        done = "noted" if entry.labels.note else "without a note now"
        results().print(visible(f"{title(entry)}: {done}"))


def rename(
    address: Address,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it; its directory stays.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Call a run by another name."""
    from dnn_cli.report.words import count
    from dnn_cli.runs.address import handle
    from dnn_cli.runs.entry import read_entry
    from dnn_cli.runs.labels import renamed
    from dnn_cli.runs.store import Store

    for entry in changed(
        [read_entry(Store(runs_dir).find_only(address))], lambda labels: renamed(labels, name), as_json
    ):
        results().print(visible(f"{entry.run.directory.name} is called {entry.labels.name}"))
        others = sum(other.name == entry.name for other in Store(runs_dir).entries()) - 1
        if others > 0:
            notes().print(visible(f"{count(others, 'other run')} of this name: address this one as {handle(entry)}"))


def show_run(address: Address, runs_dir: RunsDir = Path("runs"), as_json: AsJson = False) -> None:
    """Show everything about a run."""
    from dnn_cli.report.run_page import page, page_document
    from dnn_cli.runs.entry import labelled, read_entry
    from dnn_cli.runs.labels import read_labels
    from dnn_cli.runs.store import Store

    entry, trouble = read_entry(find_run(Store(runs_dir), address)).detailed(), None
    try:
        entry = labelled(entry, read_labels(entry.run))
    except RunError as error:
        trouble = error.message
    if as_json:
        print_json(page_document(entry))
    else:
        show(results(), page(entry))
    if trouble is not None:
        notes().print(visible(f"its tags, note and name cannot be read: {trouble}"))
    if entry.record is not None and entry.details.trouble:
        notes().print(visible(f"not all of it can be read: {entry.details.trouble}"))


def changed(entries: "Sequence[Entry]", change: "Callable[[Labels], Labels]", as_json: bool) -> "Sequence[Entry]":
    """Change the labels of runs. Return the runs after the change, or print them as JSON and return none."""
    from dnn_cli.report.runs import entry_document
    from dnn_cli.runs.entry import labelled
    from dnn_cli.runs.labels import change_labels

    labels = change_labels([entry.run for entry in entries], change)
    after = [labelled(entry, new) for entry, new in zip(entries, labels, strict=True)]
    if not as_json:
        return after
    print_json({"runs": [entry_document(entry) for entry in after]})
    return ()
