"""Content of the HTML report of a study: verdicts, tuning, plan, and final runs."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import dnn_cli
from dnn_cli.compare.comparison import Comparison
from dnn_cli.config.user_data import cache_dataset_info
from dnn_cli.report.comparison_tables import format_compared_value
from dnn_cli.report.html.curves_section import CurvesSection, build_curves_section
from dnn_cli.report.html.overview import RunCell, RunRow, RunTable
from dnn_cli.report.html.page import build_anchors, compute_detail_limits
from dnn_cli.report.html.run_page import RunPage, build_run_page
from dnn_cli.report.html.study_sections import TaskSection, build_task_section, number_values
from dnn_cli.report.html.svg_series import SeriesFigure, build_series_figure
from dnn_cli.report.study_advice import build_study_command, format_advice_lines
from dnn_cli.report.study_charts import build_profile_panel, combine_panels
from dnn_cli.report.study_text import format_caveats, format_profile_notes, format_study_method, list_plan_rows
from dnn_cli.report.study_view import build_profile_cells
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.text import format_count, format_score
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.study.performance_profile import MAX_TIME_RATIO
from dnn_cli.study.plan import Plan
from dnn_cli.study.study_result import StudyResult, TaskResult
from dnn_cli.study.study_runs import Arm, StudyRun

_ARM_TEXTS: dict[Arm, str] = {"tuned": "tuned", "default": "with defaults"}

_MAX_TITLE_LABELS = 8
"""Largest number of values that the title names."""


@dataclass(frozen=True)
class StudyPage:
    """Content of the HTML file that `dnn report study:ID` writes."""

    title: str
    subtitle: str
    created: str
    missing: str
    """Number of runs that are still to train, as a sentence; empty for a complete study."""

    continuation: str
    """Command that continues the study."""

    warnings: tuple[str, ...]
    """Caveats of all tasks."""

    method: tuple[str, ...]
    advice: tuple[str, ...]
    """Advice on more seeds or trials, with the command; empty for an incomplete study."""

    tasks: tuple[TaskSection, ...]
    profile: SeriesFigure | None
    """Performance profiles; `None` for fewer than three tasks."""

    profile_cells: TableCells | None
    profile_notes: tuple[str, ...]
    plan: tuple[tuple[str, str], ...]
    curves: CurvesSection | None
    """Curves of the tuned final runs; `None` for several tasks, whose scores have no common axis."""

    table: RunTable
    runs: tuple[RunPage, ...]
    omitted_count: int
    """Number of tuned final runs without a page."""

    command: str


def build_study_page(result: StudyResult, root: Path, command: Sequence[str]) -> StudyPage:
    """Build the content of the report of a study.

    Args:
        result: The result of the study. Its runs have their details.
        root: The directory of runs, for commands.
        command: The command line that writes the report.
    """
    plan = result.plan
    profiles = {label: profile.steps for label, profile in result.profiles.items()}
    paged_runs = _select_paged_runs(result)
    anchors = build_anchors(paged_runs)
    limits = compute_detail_limits(len(paged_runs))
    with cache_dataset_info():
        pages = tuple(build_run_page(run_info, anchors[run_info.run.directory], limits) for run_info in paged_runs)
    (task, *others) = result.tasks
    curves = None if others or "tuned" not in task.arms else build_curves_section(
        task.arms["tuned"], number_values(task)
    )  # fmt: skip
    return StudyPage(
        title=_format_title(plan),
        subtitle=_format_subtitle(result),
        created=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, dnn {dnn_cli.__version__}",
        missing=_format_missing(result),
        continuation=shlex.join([*build_study_command(plan), *build_runs_dir_option(root)]),
        warnings=tuple(format_caveats(result)),
        method=tuple(format_study_method(result)),
        advice=tuple(line.strip() for line in format_advice_lines(result, root)) if result.is_complete else (),
        tasks=tuple(build_task_section(result, item, number) for number, item in enumerate(result.tasks, 1)),
        profile=build_series_figure(combine_panels([build_profile_panel(profiles, MAX_TIME_RATIO)]))
        if profiles
        else None,
        profile_cells=build_profile_cells(result) if profiles else None,
        profile_notes=tuple(format_profile_notes(result)) if profiles else (),
        plan=tuple(_list_plan_rows(plan)),
        curves=curves,
        table=_build_final_run_table(result, anchors),
        runs=pages,
        omitted_count=0,
        command=shlex.join([os.fsdecode(word) for word in command]),
    )


def _format_title(plan: Plan) -> str:
    """Return the question as the title, such as `optimizer: sgd, adam`."""
    labels = list(plan.labels[:_MAX_TITLE_LABELS])
    more = len(plan.labels) - len(labels)
    return f"{plan.question_text}: {', '.join(labels)}{f' and {more} more' if more else ''}"


def _format_subtitle(result: StudyResult) -> str:
    """Return the id of the study, its tasks, and the numbers of values, seeds and runs."""
    plan = result.plan
    runs = sum(len(task.runs.all_runs) for task in result.tasks)
    counts = (
        format_count(len(plan.values), "value"), format_count(len(plan.final_seeds), "seed"), format_count(runs, "run"),
    )  # fmt: skip
    return f"Study {plan.study} of {plan.name}: {', '.join(counts)}"


def _format_missing(result: StudyResult) -> str:
    """Return the number of runs that are still to train, and the arms without a verdict; empty if none is missing."""
    if result.is_complete:
        return ""
    failed = sum(task.runs.count_failed() for task in result.tasks)
    failure_text = f", of which {failed} failed" if failed else ""
    return (
        f"{format_count(result.missing, 'run')} still to train{failure_text}. "
        "An arm has verdicts and scores when all of its runs are finished."
    )


def _list_plan_rows(plan: Plan) -> list[tuple[str, str]]:
    """Return the plan as titles and texts: the lines of `dnn study`, the rules, the digest and the revisions."""
    finalists = f"{format_count(plan.finalists, 'finalist')}, {format_count(len(plan.finalist_seeds), 'seed')}"
    rows = [
        *list_plan_rows(plan),
        ("points", f"{plan.sampler}, seed {plan.sampler_seed}; the same points for all values"),
        ("growth", plan.edges),
        ("choice", f"{plan.selection}; {finalists}"),
        ("level", f"{plan.level:g} in each arm, over all pairs of values (Holm)"),
        ("target", "by rule (auto)" if plan.target == "auto" else plan.target),
        ("overrides", ", ".join(plan.fixed) or "none"),
        ("digest", plan.digest),
    ]
    rows += [
        ("revision", f"after {format_count(item.runs, 'finished run')}: {'; '.join(item.changes)}")
        for item in plan.revisions
    ]
    return rows


def _select_paged_runs(result: StudyResult) -> list[RunInfo]:
    """Return the runs that have a page: of each value, the tuned final run with the first seed of the plan."""
    return [
        run.run_info
        for task in result.tasks
        for label in task.values
        for run in task.runs.final.get("tuned", {}).get(label, ())[:1]
    ]


def _build_final_run_table(result: StudyResult, anchors: dict[Path, str]) -> RunTable:
    """Build the table of final runs. `anchors` has the HTML anchor of each run's page, by run directory."""
    rows = [
        _build_run_row(result, task, arm, label, run, anchors)
        for task in result.tasks
        for arm in _ARM_TEXTS
        for label in task.values
        for run in task.runs.final.get(arm, {}).get(label, ())
    ]
    task_header = ["task"] if len(result.tasks) > 1 else []
    headers = ("run", *task_header, "value", "arm", "seed", "reporting half", "tuning half", "status")
    numeric = frozenset(headers.index(header) for header in ("seed", "reporting half", "tuning half"))
    return RunTable(headers, numeric, tuple(rows), 0)


def _build_run_row(
    result: StudyResult, task: TaskResult, arm: Arm, label: str, run: StudyRun, anchors: dict[Path, str]
) -> RunRow:
    """Build the row of a final run. The score of the reporting half is shown after its arm is complete."""
    comparison = task.arms.get(arm)
    reported = _format_reporting_score(comparison, run) if comparison else RunCell("–")
    tuning = RunCell("–") if run.score is None else RunCell(format_score(run.score), repr(run.score))
    folds = "".join(f", {key.removeprefix('data.')} {text}" for key, text in run.fold_settings)
    cells = [RunCell(label), RunCell(_ARM_TEXTS[arm]), RunCell(f"{run.seed}{folds}"), reported, tuning]
    task_cell = [RunCell(task.task.name)] if len(result.tasks) > 1 else []
    return RunRow(
        anchors.get(run.run_info.run.directory),
        run.record.id,
        (*task_cell, *cells, RunCell(run.record.status)),
    )


def _format_reporting_score(comparison: Comparison, run: StudyRun) -> RunCell:
    """Return the cell with the score of a run on the reporting half."""
    directory = run.run_info.run.directory
    score = next((row.score for row in comparison.run_scores if row.run.directory == directory), None)
    return RunCell("–") if score is None else RunCell(format_compared_value(comparison, score), repr(score))
