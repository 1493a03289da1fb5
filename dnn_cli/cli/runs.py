"""`dnn runs`: the runs there are, and what becomes of those that nobody needs."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.errors import UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.trash import Failure

Yes = Annotated[bool, typer.Option("--yes", help="Delete without a question.")]

group = typer.Typer()


@group.callback(invoke_without_command=True)
def runs(context: typer.Context, runs_dir: RunsDir = Path("runs"), as_json: AsJson = False) -> None:
    """List the runs, the latest first, or free the disk of some."""
    if context.invoked_subcommand is not None:
        refuse_misplaced(context, context.invoked_subcommand)
        return
    from dnn_cli.report.runs import entry_document, runs_table
    from dnn_cli.runs.store import Store

    entries = Store(runs_dir).entries()
    if as_json:
        print_json({"runs": [entry_document(entry) for entry in entries]})
    elif entries:
        show(results(), runs_table(entries))
    else:
        notes().print(f"there are no runs in {visible(runs_dir)}; dnn train makes one")


def refuse_misplaced(context: typer.Context, subcommand: str) -> None:
    """Options before a subcommand would go unheard, and runs of another directory would be removed."""
    for name, option in (("runs_dir", "--runs-dir"), ("as_json", "--json")):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            value = f" {shlex.quote(str(context.params[name]))}" if name == "runs_dir" else ""
            raise UsageError(
                f"{option} is written before {subcommand}", f"write it after: dnn runs {subcommand} … {option}{value}"
            )


@group.command("rm")
def remove(
    addresses: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1 or best:METRIC.")
    ],
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Move runs into the trash, from which they can be restored."""
    from dnn_cli.report.garbage import title
    from dnn_cli.runs.trash import Trash, handle

    for entry in Trash(runs_dir).remove(addresses):
        back = command("restore", handle(entry), runs_dir=runs_dir)
        results().print(visible(f"removed {title(entry)}; {back} brings it back"))


@group.command("restore")
def restore(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Argument(metavar="RUN", help="Removed runs by id, name or directory; none lists them."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Bring removed runs back, or list them."""
    from dnn_cli.report.garbage import title, trash_document, trash_table
    from dnn_cli.report.runs import entry_document
    from dnn_cli.runs.trash import Trash

    trash = Trash(runs_dir)
    if addresses:
        restored = trash.restore(addresses)
        if as_json:
            print_json({"restored": [entry_document(entry) for entry in restored]})
            return
        for entry in restored:
            results().print(visible(f"restored {title(entry)}"))
        return
    contents = trash.contents()
    if as_json:
        print_json(trash_document(contents))
    elif contents:
        show(results(), trash_table(contents))
    else:
        notes().print(f"the trash of {visible(runs_dir)} is empty")


@group.command("purge")
def purge(
    addresses: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="RUN", help="Removed runs by id, name or directory; all where none is named."),
    ] = None,
    yes: Yes = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Delete removed runs for good."""
    from dnn_cli.report.garbage import outcome_document, trash_document, trash_table, trash_text
    from dnn_cli.runs.trash import Trash

    trash = Trash(runs_dir)
    contents = trash.contents(addresses or ())
    if contents and not as_json:
        show(results(), trash_table(contents))
        results().print(f"\n{trash_text(contents)}")
    elif not as_json:
        notes().print(f"the trash of {visible(runs_dir)} is empty")
    agreed = bool(contents) and is_agreed(f"delete {trash_text(contents)}, for good?", yes, as_json)
    failures = trash.purge(contents) if agreed else []
    if as_json:
        print_json({**trash_document(contents), **outcome_document(agreed, failures)})
    elif agreed:
        failed = {failure.path for failure in failures}
        gone = [one for one in contents if one.entry.run.directory not in failed]
        results().print(f"deleted {trash_text(gone)}")
    end(failures)


@group.command("gc")
def collect(
    yes: Yes = False,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Also those with which completed runs could be trained further.")
    ] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Free leftovers, and checkpoints that nobody needs.

    They are what dead processes left behind, and checkpoints of completed runs.
    """
    from dnn_cli.report.garbage import garbage_document, garbage_table, outcome_document, total, trash_text
    from dnn_cli.runs.garbage import LAST, find_garbage, free
    from dnn_cli.runs.trash import Trash

    trash = Trash(runs_dir).contents()
    garbage = find_garbage(runs_dir, checkpoints=checkpoints)
    if garbage and not as_json:
        show(results(), garbage_table(garbage))
        results().print(f"\n{total(garbage)} can be freed")
        if any(one.kind == LAST for one in garbage):
            notes().print("completed runs without their last checkpoint cannot be trained further")
    elif not as_json:
        notes().print(f"there is nothing to free in {visible(runs_dir)}")
    agreed = bool(garbage) and is_agreed(f"free {total(garbage)}, for good?", yes, as_json)
    failures = free(runs_dir, garbage) if agreed else []
    if as_json:
        print_json({**garbage_document(garbage), **outcome_document(agreed, failures)})
    elif agreed:
        failed = {failure.path for failure in failures}
        results().print(f"freed {total([one for one in garbage if runs_dir / one.path not in failed])}")
    if trash and not as_json:
        notes().print(f"the trash holds {trash_text(trash)}: {visible(command('purge', runs_dir=runs_dir))}")
    end(failures)


def command(*words: str, runs_dir: Path) -> str:
    """A subcommand to paste, with the runs directory where it is not the usual one."""
    usual = Path(os.environ.get("DNN_RUNS_DIR") or "runs")
    there = [] if runs_dir == usual else ["--runs-dir", str(runs_dir)]
    return shlex.join(["dnn", "runs", *words, *there])


def is_agreed(question: str, yes: bool, as_json: bool) -> bool:
    """Whether to delete what was shown: `--yes` says so, or a person on a terminal."""
    if yes or as_json:
        return yes
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        notes().print("--yes deletes them")
        return False
    if typer.confirm(question, err=True):
        return True
    notes().print("nothing was deleted")
    return False


def end(failures: "Sequence[Failure]") -> None:
    """Tell what could not be deleted; the exit code tells it too."""
    for failure in failures:
        notes().print(f"dnn: {visible(failure.reason)}")
    if failures:
        raise typer.Exit(1)
