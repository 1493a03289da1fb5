"""`dnn runs`: the runs there are, what is said about them, and what becomes of those that nobody needs."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from dnn_cli.cli.arguments import AsJson, RunsDir, naming
from dnn_cli.cli.console import notes, print_json, results, show
from dnn_cli.cli.foreign_verbs import VerbsOfRuns
from dnn_cli.cli.run_diff import diff
from dnn_cli.cli.run_labels import note, rename, show_run, tag
from dnn_cli.cli.run_list import Wish, print_list, split
from dnn_cli.errors import UsageError
from dnn_cli.report.words import visible

if TYPE_CHECKING:
    from dnn_cli.runs.trash import Failure

Yes = Annotated[bool, typer.Option("--yes", help="Delete without a question.")]

PIPE = "dnn runs --where … --ids | xargs dnn runs … does something to all that are found"

group = typer.Typer(cls=VerbsOfRuns)


@group.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    where: Annotated[
        Optional[str],  # noqa: UP045 - older Typer cannot read the newer way to write it
        typer.Option("--where", help="Only runs like: best.val_accuracy > 0.87 and (optimizer = adam or tag = paper)."),
    ] = None,
    sort_by: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--sort-by", metavar="FIELD", help="By a field that --where knows; -FIELD: the largest first."),
    ] = None,
    columns: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--columns", metavar="FIELD,…", help="Fields to show, as id,seed,best.val_loss,test_accuracy."),
    ] = None,
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--limit", metavar="N", min=1, help="At most so many runs."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every run with nothing cut; with --csv every field.")
    ] = False,
    ids: Annotated[bool, typer.Option("--ids", help="Print ids and nothing else, for other commands.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, values in full.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table.")] = False,
) -> None:
    """List the runs, the latest first; label them, or free the disk of some."""
    if context.invoked_subcommand is not None:
        refuse_misplaced(context, context.invoked_subcommand)
        return
    forms = {"--ids": ids, "--json": as_json, "--csv": as_csv, "--md": as_markdown, "--latex": as_latex}
    named = [option for option, wanted in forms.items() if wanted]
    if len(named) > 1:
        raise UsageError("--ids, --json, --csv, --md and --latex exclude each other", "name one of them")
    wish = Wish(where, sort_by, split(columns), limit, everything, named[0] if named else None)
    if wish.fields and ids:
        raise UsageError("--ids and --columns exclude each other", "--columns id,… --csv prints several")
    print_list(wish, runs_dir)


OPTIONS = {
    "where": "--where", "sort_by": "--sort-by", "columns": "--columns", "limit": "--limit", "everything": "--all",
    "ids": "--ids", "runs_dir": "--runs-dir", "as_json": "--json", "as_csv": "--csv", "as_markdown": "--md",
    "as_latex": "--latex",
}  # fmt: skip


def refuse_misplaced(context: typer.Context, subcommand: str) -> None:
    """Options before a subcommand would go unheard, and runs of another directory would be removed."""
    for name, option in OPTIONS.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            if name not in ("runs_dir", "as_json"):
                raise UsageError(f"{option} is for the list of runs, and not for {subcommand}", PIPE)
            value = f" {shlex.quote(str(context.params[name]))}" if name == "runs_dir" else ""
            raise UsageError(
                f"{option} is written before {subcommand}", f"write it after: dnn runs {subcommand} … {option}{value}"
            )


group.command("show")(show_run)
group.command("diff")(diff)
group.command("tag")(tag)
group.command("note")(note)
group.command("rename")(rename)


@group.command("rm")
def remove(
    addresses: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Runs by id, name, directory, @1 or best:METRIC.")
    ],
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Move runs into the trash, from which they can be restored."""
    from dnn_cli.report.garbage import title
    from dnn_cli.runs.address import handle
    from dnn_cli.runs.trash import Trash

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
    return shlex.join(["dnn", "runs", *words, *naming(runs_dir)])


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
