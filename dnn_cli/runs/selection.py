"""Which runs are meant: by a condition, an order and a number, or by many addresses at once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dnn_cli.errors import UsageError
from dnn_cli.runs.entry import Entry, read_entry
from dnn_cli.runs.fields import check_known, in_order, known_fields, reads_config
from dnn_cli.runs.run import Run
from dnn_cli.runs.store import Store


@dataclass(frozen=True)
class Selection:
    """Runs that were asked for, in their order."""

    entries: list[Entry]
    met: int
    """How many meet the condition, of which only so many were asked for."""

    total: int
    """How many there are."""


def choose(store: Store, where: str | None = None, order: str | None = None, limit: int | None = None) -> Selection:
    """The first runs that meet a condition, in an order; the latest come first where none is named.

    Raises:
        UsageError: the condition has a fault, or no run has the field to sort by.
    """
    from dnn_cli.runs.query import parse

    query = None if where is None else parse(where)  # a fault of it is known before anything is read
    entries = store.entries()
    total = len(entries)
    if query is not None:
        entries = query.select(with_fields(store, entries, query.fields))
    if order is not None:
        entries = in_order(with_fields(store, entries, [order.removeprefix("-")]), order)
    return Selection(entries if limit is None else entries[:limit], len(entries), total)


def with_fields(store: Store, entries: Sequence[Entry], fields: Iterable[str]) -> list[Entry]:
    """Runs that know the fields, which may stand in a file that has not been read."""
    if any(map(reads_config, fields)) and any(entry.known is None for entry in entries):
        return store.detailed(entries)
    return list(entries)


def with_columns(store: Store, entries: Sequence[Entry], fields: Sequence[str]) -> list[Entry]:
    """Runs that know the fields.

    Raises:
        UsageError: neither they nor any other run has one of them.
    """
    known = with_fields(store, entries, fields)
    try:
        check_known(fields, known)
    except UsageError:
        check_known(fields, with_fields(store, store.entries(), fields))
    return known


def with_all_fields(store: Store, entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Runs, and every field that any of them has."""
    known = store.detailed(entries)
    return known, known_fields(known)


class Lookup(Store):
    """The runs of a directory as they are at one moment, in which many addresses are looked up."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.latest_first: list[Entry] | None = None

    def entries(self) -> list[Entry]:
        if self.latest_first is None:
            self.latest_first = super().entries()
        return self.latest_first

    @cached_property
    def by_id(self) -> dict[str, Run]:
        """The runs by their ids, as far as those are no names and of no other run."""
        found = [(entry.record.id, entry.run) for entry in self.entries() if entry.record]
        counts, names = Counter(one for one, _ in found), {entry.name for entry in self.entries()}
        return {one: run for one, run in found if counts[one] == 1 and one not in names}

    def meant(self, addresses: Iterable[str]) -> list[Entry]:
        """The runs with these addresses, each once.

        Raises:
            UsageError: one leads to none, or to several.
        """
        known = {entry.run.directory: entry for entry in self.entries()}
        runs = [run for one in addresses for run in ([self.by_id[one]] if one in self.by_id else self.find_all(one))]
        return [known.get(run.directory) or read_entry(run) for run in {run.directory: run for run in runs}.values()]
