"""Commands `dnn runs tag|note|rename|show`: annotations and details of runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dnn_cli.cli.completers import complete_runs
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import resolve_run
from dnn_cli.errors import RunError
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.runs.annotations import Annotations
    from dnn_cli.runs.run_info import RunInfo

_AddressArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", autocompletion=complete_runs, help="A run by id, name, directory, @1 or best:METRIC."
    ),
]
_AddressesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN",
        autocompletion=complete_runs,
        help="Runs by id, name, directory, @1, best:METRIC, sweep:ID or study:ID.",
    ),
]


def tag_runs(
    tag_name: Annotated[str, typer.Argument(metavar="TAG", help="A tag: one word.")],
    addresses: _AddressesArgument,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the tag.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Add a tag to runs, or remove a tag with --remove."""
    from dnn_cli.report.trash_table import format_name_and_address
    from dnn_cli.runs.annotations import add_tag, check_tag, remove_tag
    from dnn_cli.runs.query.selection import CachedStore

    check_tag(tag_name)
    change = remove_tag if remove else add_tag
    for run_info in _annotate_runs(
        CachedStore(runs_dir).resolve_addresses(addresses), lambda annotations: change(annotations, tag_name), as_json
    ):
        tags = ", ".join(run_info.annotations.tags) or "no tags"
        get_output_console().print(replace_control_chars(f"{format_name_and_address(run_info)}: {tags}"))


def write_note(
    address: _AddressArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Text of the note; '' removes the note.")],
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Write a note on a run; the note replaces an earlier note."""
    from dnn_cli.report.trash_table import format_name_and_address
    from dnn_cli.runs.annotations import set_note
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store

    for run_info in _annotate_runs(
        [read_run_info(Store(runs_dir).find_only(address))], lambda annotations: set_note(annotations, text), as_json
    ):
        result = "note saved" if run_info.annotations.note else "note removed"
        get_output_console().print(replace_control_chars(f"{format_name_and_address(run_info)}: {result}"))


def rename_run(
    address: _AddressArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="New name of the run.")],
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Rename a run; its directory keeps its name."""
    from dnn_cli.report.text import format_count
    from dnn_cli.runs.address import get_short_address
    from dnn_cli.runs.annotations import set_name
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store

    for run_info in _annotate_runs(
        [read_run_info(Store(runs_dir).find_only(address))], lambda annotations: set_name(annotations, name), as_json
    ):
        get_output_console().print(
            replace_control_chars(f"{run_info.run.directory.name} has the name {run_info.annotations.name}")
        )
        other_count = sum(other_run.name == run_info.name for other_run in Store(runs_dir).list_runs()) - 1
        if other_count > 0:
            get_notes_console().print(
                replace_control_chars(
                    f"{format_count(other_count, 'other run')} with this name; "
                    f"the address of this run is {get_short_address(run_info)}"
                )
            )


def show_run(address: _AddressArgument, runs_dir: RunsDirOption = Path("runs"), as_json: JsonOption = False) -> None:
    """Show everything about a run."""
    from dnn_cli.report.run_details import build_run_details_document, build_run_details_table
    from dnn_cli.runs.annotations import read_annotations
    from dnn_cli.runs.run_info import read_run_info, with_annotations
    from dnn_cli.runs.store import Store

    run_info, unreadable_reason = read_run_info(resolve_run(Store(runs_dir), address)).with_details(), None
    try:
        run_info = with_annotations(run_info, read_annotations(run_info.run))
    except RunError as error:
        unreadable_reason = error.message
    if as_json:
        print_json(build_run_details_document(run_info))
    else:
        print_rich_table(get_output_console(), build_run_details_table(run_info))
    if unreadable_reason is not None:
        get_notes_console().print(replace_control_chars(f"the tags, note and name cannot be read: {unreadable_reason}"))
    if run_info.record is not None and run_info.details.error:
        get_notes_console().print(replace_control_chars(f"parts of the run cannot be read: {run_info.details.error}"))


def _annotate_runs(
    runs: "Sequence[RunInfo]", change: "Callable[[Annotations], Annotations]", as_json: bool
) -> "Sequence[RunInfo]":
    """Change the annotations (name, tags and note) of runs, and return the changed runs.

    With `as_json`, print the changed runs as JSON and return an empty tuple, so that the caller prints nothing else.

    Args:
        runs: The runs.
        change: A function that returns the new annotations of a run for its old annotations.
        as_json: Whether the changed runs are printed as JSON.
    """
    from dnn_cli.report.runs_table import build_run_info_document
    from dnn_cli.runs.annotations import change_annotations
    from dnn_cli.runs.run_info import with_annotations

    annotations = change_annotations([run_info.run for run_info in runs], change)
    changed_runs = [
        with_annotations(run_info, new_annotations) for run_info, new_annotations in zip(runs, annotations, strict=True)
    ]
    if not as_json:
        return changed_runs
    print_json({"runs": [build_run_info_document(run_info) for run_info in changed_runs]})
    return ()
