"""Content of the HTML report: a comparison, and a page for each run."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import dnn_cli
from dnn_cli.compare.dataset_comparison import DatasetComparison
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.report.comparison_tables import format_left_out_lines
from dnn_cli.report.html.dataset_section import DatasetSection, build_dataset_section, format_run_counts
from dnn_cli.report.html.ranking_section import RankingSection, build_ranking_section
from dnn_cli.report.html.run_page import DetailLimits, RunPage, build_run_page
from dnn_cli.report.html.svg_plot import compute_max_points
from dnn_cli.report.text import format_count
from dnn_cli.runs.query.run_columns import get_run_id
from dnn_cli.runs.run_info import RunInfo

MAX_RUN_PAGES = 100
"""Largest number of runs that have a page."""


@dataclass(frozen=True)
class ReportPage:
    """Content of the HTML file that `dnn report` writes."""

    title: str
    subtitle: str
    created: str
    sections: tuple[DatasetSection, ...]
    ranking: RankingSection | None
    """Ranking over several datasets; `None` for one dataset."""

    left_out: tuple[str, ...]
    """Lines about runs on datasets without a section."""

    runs: tuple[RunPage, ...]
    table_anchors: Mapping[str, str]
    """HTML id of the table with a run, by the anchor of the run's page."""

    omitted_count: int
    """Number of runs without a page."""

    command: str
    """Command line that wrote the file."""


_MAX_SAMPLED_RUNS = 10
"""Largest number of runs in a report for which scores have intervals from bootstrap samples."""


def compute_detail_limits(runs: int) -> DetailLimits:
    """Compute the limits of the details on the page of one run, from the number of runs in the report.

    With more runs, each page shows less, which limits the size of the file.
    """
    return DetailLimits(
        mistakes=max(4, min(12, 600 // max(1, runs))),
        points=compute_max_points(runs),
        epochs=max(20, min(40, 1200 // max(1, runs))),
        with_samples=runs <= _MAX_SAMPLED_RUNS,
    )


def build_report_page(compared: DatasetComparison, command: Sequence[str]) -> ReportPage:
    """Build the content of a report from a comparison; `command` is the command line that writes the report."""
    paged_runs, omitted_count = _select_paged_runs(compared)
    limits = compute_detail_limits(sum(map(len, paged_runs)))
    anchors = build_anchors([run_info for runs in paged_runs for run_info in runs])
    with cache_dataset_info():
        pages = tuple(
            build_run_page(run_info, anchors[run_info.run.directory], limits)
            for runs in paged_runs
            for run_info in runs
        )
    count = len(compared.parts)
    sections = tuple(
        build_dataset_section(part.label, part.comparison, anchors, number if count > 1 else 0, count)
        for number, part in enumerate(compared.parts, 1)
    )
    table_anchors = {
        anchors[run_info.run.directory]: section.table_anchor
        for section, runs in zip(sections, paged_runs, strict=True)
        for run_info in runs
    }
    return ReportPage(
        title=_format_title(compared),
        subtitle=_format_subtitle(compared),
        created=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, dnn {dnn_cli.__version__}",
        sections=sections,
        ranking=build_ranking_section(compared) if count > 1 else None,
        left_out=tuple(format_left_out_lines(compared.left_out)),
        runs=pages,
        table_anchors=table_anchors,
        omitted_count=omitted_count,
        command=shlex.join([os.fsdecode(word) for word in command]),
    )


def _format_title(compared: DatasetComparison) -> str:
    """Return the title of a report: the compared score, or the number of datasets."""
    if compared.has_several_parts:
        metrics = dict.fromkeys(part.comparison.metric for part in compared.parts)
        point = compared.parts[0].comparison.point
        scores = next(iter(metrics)) if len(metrics) == 1 else "Scores"
        return f"{scores} on {len(compared.parts)} datasets {point.title}"
    comparison = compared.parts[0].comparison
    return f"{comparison.metric} {comparison.point.title}" if comparison.run_scores else "Runs"


def _format_subtitle(compared: DatasetComparison) -> str:
    """Return the numbers of compared and of other runs, with the dataset of a report on one dataset."""
    left = f", {format_count(len(compared.all_left_out), 'other run')}" if compared.all_left_out else ""
    if compared.has_several_parts:
        count = sum(len(part.comparison.run_scores) for part in compared.parts)
        return f"{format_count(count, 'completed run')} on {', '.join(part.label for part in compared.parts)}{left}"
    comparison = compared.parts[0].comparison
    data = ", ".join(sorted({str(row.record.data.get("dataset")) for row in comparison.run_scores}))
    return f"{format_run_counts(comparison)}{f' on {data}' if data else ''}{left}"


def _select_paged_runs(compared: DatasetComparison) -> tuple[list[list[RunInfo]], int]:
    """Return the runs of each part that have a page, the same number for each part, and the number of other runs."""
    runs = [
        [*(row.run_info for row in part.comparison.run_scores), *part.comparison.left_out] for part in compared.parts
    ]
    room = MAX_RUN_PAGES
    limits = [0] * len(runs)
    # Runs that a small part does not need are left to the larger parts.
    for position, index in enumerate(sorted(range(len(runs)), key=lambda index: len(runs[index]))):
        limits[index] = min(len(runs[index]), room // (len(runs) - position))
        room -= limits[index]
    paged = [of_part[:limit] for of_part, limit in zip(runs, limits, strict=True)]
    return paged, sum(map(len, runs)) - sum(limits)


def build_anchors(runs: Sequence[RunInfo]) -> dict[Path, str]:
    """Build the HTML anchor of each run's page, by run directory.

    The anchor is the id of the run, with a number if several ids are equal.
    """
    anchors: dict[Path, str] = {}
    for run_info in runs:
        name = "run-" + "".join(c for c in get_run_id(run_info) if c.isalnum())
        same_name_count = sum(other.partition(".")[0] == name for other in anchors.values())
        anchors[run_info.run.directory] = f"{name}.{same_name_count + 1}" if same_name_count else name
    return anchors
