"""Evaluation of a study in `dnn evaluate`: the final runs with tuned settings, and a table of their test scores."""

from pathlib import Path

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars


def is_study_address(words: list[str]) -> bool:
    """Return whether one of the words after `dnn evaluate` is the address of a study."""
    from dnn_cli.runs.study_roles import STUDY_PREFIX

    return any(word.startswith(STUDY_PREFIX) for word in words)


def evaluate_study(
    words: list[str], extra: str, runs_dir: Path, code_directory: str | None, *, force: bool, as_json: bool
) -> None:
    """Evaluate the final runs of a study with tuned settings on the test set, once each, and print the scores.

    Args:
        words: The words after `dnn evaluate`, one of which is the address of a study.
        extra: An option or override that applies to single runs alone; empty without such a word.
        runs_dir: The directory of runs.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        force: Whether test sets may be read beyond `data.test_reads`.
        as_json: Whether the scores are printed as JSON.

    Raises:
        UsageError: other words accompany the address, no run of the study is completed, the data has no test set, or
            the test set was read as often as `data.test_reads` allows.
    """
    from dnn_cli.execution.study_evaluation import evaluate_on_test_set
    from dnn_cli.execution.test_reads import ReadOrigin
    from dnn_cli.report.study_test_scores import (
        build_test_score_cells,
        build_test_score_document,
        collect_test_scores,
    )
    from dnn_cli.report.text import format_count
    from dnn_cli.runs.store import Store
    from dnn_cli.runs.study_roles import find_reported_roles, find_reported_runs
    from dnn_cli.terminal.progress import open_screen

    address = words[0]
    if extra or len(words) > 1:
        other = extra or words[1]
        raise UsageError(f"{other} and {address} cannot be combined", f"omit {other}, or name one run")
    store = Store(runs_dir)
    runs = find_reported_runs(address, store.list_runs(), store.root)
    completed = [run_info for run_info in runs if run_info.record is not None and run_info.record.status == "completed"]
    if not completed:
        raise UsageError(f"no final run of {address} is completed", "repeat the dnn study command to complete them")
    with open_screen() as screen:
        command = f"dnn evaluate {address}"
        origin = ReadOrigin(command, f"{command} --force", force)
        evaluated = evaluate_on_test_set(runs, screen, origin, code_directory)
    scores = collect_test_scores(find_reported_roles(address, store.list_runs(), store.root))
    if as_json:
        print_json(build_test_score_document(scores, evaluated))
        return
    print_rich_table(
        get_output_console(), build_test_score_cells(scores).build_fitting_table(get_output_console().width)
    )
    notes = [f"{address}: {format_count(len(completed), 'final run')} with tuned settings"]
    if earlier := len(completed) - len(evaluated):
        notes.append(f"{format_count(earlier, 'run')} evaluated before, and not again")
    if unfinished := len(runs) - len(completed):
        notes.append(f"{format_count(unfinished, 'run')} left out, because not completed")
    get_notes_console().print(replace_control_chars("; ".join(notes)))
