"""Evaluation of several runs in `dnn evaluate`: mean test scores over seeds, with their intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.evaluation_origin import build_evaluation_origin
from dnn_cli.errors import UsageError
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.runs.run_info import RunInfo


def evaluate_group(
    runs: "Sequence[RunInfo]",
    addresses: Sequence[str],
    overrides: Sequence[str],
    runs_dir: Path,
    code_directory: str | None,
    *,
    best: bool,
    force: bool,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Evaluate several runs on the test set, once each, and print mean scores of runs that differ only in the seed.

    Args:
        runs: The runs; those that are not completed are left out.
        addresses: The words of the command that name the runs.
        overrides: Changes of the configs of the runs, such as `data.path=…` for moved data.
        runs_dir: The directory of runs.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        best: Whether `best.keras` is evaluated, not `model.keras`.
        force: Whether test sets may be read beyond `data.test_reads`.
        as_json: Whether the scores are printed as JSON.
        as_markdown: Whether the scores are printed as Markdown tables.

    Raises:
        UsageError: no run is completed, the data has no test set, a run has no `best.keras`, or a test set was read as
            often as `data.test_reads` allows.
    """
    from dnn_cli.compare.group_scores import summarize_test_scores
    from dnn_cli.execution.study_evaluation import evaluate_on_test_set
    from dnn_cli.report import group_score_tables as words
    from dnn_cli.report.test_read_text import format_test_read_note
    from dnn_cli.runs.address import SWEEP_PREFIX
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store
    from dnn_cli.terminal.progress import open_screen

    completed = [run_info for run_info in runs if run_info.record is not None and run_info.record.status == "completed"]
    if not completed:
        raise UsageError("no run of the group is completed", "dnn runs lists runs, and dnn resume RUN continues one")
    # The ids of single runs are left out of the recorded command, as in the evaluation of one run.
    groups_of_runs = [word for word in addresses if word.startswith(SWEEP_PREFIX)]
    options = ["--best"] if best else []
    code_options = next((item.record.code_options for item in completed if item.record and item.record.code), ())
    origin = build_evaluation_origin(groups_of_runs, addresses, overrides, options, code_options, force=force)
    with open_screen() as screen:
        evaluated = evaluate_on_test_set(completed, screen, origin, code_directory, overrides, best=best)
    evaluated_runs = Store(runs_dir).with_details([read_run_info(run_info.run) for run_info in completed])
    groups = summarize_test_scores(evaluated_runs, best=best)
    if as_json:
        print_json({"evaluated": evaluated, "groups": words.build_group_score_documents(groups)})
        return
    out = get_output_console()
    for number, group_scores in enumerate(groups):
        if number:
            out.print()
        headline, cells = words.format_group_headline(group_scores), words.build_group_score_cells(group_scores)
        out.print(replace_control_chars(headline))
        if as_markdown:
            out.print("\n" + cells.to_markdown(), end="", soft_wrap=True)
        else:
            print_rich_table(out, cells.build_fitting_table(out.width))
    notes = ["intervals over seeds, for the mean of further trainings on these test examples"]
    if any(score.interval is None for item in groups for score in item.scores):
        notes.append("an interval needs three seeds")
    if earlier := len(completed) - len(evaluated):
        notes.append(f"{format_count(earlier, 'run')} evaluated before, and not again")
    if unfinished := len(runs) - len(completed):
        notes.append(f"{format_count(unfinished, 'run')} left out, because not completed")
    get_notes_console().print(replace_control_chars("; ".join(notes)))
    records = [run_info.record for run_info in evaluated_runs if run_info.record is not None]
    if read_note := format_test_read_note(records):
        get_notes_console().print(replace_control_chars(read_note))
