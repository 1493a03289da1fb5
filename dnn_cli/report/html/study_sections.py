"""Sections of the HTML report of a study: the verdicts, the scores and the tuning of each task."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dnn_cli.compare.comparison import Comparison
from dnn_cli.report.axis_panel import build_axis_panels
from dnn_cli.report.html.overview import VerdictSection, build_verdict_section
from dnn_cli.report.html.svg_series import SeriesFigure, build_series_figure
from dnn_cli.report.study_charts import build_budget_panel, combine_panels
from dnn_cli.report.study_text import format_budget_notes, format_headline, iter_test_set_lines
from dnn_cli.report.study_view import build_score_cells, build_tuning_cells
from dnn_cli.report.table_cells import TableCells
from dnn_cli.report.text import format_count
from dnn_cli.report.trial_tables import build_key_cells, build_trial_cells, build_trial_chart, format_key_notes
from dnn_cli.study.study_result import StudyResult, TaskResult
from dnn_cli.study.study_runs import Arm

_ARM_TITLES: dict[Arm, str] = {"tuned": "Tuned values", "default": "Values with defaults"}


@dataclass(frozen=True)
class TaskSection:
    """Verdicts, scores and tuning of a study on one task."""

    number: int
    """Number of the task, from 1, in its anchor."""

    name: str
    score: str
    """Name of the score by which settings are chosen and judged."""

    replicate: str
    """Noun of the repetitions over which means are taken: `seed` or `fold`."""

    headlines: tuple[str, ...]
    """Verdicts on the tuned values, then on the values with defaults, one sentence each; empty before an arm is
    complete."""

    scores: TableCells
    score_notes: tuple[str, ...]
    """Lines on the use of the test set."""

    standings: tuple[tuple[str, VerdictSection], ...]
    """Title and verdicts of each complete arm."""

    tuning: TableCells
    tuning_notes: tuple[str, ...]
    keys: TableCells
    key_notes: tuple[str, ...]
    axes: SeriesFigure | None
    """Scores of the trials over each tuned key; `None` before a trial has a score."""

    budget: SeriesFigure | None
    """Budget curves; `None` before a trial has a score."""

    trials: tuple[tuple[str, TableCells], ...]
    """Label and trials of each value."""


def build_task_section(result: StudyResult, task: TaskResult, number: int) -> TaskSection:
    """Build the section of one task.

    Args:
        result: The result of the study.
        task: The task.
        number: The number of the task, from 1, for anchors.
    """
    headlines = [line for arm in _ARM_TITLES if (line := format_headline(result, task, arm))]
    line_numbers = number_values(task)
    trial_chart = build_trial_chart(task)
    return TaskSection(
        number=number,
        name=task.task.name,
        score=task.task.score,
        replicate="fold" if len(task.task.halves) > 1 else "seed",
        headlines=tuple(_format_sentence(line) for line in headlines),
        scores=build_score_cells(task),
        score_notes=tuple(iter_test_set_lines(task)),
        standings=tuple(
            (title, _build_standings(task.arms[arm], line_numbers))
            for arm, title in _ARM_TITLES.items()
            if arm in task.arms
        ),
        tuning=build_tuning_cells(task, has_widths=False),
        tuning_notes=tuple(_iter_tuning_notes(result, task)),
        keys=build_key_cells(task),
        key_notes=tuple(format_key_notes(task)),
        axes=build_series_figure(build_axis_panels(trial_chart)) if trial_chart else None,
        budget=_build_budget_figure(task),
        trials=tuple((label, build_trial_cells(task, item)) for label, item in task.values.items()),
    )


def _build_standings(comparison: Comparison, line_numbers: Mapping[str, int]) -> VerdictSection:
    """Build the table of an arm. The verdict on two values is left out, because the headline contains the verdict."""
    section = build_verdict_section(comparison, line_numbers)
    return section if len(section.rows) > 2 else replace(section, reference_header="")


def number_values(task: TaskResult) -> Mapping[str, int]:
    """Return the number of each value of the question, which determines its colour on the whole page."""
    return {label: number for number, label in enumerate(task.values)}


def _format_sentence(text: str) -> str:
    """Return a text as a sentence: with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _iter_tuning_notes(result: StudyResult, task: TaskResult) -> Iterator[str]:
    """Yield lines on extra trials, the order of the values, and the target."""
    extra = max(len(item.tuning.trials) for item in task.values.values()) - result.plan.trials
    if extra:
        yield (
            f"{result.plan.trials} planned trials of each value, and {format_count(extra, 'extra trial')} in the "
            "decades by which ranges have grown"
        )
    yield from format_budget_notes(task)


def _build_budget_figure(task: TaskResult) -> SeriesFigure | None:
    """Build the budget curves of all values; `None` before a trial has a score."""
    curves = {label: item.curve.expected_best for label, item in task.values.items() if item.curve}
    if not curves:
        return None
    panel = build_budget_panel(curves, task.task.score, task.stable_trials)
    return build_series_figure(combine_panels([panel]))
