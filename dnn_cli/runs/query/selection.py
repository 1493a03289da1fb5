"""Which runs are meant: by a condition, an order and a number, or by many addresses at once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dnn_cli.errors import UsageError
from dnn_cli.runs.query.fields import check_fields, is_config_field, list_fields, sort_runs
from dnn_cli.runs.run import Run
from dnn_cli.runs.run_info import RunInfo, read_run_info
from dnn_cli.runs.store import Store


@dataclass(frozen=True)
class Selection:
    """Runs that were asked for, in their order."""

    runs: list[RunInfo]
    match_count: int
    """How many meet the condition, of which only so many were asked for."""

    total_count: int
    """How many there are."""


def query_runs(
    store: Store, condition_text: str | None = None, order: str | None = None, limit: int | None = None
) -> Selection:
    """The first runs that meet a condition, in an order; the latest come first where none is named.

    Raises:
        UsageError: the condition has a fault, or no run has the field to sort by.
    """
    from dnn_cli.runs.query.parser import parse_query

    query = (
        None if condition_text is None else parse_query(condition_text)
    )  # a fault of it is known before anything is read
    runs = store.list_runs()
    total = len(runs)
    if query is not None:
        runs = query.filter_runs(_load_fields(store, runs, query.fields))
    if order is not None:
        runs = sort_runs(_load_fields(store, runs, [order.removeprefix("-")]), order)
    return Selection(runs if limit is None else runs[:limit], len(runs), total)


def _load_fields(store: Store, runs: Sequence[RunInfo], fields: Iterable[str]) -> list[RunInfo]:
    """Runs that know the fields, which may stand in a file that has not been read."""
    if any(map(is_config_field, fields)) and any(run_info.loaded_details is None for run_info in runs):
        return store.with_details(runs)
    return list(runs)


def load_columns(store: Store, runs: Sequence[RunInfo], fields: Sequence[str]) -> list[RunInfo]:
    """Runs that know the fields.

    Raises:
        UsageError: neither they nor any other run has one of them.
    """
    detailed_runs = _load_fields(store, runs, fields)
    try:
        check_fields(fields, detailed_runs)
    except UsageError:
        check_fields(fields, _load_fields(store, store.list_runs(), fields))
    return detailed_runs


def load_all_fields(store: Store, runs: Sequence[RunInfo]) -> tuple[list[RunInfo], list[str]]:
    """Runs, and every field that any of them has."""
    detailed_runs = store.with_details(runs)
    return detailed_runs, list_fields(detailed_runs)


class CachedStore(Store):
    """The runs of a directory as they are at one moment, in which many addresses are looked up."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.cached_runs: list[RunInfo] | None = None

    def list_runs(self) -> list[RunInfo]:
        if self.cached_runs is None:
            self.cached_runs = super().list_runs()
        return self.cached_runs

    @cached_property
    def runs_by_id(self) -> dict[str, Run]:
        """The runs by their ids, as far as those are no names and of no other run."""
        id_pairs = [(run_info.record.id, run_info.run) for run_info in self.list_runs() if run_info.record]
        counts, names = Counter(run_id for run_id, _ in id_pairs), {run_info.name for run_info in self.list_runs()}
        return {run_id: run for run_id, run in id_pairs if counts[run_id] == 1 and run_id not in names}

    def resolve_addresses(self, addresses: Iterable[str]) -> list[RunInfo]:
        """The runs with these addresses, each once.

        Raises:
            UsageError: one leads to none, or to several.
        """
        listed_runs = {run_info.run.directory: run_info for run_info in self.list_runs()}
        named_runs = [
            run
            for address in addresses
            for run in ([self.runs_by_id[address]] if address in self.runs_by_id else self.find_all(address))
        ]
        return [
            listed_runs.get(run.directory) or read_run_info(run)
            for run in {run.directory: run for run in named_runs}.values()
        ]
