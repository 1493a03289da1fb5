"""Comparison of runs in Python, which `dnn compare` prints in a terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.api.frames import build_frame
from dnn_cli.api.html import render_lines, render_table
from dnn_cli.compare.dataset_comparison import DatasetComparison, compare_by_dataset
from dnn_cli.report.comparison_view import build_comparison_view
from dnn_cli.report.dataset_json import build_dataset_document
from dnn_cli.report.ranking_view import build_ranking_cells, build_ranking_paragraphs, format_ranking_title
from dnn_cli.report.text import format_count
from dnn_cli.runs.query.selection import CachedStore, select_compared_runs
from dnn_cli.runs.run_info import RunInfo

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class ComparedGroup:
    """Group of runs in a comparison: its scores, and the verdict on it."""

    dataset: str
    """Dataset of the runs; empty if all runs are on one dataset."""

    name: str
    mean: float
    standard_deviation: float | None
    """Standard deviation over the seeds; `None` for a single run."""

    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    """Ids of the runs."""

    verdict: str
    """`better`, `worse`, `undecided` or `indistinguishable`, against the reference; empty for the reference itself, and
    for a group that is not judged."""

    difference: float | None
    """Score of the reference minus the score of the group; `None` without a verdict."""

    p_value: float | None


@dataclass(frozen=True, repr=False)
class RunComparison:
    """Comparison of completed runs, with a verdict on each group of seeds."""

    compared: DatasetComparison

    @cached_property
    def document(self) -> dict[str, Any]:
        """Document that `dnn compare --json` prints."""
        return build_dataset_document(self.compared)

    @property
    def groups(self) -> tuple[ComparedGroup, ...]:
        """Groups in the order of the table, dataset by dataset."""
        return tuple(group for part in self.document.get("datasets", [self.document]) for group in _list_groups(part))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the comparison."""
        parts = self.document.get("datasets", [])
        return tuple(text for document in (*parts, self.document) for text in document["warnings"])

    def __repr__(self) -> str:
        return f"<comparison of {format_count(len(self.groups), 'group')}>"

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a table with one row for each group.

        Raises:
            UsageError: pandas is not installed.
        """
        return build_frame([asdict(group) for group in self.groups])

    def _repr_html_(self) -> str:
        texts = []
        for part in self.compared.parts:
            comparison = part.comparison
            title = f"{comparison.metric} {comparison.point.title}"
            texts.append(render_lines([f"{part.label}: {title}" if self.compared.has_several_parts else title]))
            view = build_comparison_view(comparison)
            texts += [render_table(cells) for cells in view.tables]
            texts += [render_lines(paragraph) for paragraph in view.paragraphs]
        if self.compared.ranking is not None:
            texts.append(render_lines([format_ranking_title(self.compared.ranking)]))
            texts.append(render_table(build_ranking_cells(self.compared.ranking)))
        if self.compared.has_several_parts:
            texts += [render_lines(paragraph) for paragraph in build_ranking_paragraphs(self.compared)]
        return "".join(texts)


def compare_runs(
    *addresses: str,
    where: str | None = None,
    metric: str | None = None,
    by: str | Sequence[str] = (),
    baseline: str | None = None,
    at: str = "final",
    runs_dir: str | Path = "runs",
) -> RunComparison:
    """Compare completed runs as `dnn compare` does, with a verdict on each group of seeds.

    Args:
        addresses: Names, ids and other addresses of runs, such as `"sweep:3f0a"`; none for all runs.
        where: The condition, as in `dnn runs --where`; `None` for all runs.
        metric: The metric to compare, such as `"val_loss"`; `None` for the monitor of the runs.
        by: The key, or the keys, by which runs are grouped. Without keys, runs that differ only in their
            seed are a group.
        baseline: The group with which the others are compared; `None` for the best.
        at: The comparison point: `"final"`, `"best"`, `"epoch=5"`, `"seconds=30"` and so on, as in `dnn compare --at`.
        runs_dir: The directory of the runs.

    Raises:
        UsageError: an address names no run, or no run has the metric or the key.
        QueryError: the condition is not valid.
    """
    store = CachedStore(Path(runs_dir))
    runs, all_runs = select_compared_runs(store, addresses, where)
    return build_comparison(runs, metric, by=by, baseline=baseline, at=at, all_runs=all_runs)


def build_comparison(
    runs: Sequence[RunInfo], metric: str | None, *, by: str | Sequence[str], **options: Any
) -> RunComparison:
    """Compare runs with their details; `options` are other arguments of `compare_by_dataset`."""
    keys = [by] if isinstance(by, str) else list(by)
    return RunComparison(compare_by_dataset(runs, metric, by=keys, **options))


def _list_groups(document: dict[str, Any]) -> list[ComparedGroup]:
    """Return the groups of the JSON document of a comparison on one dataset."""
    verdicts = {pair["b"]: pair for pair in document["pairs"]}
    groups = []
    for group in document["groups"]:
        verdict = verdicts.get(group["name"], {})
        groups.append(
            ComparedGroup(
                dataset=document.get("dataset", ""),
                name=group["name"],
                mean=group["mean"],
                standard_deviation=group["standard_deviation"],
                seeds=tuple(group["seeds"]),
                runs=tuple(group["runs"]),
                verdict=verdict.get("verdict") or "",
                difference=verdict.get("difference"),
                p_value=verdict.get("p_value"),
            )
        )
    return groups
