"""Output of `dnn study`: the plan before the training, and the verdicts, tables and caveats at its end."""

from typing import TYPE_CHECKING

from dnn_cli.cli.comparison_output import print_with_hanging_indent
from dnn_cli.cli.console import get_output_console, print_json, print_rich_table, write_result
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.execution.study_execution import Phase, StudyExecution


def format_introduction_lines(execution: "StudyExecution", first_phase: "Phase") -> list[str]:
    """Return the lines that introduce a study: its plan, and the runs that exist already."""
    from dnn_cli.report.study_text import format_plan_lines
    from dnn_cli.report.text import format_count

    plan = execution.plan
    lines = [f"study {plan.study} of {plan.name}", *(f"  {line}" for line in format_plan_lines(plan))]
    done = len(first_phase.execution.planned_runs) - len(first_phase.execution.missing_numbers)
    if done:
        lines.append(f"  {format_count(done, 'run')} done already")
    return lines


def print_study_estimate(
    execution: "StudyExecution", first_phase: "Phase", jobs: int | None, gpus: int | None, *, as_json: bool
) -> None:
    """Print the plan of a study, and the number of its runs with their time and disk space."""


def print_study_result(execution: "StudyExecution", *, as_json: bool, as_latex: bool) -> bool:
    """Print the result of a study, write `study.json`, and return whether a run has failed."""
    from dnn_cli.report.study_text import format_verdict_sentences
    from dnn_cli.study.study_result import build_study_result

    result = build_study_result(execution.plan, execution.store.with_details(execution.store.list_runs()))
    out = get_output_console()
    for task in result.tasks:
        for sentence in format_verdict_sentences(result, task):
            print_with_hanging_indent(out, replace_control_chars(sentence))
    return False
