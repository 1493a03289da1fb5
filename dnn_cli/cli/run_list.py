"""What `dnn runs` prints: the runs that were asked for, in one of several forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.cli.console import has_edge, notes, print_json, results, show, write_result
from dnn_cli.errors import UsageError
from dnn_cli.report.words import count, visible

if TYPE_CHECKING:
    from dnn_cli.report.runs import Listing
    from dnn_cli.runs.entry import Entry
    from dnn_cli.runs.selection import Selection
    from dnn_cli.runs.store import Store

MOST = 50
"""So many runs are shown on a terminal, where nothing else is asked for."""


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    where: str | None = None
    order: str | None = None
    fields: tuple[str, ...] = ()
    limit: int | None = None
    everything: bool = False
    form: str | None = None
    """The option that names a form; a table where there is none."""


def split(columns: str | None) -> tuple[str, ...]:
    """The fields that `--columns` names.

    Raises:
        UsageError: it names none.
    """
    if columns is None:
        return ()
    fields = tuple(dict.fromkeys(field for word in columns.split(",") if (field := word.strip().strip("`"))))
    if not fields:
        raise UsageError("--columns names no field", "as --columns id,name,best.val_accuracy")
    return fields


def print_list(wish: Wish, runs_dir: Path) -> None:
    """Print the runs that were asked for.

    Raises:
        UsageError: no run has a field that was named, or the condition has a fault.
    """
    from dnn_cli.runs.selection import choose
    from dnn_cli.runs.store import Store

    store = Store(runs_dir)
    found = choose(store, wish.where, wish.order, wish.limit)
    if wish.form == "--ids":
        print_ids(found.entries)
    elif wish.form == "--json":
        print_documents(wish, store, found.entries)
    elif wish.form is not None:
        print_marked(wish, store, found.entries)
    elif found.entries:
        print_table(wish, store, found)
    elif found.total:
        notes().print(visible(f"{runs_dir} has {count(found.total, 'run')}, but none like that"))
    else:
        notes().print(f"there are no runs in {visible(runs_dir)}; dnn train makes one")


def print_ids(entries: "Sequence[Entry]") -> None:
    """A word a line that leads to a run."""
    from dnn_cli.runs.address import handle

    write_result("".join(f"{visible(handle(entry))}\n" for entry in entries))


def print_documents(wish: Wish, store: "Store", entries: "Sequence[Entry]") -> None:
    """The runs as JSON, with the columns that were asked for."""
    from dnn_cli.report.runs import entry_document, values
    from dnn_cli.runs.selection import with_columns

    if wish.fields:
        known = with_columns(store, entries, wish.fields)
        print_json({"runs": [{**entry_document(one), "columns": values(one, wish.fields)} for one in known]})
    else:
        print_json({"runs": [entry_document(entry) for entry in entries]})


def print_marked(wish: Wish, store: "Store", entries: "Sequence[Entry]") -> None:
    """The runs as CSV, Markdown or LaTeX."""
    from dnn_cli.report.formats import csv_text, latex_text, markdown_text

    listing = listed(wish, store, entries, full=wish.form == "--csv")
    if wish.form == "--csv":
        write_result(csv_text(listing.headers, listing.rows))
    else:
        text = markdown_text if wish.form == "--md" else latex_text
        write_result(text(listing.headers, listing.rows, listing.right))


def listed(wish: Wish, store: "Store", entries: "Sequence[Entry]", *, full: bool = False) -> "Listing":
    """The columns that were asked for, or the usual ones; `full`: with every value as it is."""
    from dnn_cli.report.runs import chosen_listing, full_listing, usual_fields, usual_listing
    from dnn_cli.runs.selection import with_all_fields, with_columns

    if wish.fields:
        known = with_columns(store, entries, wish.fields)
        return full_listing(known, wish.fields) if full else chosen_listing(known, wish.fields)
    if full and wish.everything:
        return full_listing(*with_all_fields(store, entries))
    return full_listing(entries, usual_fields(entries)) if full else usual_listing(entries)


def print_table(wish: Wish, store: "Store", found: "Selection") -> None:
    """A run a row, on a terminal only the first ones."""
    from dnn_cli.report.runs import runs_table

    out = results()
    few = has_edge(out) and wish.limit is None and not wish.everything
    entries = found.entries[:MOST] if few else found.entries
    listing = listed(wish, store, entries)
    if wish.everything:
        write_result(runs_table(listing).text())
        return
    table = runs_table(listing, out.width)
    show(out, table)
    if few and (more := found.met - len(entries)):
        notes().print(f"{count(more, 'more run')}; --all shows them, --where and --limit choose")
    if wish.fields and (lost := [header for header in listing.headers if header not in table.headers]):
        notes().print(visible(f"no room for {', '.join(lost)}; --all and a pipe have it"))
