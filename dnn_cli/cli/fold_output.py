"""Selection and output of cross-validations in `dnn evaluate` and `dnn train`."""

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.cli.console import get_output_console, print_rich_table
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.compare.out_of_fold import CrossValidation, OutOfFoldPredictions
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.train_requests import TrainRequest
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.run_info import RunInfo
    from dnn_cli.runs.store import Store

_DetailsPrinter = Callable[["Experiment", "OutOfFoldPredictions"], None]


def find_several_runs(words: Sequence[str], runs_dir: Path) -> "list[RunInfo]":
    """Find the runs that words name: all folds of cross-validations, or none. One run, or a file, is an empty list.

    Without `sweep:` and with a single word, only folds are several runs: `dnn evaluate digits` evaluates the latest run
    of this name.

    Args:
        words: Addresses of runs; the last word can be a file with examples.
        runs_dir: The directory of runs.

    Raises:
        UsageError: an address names no run, or only some of several runs are folds.
    """
    from dnn_cli.runs.address import SWEEP_PREFIX
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.store import Store

    is_explicit = len(words) > 1 or words[0].startswith(SWEEP_PREFIX)
    if not is_explicit and os.sep in words[0]:
        return []
    if any(_is_examples_file(word) for word in words[1:]):
        return []
    store = Store(runs_dir)
    runs = {run.directory: run for word in words for run in store.find_all(word, sweeps=is_explicit)}
    run_infos = store.with_details(list(map(read_run_info, runs.values()))) if len(runs) > 1 else []
    others = [run_info for run_info in run_infos if run_info.details.fold is None]
    if others and len(others) < len(run_infos) and is_explicit:
        raise UsageError(
            f"{others[0].run.directory.name} is not a fold of a cross-validation, but other runs are",
            "name one run, the folds of a cross-validation, or runs without folds",
        )
    return [] if others and not is_explicit else run_infos


def _is_examples_file(word: str) -> bool:
    """Return whether a word names a file or a directory with examples, not a run."""
    from dnn_cli.runs.address import is_run_directory
    from dnn_cli.runs.address_prefixes import ADDRESS_PREFIXES

    if word.startswith(ADDRESS_PREFIXES):
        return False
    return bool(Path(word).suffix) or (os.path.exists(word) and not is_run_directory(word))


def _print_cross_validation(cross_validation: "CrossValidation") -> None:
    """Print the mean scores of a cross-validation, and which folds are missing."""
    from dnn_cli.report.fold_tables import build_fold_score_table, format_fold_headline

    out = get_output_console()
    out.print(replace_control_chars(format_fold_headline(cross_validation)))
    if cross_validation.missing:
        out.print(replace_control_chars(f"! incomplete cross-validation: {cross_validation.missing} is missing"))
    out.print()
    print_rich_table(out, build_fold_score_table(cross_validation))


def print_finished_folds(
    requests: "Sequence[TrainRequest]", finished: "Sequence[tuple[Run, Record]]", store: "Store"
) -> None:
    """Print the mean scores of the cross-validations that a command has trained, and the next commands.

    Args:
        requests: The requests of the command.
        finished: The runs that the command has trained, with their records.
        store: The directory of runs.
    """
    from dnn_cli.compare.out_of_fold import summarize_cross_validations
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.runs_directory import build_runs_dir_option

    for sweep_id in dict.fromkeys(membership.id for request in requests for membership in request.sweeps):
        runs = [
            read_run_info(run)
            for run, record in finished
            if record.status == "completed" and any(membership.id == sweep_id for membership in record.sweeps)
        ]
        if not runs:
            continue
        for cross_validation in summarize_cross_validations(store.with_details(runs)):
            get_output_console().print()
            _print_cross_validation(cross_validation)
        command = ["dnn", "evaluate", f"sweep:{sweep_id}", *build_runs_dir_option(store.root)]
        print_line(get_output_console(), f"  next  {shlex.join(command)}")


def print_fold_evaluations(runs: "Sequence[RunInfo]", print_details: _DetailsPrinter) -> None:
    """Print the scores of cross-validations, and the tables of their joined predictions.

    Args:
        runs: Folds of one or several experiments.
        print_details: The function that prints the tables of predictions.

    Raises:
        UsageError: no run is completed.
        RunError: a run has no predictions.
    """
    from dnn_cli.compare.out_of_fold import join_predictions
    from dnn_cli.report.fold_tables import format_predictions_line

    for number, cross_validation in enumerate(_summarize(runs)):
        if number:
            get_output_console().print()
        _print_cross_validation(cross_validation)
        predictions = join_predictions(cross_validation)
        get_output_console().print()
        get_output_console().print(format_predictions_line(predictions))
        print_details(predictions.experiment, predictions)


def build_fold_documents(
    runs: "Sequence[RunInfo]", build_details: "Callable[[Experiment, OutOfFoldPredictions], dict[str, Any]]"
) -> list[dict[str, Any]]:
    """Build the JSON documents of cross-validations. Arguments and errors are those of `print_fold_evaluations`."""
    from dnn_cli.compare.out_of_fold import join_predictions
    from dnn_cli.report.fold_tables import build_fold_document

    documents = []
    for cross_validation in _summarize(runs):
        predictions = join_predictions(cross_validation)
        details = build_details(predictions.experiment, predictions)
        documents.append({**build_fold_document(cross_validation, predictions), **details})
    return documents


def _summarize(runs: "Sequence[RunInfo]") -> "list[CrossValidation]":
    """Return the results of cross-validations.

    Raises:
        UsageError: no run is completed.
    """
    from dnn_cli.compare.out_of_fold import summarize_cross_validations

    cross_validations = summarize_cross_validations(runs)
    if not cross_validations:
        raise UsageError("no fold is completed", "the command that trained the folds continues them")
    return cross_validations
