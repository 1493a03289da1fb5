"""Output of `dnn study`: the plan before the training, and the verdicts, tables and caveats at its end."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.cli.comparison_output import PARAGRAPH_INDENT
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table, write_result
from dnn_cli.report.text import replace_control_chars
from dnn_cli.runs.runs_directory import build_runs_dir_option
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from rich.console import Console

    from dnn_cli.execution.executor_choice import ExecutorOptions
    from dnn_cli.execution.study_execution import Phase, StudyExecution
    from dnn_cli.report.table_cells import TableCells
    from dnn_cli.study.study_result import StudyResult
    from dnn_cli.study.study_runs import Arm

_TITLE_WIDTH, _MIN_TEXT_WIDTH = 12, 40
"""Width of the titles of a plan with their indent, and the smallest width of their texts, in terminal characters."""


def format_introduction_lines(execution: "StudyExecution", first_phase: "Phase", console: "Console") -> list[str]:
    """Return the lines that introduce a study: its plan, and the runs that exist already.

    Long texts are wrapped to the width of the console.
    """
    from rich.text import Text

    from dnn_cli.report.study_text import list_plan_rows
    from dnn_cli.report.text import format_count
    from dnn_cli.study.plan import find_similar_studies

    plan = execution.plan
    lines = [f"study {plan.study} of {plan.name}"]
    for title, text in list_plan_rows(plan):
        width = max(_MIN_TEXT_WIDTH, console.width - _TITLE_WIDTH)
        first, *more = [line.plain for line in Text(replace_control_chars(text)).wrap(console, width)] or [""]
        lines += [f"  {title:<{_TITLE_WIDTH - 2}}{first}", *(" " * _TITLE_WIDTH + line for line in more)]
    if similar := find_similar_studies(execution.store.root, plan):
        lines.append(f"  another study of this question has other overrides or an earlier config: {', '.join(similar)}")
    done = len(first_phase.execution.planned_runs) - len(first_phase.execution.missing_numbers)
    if done:
        lines.append(f"  {format_count(done, 'run')} done already")
    return lines


def print_study_estimate(
    execution: "StudyExecution", first_phase: "Phase", options: "ExecutorOptions", *, as_json: bool
) -> None:
    """Print the plan of a study, and the number of its runs with their time and disk space.

    Args:
        execution: The study.
        first_phase: The phase of the trials and of the arm with defaults.
        options: The options of the command, for the estimate.
        as_json: Whether the estimate is printed as JSON.
    """
    from dnn_cli.config.network_summary import format_bytes
    from dnn_cli.execution.study_estimate import estimate_study
    from dnn_cli.report.text import format_count, format_duration

    plan, estimate = execution.plan, estimate_study(execution, first_phase, options)
    if as_json:
        print_json({"study": plan.study, "plan": plan.model_dump(mode="json"), "estimate": asdict(estimate)})
        return
    out = get_output_console()
    for line in format_introduction_lines(execution, first_phase, out):
        out.print(line, soft_wrap=True)
    basis = "estimated from earlier runs" if estimate.is_measured else "estimated from the size of the networks"
    _print_lines(
        [
            f"{format_count(estimate.tuning_runs, 'run')} of tuning, {format_count(estimate.final_runs, 'final run')}; "
            f"at most {format_count(estimate.extra_runs, 'run')} of extra trials if ranges grow",
            f"{format_count(estimate.missing_runs, 'run')} to train, about {format_duration(estimate.seconds)} with "
            f"{format_count(estimate.workers, 'worker')} and {format_bytes(estimate.bytes)} of disk space ({basis})",
        ]
    )


def print_study_result(execution: "StudyExecution", *, as_json: bool, as_latex: bool) -> bool:
    """Write the result of a study to `study.json`, print the result, and return whether a run has failed."""
    from dnn_cli.report.study_document import build_study_document, write_study_document
    from dnn_cli.report.study_view import build_score_cells
    from dnn_cli.study.study_result import build_study_result

    store = execution.store
    result = build_study_result(execution.plan, store.with_details(store.list_runs()))
    document = build_study_document(result)
    directory = write_study_document(store.root, execution.plan, document)
    if as_json:
        print_json(document)
    elif as_latex:
        for task in result.tasks:
            write_result(build_score_cells(task).to_latex())
    else:
        _print_study(result, directory, store.root)
    return any(task.runs.count_failed() for task in result.tasks)


def _print_study(result: "StudyResult", directory: Path, root: Path) -> None:
    """Print the verdicts, tables, notes and caveats of a study, and the next commands."""
    from dnn_cli.report import study_text as text
    from dnn_cli.report import study_view as view
    from dnn_cli.report.study_advice import format_advice_lines
    from dnn_cli.report.text import format_count

    out = get_output_console()
    has_several_tasks = len(result.tasks) > 1
    arms: tuple[Arm, ...] = ("tuned", "default")
    for task in result.tasks:
        prefix = f"{task.task.name}: " if has_several_tasks else ""
        _print_lines([f"{prefix}{line}" for arm in arms if (line := text.format_headline(result, task, arm))])
    for task in result.tasks:
        if has_several_tasks:
            out.print()
            out.print(replace_control_chars(f"{task.task.name}, {task.task.score}"), style="bold")
        _print_table(view.build_score_cells(task))
        for arm in arms:
            if (comparison := task.arms.get(arm)) is not None:
                _print_table(view.build_pair_cells(comparison, text.ARM_OPENINGS[arm]))
        _print_table(view.build_tuning_cells(task))
        _print_table(view.build_budget_cells(task))
        _print_block(text.format_tuning_notes(task))
    if result.profiles:
        _print_table(view.build_profile_cells(result))
        _print_block(text.format_profile_notes(result))
    out.print()
    blocks = [text.format_study_method(result), [f"! {caveat}" for caveat in text.format_caveats(result)]]
    blocks.append(format_advice_lines(result, root) if result.is_complete else [])
    for block in blocks:
        if block:
            _print_lines(block)
            out.print()
    if result.missing:
        out.print(f"{format_count(result.missing, 'run')} still to train; the same command continues the study")
    address = f"study:{result.plan.study}"
    commands = [["dnn", "report", address], ["dnn", "plot", address, "--axis", _find_axis(result)]]
    out.print(replace_control_chars(f"plan and result: {directory}"))
    for title, command in zip(("  next  ", "        "), commands, strict=True):
        print_line(out, title + shlex.join([*command, *build_runs_dir_option(root)]))


def _find_axis(result: "StudyResult") -> str:
    """Return the first tuned key of a study, for the command of its axis plot."""
    return next(iter(next(iter(result.plan.tasks[0].search_spaces.values()))))


def _print_table(cells: "TableCells") -> None:
    """Print an empty line and a table; nothing for a table without rows."""
    if cells.rows:
        out = get_output_console()
        out.print()
        print_rich_table(out, cells.build_fitting_table(out.width))


def _print_block(lines: Sequence[str]) -> None:
    """Print an empty line and some lines; nothing without lines."""
    if lines:
        get_output_console().print()
        _print_lines(lines)


def _print_lines(lines: Sequence[str]) -> None:
    """Print lines; long lines are wrapped with an indent."""
    for line in lines:
        print_line(get_output_console(), line, PARAGRAPH_INDENT)
