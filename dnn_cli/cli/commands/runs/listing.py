"""Output of `dnn runs`: the selected runs as a table, ids, JSON, CSV, Markdown or LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.cli.console import (
    get_notes_console,
    get_output_console,
    has_limited_width,
    print_json,
    print_rich_table,
    write_result,
)
from dnn_cli.errors import UsageError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.report.table_cells import TableCells
    from dnn_cli.runs.query.selection import Selection
    from dnn_cli.runs.run_info import RunInfo
    from dnn_cli.runs.store import Store

_MAX_LISTED_RUNS = 50
"""Largest number of runs that a terminal shows without `--all` and `--limit`."""


@dataclass(frozen=True)
class ListOptions:
    """Options of `dnn runs` on the command line."""

    query: str | None = None
    order: str | None = None
    fields: tuple[str, ...] = ()
    limit: int | None = None
    show_all: bool = False
    format_option: str | None = None
    """Option of the output format, such as `--json`; `None` for a table."""

    addresses: tuple[str, ...] = ()
    """Addresses of the sweeps and studies whose runs are listed; empty for all runs."""


def parse_columns(columns: str | None) -> tuple[str, ...]:
    """Return the fields that `--columns` names, without repetitions; an empty tuple without `--columns`.

    Raises:
        UsageError: `--columns` names no field.
    """
    if columns is None:
        return ()
    fields = tuple(dict.fromkeys(field for word in columns.split(",") if (field := word.strip().strip("`"))))
    if not fields:
        raise UsageError("--columns names no field", "for example: --columns id,name,best.val_accuracy")
    return fields


def print_runs(options: ListOptions, runs_dir: Path) -> None:
    """Print the selected runs in the selected format.

    Raises:
        UsageError: an option names a field that no run has, or an address names no sweep or study.
        QueryError: the condition is invalid.
    """
    from dnn_cli.runs.query.selection import CachedStore, query_runs

    store = CachedStore(runs_dir)
    runs = store.resolve_addresses(options.addresses) if options.addresses else None
    selection = query_runs(store, options.query, options.order, options.limit, runs)
    if options.format_option == "--ids":
        _print_run_ids(selection.runs)
    elif options.format_option == "--json":
        _print_runs_json(options, store, selection.runs)
    elif options.format_option is not None:
        _print_text_table(options, store, selection.runs)
    elif selection.runs:
        _print_runs_table(options, store, selection)
    elif selection.total_count:
        get_notes_console().print(
            replace_control_chars(
                f"{runs_dir} has {format_count(selection.total_count, 'run')}, but no run fulfils the condition"
            )
        )
    else:
        get_notes_console().print(f"no runs in {replace_control_chars(runs_dir)}; dnn train creates one")


def _print_run_ids(runs: "Sequence[RunInfo]") -> None:
    """Print the id of each run, one per line; for a broken run without an id, print the name of its directory."""
    from dnn_cli.runs.address import get_short_address

    write_result("".join(f"{replace_control_chars(get_short_address(run_info))}\n" for run_info in runs))


def _print_runs_json(options: ListOptions, store: "Store", runs: "Sequence[RunInfo]") -> None:
    """Print the runs as JSON. With `--columns`, each run also has the values of these columns."""
    from dnn_cli.report.runs_table import build_run_info_document, get_field_values
    from dnn_cli.runs.query.selection import load_columns

    if options.fields:
        runs_with_columns = load_columns(store, runs, options.fields)
        print_json(
            {
                "runs": [
                    {**build_run_info_document(run_info), "columns": get_field_values(run_info, options.fields)}
                    for run_info in runs_with_columns
                ]
            }
        )
    else:
        print_json({"runs": [build_run_info_document(run_info) for run_info in runs]})


def _print_text_table(options: ListOptions, store: "Store", runs: "Sequence[RunInfo]") -> None:
    """Print the runs as CSV, Markdown or LaTeX."""
    cells = _build_cells(options, store, runs, full=options.format_option == "--csv")
    formats = {"--csv": cells.to_csv, "--md": cells.to_markdown, "--latex": cells.to_latex}
    write_result(formats[options.format_option or "--csv"]())


def _build_cells(
    options: ListOptions, store: "Store", runs: "Sequence[RunInfo]", *, full: bool = False
) -> "TableCells":
    """Build the cells of the list of runs.

    The columns are those of `--columns` or the default columns. With `full`, values are not rounded.
    """
    from dnn_cli.report.runs_table import (
        build_default_cells,
        build_fields_cells,
        build_full_cells,
        list_default_fields,
    )
    from dnn_cli.runs.query.selection import load_all_fields, load_columns

    fields = options.fields or _list_study_fields(options.addresses, runs)
    if fields and not (full and options.show_all and not options.fields):
        build = build_full_cells if full else build_fields_cells
        return build(load_columns(store, runs, fields), fields)
    if full and options.show_all:
        return build_full_cells(*load_all_fields(store, runs))
    return build_full_cells(runs, list_default_fields(runs)) if full else build_default_cells(runs)


_STUDY_FIELDS = ("id", "study.value", "study.phase", "study.arm", "study.trial", "seed", "status")


def _list_study_fields(addresses: "Sequence[str]", runs: "Sequence[RunInfo]") -> list[str]:
    """Return the fields that distinguish the runs of a study; empty unless all addresses are studies."""
    from dnn_cli.runs.study_roles import STUDY_PREFIX

    if not addresses or not all(address.startswith(STUDY_PREFIX) for address in addresses):
        return []
    monitors = (run_info.record.results.monitor for run_info in runs if run_info.record)
    return [*_STUDY_FIELDS, *dict.fromkeys(f"last.{monitor}" for monitor in monitors)]


def _print_runs_table(options: ListOptions, store: "Store", selection: "Selection") -> None:
    """Print a table of runs. Without `--all` and `--limit`, a terminal shows only the first 50 runs."""
    out = get_output_console()
    is_limited = has_limited_width(out) and options.limit is None and not options.show_all
    runs = selection.runs[:_MAX_LISTED_RUNS] if is_limited else selection.runs
    cells = _build_cells(options, store, runs)
    if options.show_all:
        write_result(cells.build_fitting_table().to_text())
        return
    table = cells.build_fitting_table(out.width)
    print_rich_table(out, table)
    if is_limited and (more := selection.match_count - len(runs)):
        get_notes_console().print(f"{format_count(more, 'more run')}; --all shows all runs, --where selects runs")
    if options.fields and (missing_headers := [header for header in cells.headers if header not in table.headers]):
        get_notes_console().print(
            replace_control_chars(f"columns not shown: {', '.join(missing_headers)}; --all shows all columns")
        )
