"""Selections of runs: by a condition, an order and a limit, or by many addresses at once."""

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
from dnn_cli.runs.study_roles import leave_out_tuning_runs


@dataclass(frozen=True)
class Selection:
    """The selected runs in their order, the number of matching runs, and the number of all runs."""

    runs: list[RunInfo]
    match_count: int
    """Number of runs that meet the condition, before the limit."""

    total_count: int
    """Number of all runs in the store."""


def query_runs(
    store: Store,
    condition_text: str | None = None,
    order: str | None = None,
    limit: int | None = None,
    runs: list[RunInfo] | None = None,
) -> Selection:
    """Return the runs that meet a condition, in an order and up to a limit.

    Args:
        store: The store of the runs.
        condition_text: The condition; `None` selects all runs.
        order: The field to sort by, with a leading `-` for descending order; `None` puts the latest run first.
        limit: The largest number of runs; `None` is unlimited.
        runs: The runs among which the condition selects; `None` for all runs of the store.

    Raises:
        UsageError: the condition is invalid, or no run has the field to sort by.
    """
    from dnn_cli.runs.query.parser import parse_query

    # An invalid condition raises its error before runs are read.
    query = None if condition_text is None else parse_query(condition_text)
    if runs is None:
        runs = store.list_runs()
    total = len(runs)
    if query is not None:
        runs = query.filter_runs(_load_fields(store, runs, query.fields))
    if order is not None:
        runs = sort_runs(_load_fields(store, runs, [order.removeprefix("-")]), order)
    return Selection(runs if limit is None else runs[:limit], len(runs), total)


def _load_fields(store: Store, runs: Sequence[RunInfo], fields: Iterable[str]) -> list[RunInfo]:
    """Load the details (config and metrics) of runs if one of the fields is a key of the config; return the runs."""
    if any(map(is_config_field, fields)) and any(run_info.loaded_details is None for run_info in runs):
        return store.with_details(runs)
    return list(runs)


def load_columns(store: Store, runs: Sequence[RunInfo], fields: Sequence[str]) -> list[RunInfo]:
    """Return the runs with all data loaded that the columns of a table need.

    Args:
        store: The store of the runs.
        runs: The runs to load.
        fields: The fields in the columns.

    Raises:
        UsageError: one of the fields exists in no run of the store.
    """
    detailed_runs = _load_fields(store, runs, fields)
    try:
        check_fields(fields, detailed_runs)
    except UsageError:
        check_fields(fields, _load_fields(store, store.list_runs(), fields))
    return detailed_runs


def load_all_fields(store: Store, runs: Sequence[RunInfo]) -> tuple[list[RunInfo], list[str]]:
    """Return the runs with loaded details (config and metrics), and the names of all fields of these runs."""
    detailed_runs = store.with_details(runs)
    return detailed_runs, list_fields(detailed_runs)


class CachedStore(Store):
    """A store that lists its runs only once, so that many addresses are resolved quickly."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.cached_runs: list[RunInfo] | None = None

    def list_runs(self) -> list[RunInfo]:
        if self.cached_runs is None:
            self.cached_runs = super().list_runs()
        return self.cached_runs

    @cached_property
    def runs_by_id(self) -> dict[str, Run]:
        """Runs by id. Ids that several runs have, and ids that are also the name of a run, are left out.

        Each remaining id is the address of exactly one run, so that this run is found without a search.
        """
        id_pairs = [(run_info.record.id, run_info.run) for run_info in self.list_runs() if run_info.record]
        counts, names = Counter(run_id for run_id, _ in id_pairs), {run_info.name for run_info in self.list_runs()}
        return {run_id: run for run_id, run in id_pairs if counts[run_id] == 1 and run_id not in names}

    def resolve_addresses(self, addresses: Iterable[str], *, reported: bool = False) -> list[RunInfo]:
        """Return the runs with these addresses, each run once. An address may be that of a sweep or study.

        With `reported`, the address of a study names only the final runs of its tuned arm.

        Raises:
            AmbiguousAddressError: an address is the name of several experiments, or the id of several runs.
            UsageError: one of the addresses does not name a run.
        """
        listed_runs = {run_info.run.directory: run_info for run_info in self.list_runs()}
        named_runs = [
            run
            for address in addresses
            for run in (
                [self.runs_by_id[address]] if address in self.runs_by_id else self.find_all(address, reported=reported)
            )
        ]
        return [
            listed_runs.get(run.directory) or read_run_info(run)
            for run in {run.directory: run for run in named_runs}.values()
        ]


def select_runs(
    store: CachedStore, addresses: Sequence[str], query: str | None, *, reported: bool = False
) -> list[RunInfo]:
    """Return the runs that addresses name, or all runs if there are no addresses.

    With a query, only the runs that fulfil its condition are returned. The returned runs contain their config and
    metrics. With `reported` and without a query, the address of a study names only the final runs of its tuned arm, and
    without addresses, the tuning runs of studies are left out.

    Raises:
        UsageError: an address matches no run.
        QueryError: the query is invalid.
    """
    is_reported = reported and query is None
    if addresses:
        named = store.resolve_addresses(addresses, reported=is_reported)
    else:
        named = leave_out_tuning_runs(store.list_runs()) if is_reported else store.list_runs()
    runs = store.with_details(named)
    if query is None:
        return runs
    from dnn_cli.runs.query.parser import filter_runs

    return filter_runs(runs, query)


def select_compared_runs(
    store: CachedStore, addresses: Sequence[str], query: str | None
) -> tuple[list[RunInfo], list[RunInfo]]:
    """Return the runs to compare, and all runs of the store if the addresses name only a part of them, else no runs.

    Raises:
        UsageError: an address matches no run.
        QueryError: the query is invalid.
    """
    runs = select_runs(store, addresses, query, reported=True)
    # Named runs can be the best of several learning rates, which only all runs reveal. A condition is assumed to select
    # without regard to scores.
    is_part = len(runs) < len(store.list_runs())
    return runs, store.with_details(store.list_runs()) if is_part and not query else []
