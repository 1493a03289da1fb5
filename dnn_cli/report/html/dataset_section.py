"""Section of a report on the runs of one dataset: verdicts, curves, settings and runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dnn_cli.compare.comparison import Comparison
from dnn_cli.report.html.curves_section import MAX_CURVE_RUNS, CurvesSection, build_curves_section
from dnn_cli.report.html.overview import (
    RunTable,
    SettingsSection,
    VerdictSection,
    build_run_table,
    build_settings_section,
    build_verdict_section,
)
from dnn_cli.report.text import format_count

_MIN_CURVE_RUNS = 10
"""Smallest number of runs of each dataset that have curves, for any number of datasets."""


@dataclass(frozen=True)
class DatasetSection:
    """Section on the runs of one dataset."""

    label: str
    subtitle: str
    prefix: str
    """First part of the HTML ids of the section; empty in a report on one dataset."""

    verdict: VerdictSection
    curves: CurvesSection | None
    settings: SettingsSection
    table: RunTable

    @property
    def anchor(self) -> str:
        """The HTML id of the section."""
        return f"{self.prefix}dataset"

    @property
    def table_anchor(self) -> str:
        """The HTML id of the table of runs."""
        return f"{self.prefix}table"


def build_dataset_section(
    label: str, comparison: Comparison, anchors: Mapping[Path, str], number: int = 0, count: int = 1
) -> DatasetSection:
    """Build the section on one dataset.

    Args:
        label: The label of the dataset.
        comparison: The comparison of its runs.
        anchors: The HTML anchor of each run's page, by run directory.
        number: The number of the section; 0 in a report on one dataset.
        count: The number of sections, which share the number of curves.
    """
    max_runs = max(_MIN_CURVE_RUNS, MAX_CURVE_RUNS // count)
    return DatasetSection(
        label=label,
        subtitle=f"{comparison.metric} {comparison.point.title}, {format_run_counts(comparison)}",
        prefix=f"d{number}-" if number else "",
        verdict=build_verdict_section(comparison),
        curves=build_curves_section(comparison, max_runs=max_runs) if comparison.run_scores else None,
        settings=build_settings_section(comparison),
        table=build_run_table(comparison, anchors),
    )


def format_run_counts(comparison: Comparison) -> str:
    """Return the numbers of runs and groups of a comparison, such as `6 completed runs of 2 experiments`."""
    groups = format_count(len(comparison.groups), "group" if comparison.keys else "experiment")
    return f"{format_count(len(comparison.run_scores), 'completed run')} of {groups}"
