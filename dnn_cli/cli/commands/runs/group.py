"""Command group `dnn runs`: the list of runs, annotations, the trash and unused files."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.command_suggestions import LISTED_ADDRESSES, RunsCommandGroup
from dnn_cli.cli.commands.runs.annotate import rename_run, show_run, tag_runs, write_note
from dnn_cli.cli.commands.runs.diff import show_run_diff
from dnn_cli.cli.commands.runs.listing import ListOptions, parse_columns, print_runs
from dnn_cli.cli.completers import complete_condition, complete_fields, complete_runs
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.runs_directory import build_runs_dir_option

if TYPE_CHECKING:
    from dnn_cli.runs.trash import TrashFailure

_YesOption = Annotated[bool, typer.Option("--yes", help="Delete without asking for confirmation.")]

_PIPE_HINT = "pass the ids of selected runs: dnn runs --where … --ids | xargs dnn runs …"

group = typer.Typer(cls=RunsCommandGroup)


@group.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    query: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            autocompletion=complete_condition,
            help="Print only runs that fulfil a condition, for example best.val_accuracy > 0.87 and tag = paper.",
        ),
    ] = None,
    sort_by: Annotated[
        str | None,
        typer.Option(
            "--sort-by",
            metavar="FIELD",
            autocompletion=complete_fields,
            help="Sort by a field of --where; -FIELD sorts in descending order.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="FIELD,…",
            autocompletion=complete_fields,
            help="Fields to print, for example id,seed,best.val_loss,test_accuracy.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Print at most this number of runs."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print all runs and full values; with --csv, all fields.")
    ] = False,
    ids: Annotated[bool, typer.Option("--ids", help="Print only the ids, one per line, for other commands.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table.")] = False,
) -> None:
    """List the runs, the latest first; tag, rename or remove runs.

    dnn runs sweep:ID and dnn runs study:ID list the runs of a sweep or study.
    """
    if context.invoked_subcommand is not None:
        for address in context.meta.get(LISTED_ADDRESSES, ()):
            raise UsageError(
                f"{address} must not precede {context.invoked_subcommand}",
                f"dnn runs {context.invoked_subcommand} --help shows the order of arguments",
            )
        _check_no_list_options(context, context.invoked_subcommand)
        return
    format_options = {"--ids": ids, "--json": as_json, "--csv": as_csv, "--md": as_markdown, "--latex": as_latex}
    selected_formats = [option for option, is_set in format_options.items() if is_set]
    if len(selected_formats) > 1:
        raise UsageError("--ids, --json, --csv, --md and --latex cannot be combined", "use one of them")
    options = ListOptions(
        query, sort_by, parse_columns(columns), limit, everything, selected_formats[0] if selected_formats else None,
        tuple(context.meta.get(LISTED_ADDRESSES, ())),
    )  # fmt: skip
    if options.fields and ids:
        raise UsageError("--ids and --columns cannot be combined", "use --columns id,… --csv")
    print_runs(options, runs_dir)


_LIST_OPTION_NAMES = {
    "query": "--where", "sort_by": "--sort-by", "columns": "--columns", "limit": "--limit", "everything": "--all",
    "ids": "--ids", "runs_dir": "--runs-dir", "as_json": "--json", "as_csv": "--csv", "as_markdown": "--md",
    "as_latex": "--latex",
}  # fmt: skip


def _check_no_list_options(context: typer.Context, subcommand: str) -> None:
    """Check that no option for the list of runs precedes a subcommand.

    In `dnn runs --limit 3 show`, the subcommand `show` would ignore the option `--limit`.

    Raises:
        UsageError: an option precedes the subcommand.
    """
    for name, option in _LIST_OPTION_NAMES.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            if name not in ("runs_dir", "as_json"):
                raise UsageError(f"{option} is an option of dnn runs, not of dnn runs {subcommand}", _PIPE_HINT)
            value = f" {shlex.quote(str(context.params[name]))}" if name == "runs_dir" else ""
            raise UsageError(
                f"{option} must follow {subcommand}", f"for example: dnn runs {subcommand} … {option}{value}"
            )


group.command("show")(show_run)
group.command("diff")(show_run_diff)
group.command("tag")(tag_runs)
group.command("note")(write_note)
group.command("rename")(rename_run)


@group.command("rm")
def remove_runs(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", autocompletion=complete_runs, help="Runs by id, name, directory, @1 or best:METRIC."
        ),
    ],
    runs_dir: RunsDirOption = Path("runs"),
) -> None:
    """Move runs into the trash, from which they can be restored."""
    from dnn_cli.report.trash_table import format_name_and_address
    from dnn_cli.runs.address import get_short_address
    from dnn_cli.runs.trash import Trash

    for run_info in Trash(runs_dir).remove(addresses):
        restore_command = _format_runs_command("restore", get_short_address(run_info), runs_dir=runs_dir)
        get_output_console().print(
            replace_control_chars(f"removed {format_name_and_address(run_info)}; {restore_command} restores it")
        )


@group.command("restore")
def restore_runs(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="Removed runs by id, name or directory. Default: print the list of removed runs.",
        ),
    ] = None,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Restore removed runs, or list them."""
    from dnn_cli.report.runs_table import build_run_info_document
    from dnn_cli.report.trash_table import build_trash_document, build_trash_table, format_name_and_address
    from dnn_cli.runs.trash import Trash

    trash = Trash(runs_dir)
    if addresses:
        restored = trash.restore(addresses)
        if as_json:
            print_json({"restored": [build_run_info_document(run_info) for run_info in restored]})
            return
        for run_info in restored:
            get_output_console().print(replace_control_chars(f"restored {format_name_and_address(run_info)}"))
        return
    contents = trash.list_trashed_runs()
    if as_json:
        print_json(build_trash_document(contents))
    elif contents:
        print_rich_table(get_output_console(), build_trash_table(contents))
    else:
        get_notes_console().print(f"the trash of {replace_control_chars(runs_dir)} is empty")


@group.command("purge")
def purge_trash(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            autocompletion=complete_runs,
            help="Removed runs by id, name or directory. Default: all removed runs.",
        ),
    ] = None,
    yes: _YesOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Delete removed runs permanently."""
    from dnn_cli.report.trash_table import (
        build_deletion_document,
        build_trash_document,
        build_trash_table,
        format_trash_size,
    )
    from dnn_cli.runs.trash import Trash

    trash = Trash(runs_dir)
    contents = trash.list_trashed_runs(addresses or ())
    if contents and not as_json:
        print_rich_table(get_output_console(), build_trash_table(contents))
        get_output_console().print(f"\n{format_trash_size(contents)}")
    elif not as_json:
        get_notes_console().print(f"the trash of {replace_control_chars(runs_dir)} is empty")
    is_confirmed = bool(contents) and _confirm_deletion(
        f"delete {format_trash_size(contents)} permanently?", yes, as_json
    )
    failures = trash.purge(contents) if is_confirmed else []
    if as_json:
        print_json({**build_trash_document(contents), **build_deletion_document(is_confirmed, failures)})
    elif is_confirmed:
        failed_paths = {failure.path for failure in failures}
        deleted_runs = [
            trashed_run for trashed_run in contents if trashed_run.run_info.run.directory not in failed_paths
        ]
        get_output_console().print(f"deleted {format_trash_size(deleted_runs)}")
    _exit_on_failures(failures)


@group.command("gc")
def free_disk_space(
    yes: _YesOption = False,
    checkpoints: Annotated[
        bool,
        typer.Option("--checkpoints", help="Also delete the last checkpoints, from which completed runs can continue."),
    ] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Delete leftovers, and checkpoints that are not needed.

    Leftovers are files of processes that ended abruptly. Only checkpoints of completed runs are deleted.
    """
    from dnn_cli.report.trash_table import (
        build_deletion_document,
        build_unused_files_document,
        build_unused_files_table,
        format_total_size,
        format_trash_size,
    )
    from dnn_cli.runs.trash import Trash
    from dnn_cli.runs.unused_files import LAST_CHECKPOINT, delete_unused_files, find_unused_files

    trashed_runs = Trash(runs_dir).list_trashed_runs()
    garbage = find_unused_files(runs_dir, checkpoints=checkpoints)
    if garbage and not as_json:
        print_rich_table(get_output_console(), build_unused_files_table(garbage))
        get_output_console().print(f"\n{format_total_size(garbage)} can be freed")
        if any(item.kind == LAST_CHECKPOINT for item in garbage):
            get_notes_console().print("completed runs cannot continue without their last checkpoint")
    elif not as_json:
        get_notes_console().print(f"no unused files in {replace_control_chars(runs_dir)}")
    is_confirmed = bool(garbage) and _confirm_deletion(
        f"delete {format_total_size(garbage)} permanently?", yes, as_json
    )
    failures = delete_unused_files(runs_dir, garbage) if is_confirmed else []
    if as_json:
        print_json({**build_unused_files_document(garbage), **build_deletion_document(is_confirmed, failures)})
    elif is_confirmed:
        failed_paths = {failure.path for failure in failures}
        get_output_console().print(
            f"freed {format_total_size([item for item in garbage if runs_dir / item.path not in failed_paths])}"
        )
    if trashed_runs and not as_json:
        get_notes_console().print(
            f"the trash contains {format_trash_size(trashed_runs)}; "
            f"{replace_control_chars(_format_runs_command('purge', runs_dir=runs_dir))} empties the trash"
        )
    _exit_on_failures(failures)


def _format_runs_command(*words: str, runs_dir: Path) -> str:
    """Return a command of `dnn runs` that a user can paste.

    The command includes `--runs-dir` if the runs directory is not the default.
    """
    return shlex.join(["dnn", "runs", *words, *build_runs_dir_option(runs_dir)])


def _confirm_deletion(question: str, yes: bool, as_json: bool) -> bool:
    """Return whether a deletion is confirmed, by `--yes` or by an answer on a terminal.

    With `as_json`, the question is not asked, and only `--yes` confirms the deletion.
    """
    if yes or as_json:
        return yes
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        get_notes_console().print("nothing was deleted; use --yes to delete")
        return False
    if typer.confirm(question, err=True):
        return True
    get_notes_console().print("nothing was deleted")
    return False


def _exit_on_failures(failures: "Sequence[TrashFailure]") -> None:
    """Print the failures of a deletion, and exit with exit code 1. Do nothing if there are no failures."""
    for failure in failures:
        get_notes_console().print(f"dnn: {replace_control_chars(failure.reason)}")
    if failures:
        raise typer.Exit(1)
