"""Runs of a directory in Python, which `dnn runs` lists in a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from dnn_cli.api.frames import build_frame
from dnn_cli.api.html import render_table
from dnn_cli.api.trained_run import TrainedRun
from dnn_cli.report.runs_table import build_default_cells, get_field_values
from dnn_cli.report.text import format_count
from dnn_cli.runs.query.selection import CachedStore, load_all_fields, query_runs
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.store import Store

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, repr=False)
class RunList(Sequence[TrainedRun]):
    """Runs in their order, the latest first."""

    infos: tuple[RunInfo, ...]
    store: Store

    def __len__(self) -> int:
        return len(self.infos)

    @overload
    def __getitem__(self, index: int) -> TrainedRun: ...

    @overload
    def __getitem__(self, index: slice) -> "RunList": ...

    def __getitem__(self, index: "int | slice") -> "TrainedRun | RunList":
        if isinstance(index, slice):
            return RunList(self.infos[index], self.store)
        run = self.infos[index].run
        return TrainedRun(run.directory, run.read_record())

    def __iter__(self) -> Iterator[TrainedRun]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"<{format_count(len(self), 'run')} of {self.store.root}>"

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a table with one row for each run, and a column for each field of `dnn runs --where`.

        Raises:
            UsageError: pandas is not installed.
        """
        runs, fields = load_all_fields(self.store, self.infos)
        return build_frame([get_field_values(run_info, fields) for run_info in runs])

    def _repr_html_(self) -> str:
        return render_table(build_default_cells(self.infos))


def list_runs(*addresses: str, where: str | None = None, runs_dir: str | Path = "runs") -> RunList:
    """Return runs, the latest first: all, or those that addresses name, and that fulfil a condition.

    Args:
        addresses: Names, ids and other addresses of runs, such as `"sweep:3f0a"`; none for all runs.
        where: The condition, as in `dnn runs --where`; `None` for all runs.
        runs_dir: The directory of the runs.

    Raises:
        UsageError: an address names no run.
        QueryError: the condition is not valid.
    """
    store = CachedStore(Path(runs_dir))
    named = store.resolve_addresses(addresses) if addresses else None
    return RunList(tuple(query_runs(store, where, runs=named).runs), store)
