"""Content of the HTML report: a comparison, and a page for each run."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import dnn_cli
from dnn_cli.compare.comparison import Comparison
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.report.html.curves_section import CurvesSection, build_curves_section
from dnn_cli.report.html.overview import (
    RunTable,
    SettingsSection,
    VerdictSection,
    build_run_table,
    build_settings_section,
    build_verdict_section,
)
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
    verdict: VerdictSection
    curves: CurvesSection | None
    settings: SettingsSection
    table: RunTable
    runs: tuple[RunPage, ...]
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


def build_report_page(comparison: Comparison, command: Sequence[str]) -> ReportPage:
    """Build the content of a report from a comparison; `command` is the command line that writes the report."""
    all_runs: list[RunInfo] = [*(row.run_info for row in comparison.run_scores), *comparison.left_out]
    listed_runs = all_runs[:MAX_RUN_PAGES]
    limits = compute_detail_limits(len(listed_runs))
    anchors = build_anchors(listed_runs)
    with cache_dataset_info():
        pages = tuple(build_run_page(run_info, anchors[run_info.run.directory], limits) for run_info in listed_runs)
    rows = comparison.run_scores
    groups = format_count(len(comparison.groups), "group" if comparison.keys else "experiment")
    data = ", ".join(sorted({str(row.record.data.get("dataset")) for row in rows}))
    left = f", {format_count(len(comparison.left_out), 'other run')}" if comparison.left_out else ""
    return ReportPage(
        title=f"{comparison.metric} {comparison.point.title}" if rows else "Runs",
        subtitle=f"{format_count(len(rows), 'completed run')} of {groups}{f' on {data}' if data else ''}{left}",
        created=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, dnn {dnn_cli.__version__}",
        verdict=build_verdict_section(comparison),
        curves=build_curves_section(comparison) if rows else None,
        settings=build_settings_section(comparison),
        table=build_run_table(comparison, anchors),
        runs=pages,
        omitted_count=len(all_runs) - len(listed_runs),
        command=shlex.join([os.fsdecode(word) for word in command]),
    )


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
