"""Command `dnn evaluate`: scores of a saved model on a split or a file, overall and for each class."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dnn_cli.cli.completers import build_fixed_completer, complete_run_then_keys
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.fold_output import build_fold_documents, find_fold_runs, print_fold_evaluations
from dnn_cli.cli.options import AllowCodeOption, HeldOutSplit, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.run_selection import (
    BestOption,
    resolve_completed_run,
    select_saved_model,
    split_addresses_and_overrides,
)
from dnn_cli.cli.study_evaluation_output import evaluate_study, is_study_address
from dnn_cli.errors import UsageError
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.compare.out_of_fold import OutOfFoldPredictions
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.test_reads import ReadOrigin
    from dnn_cli.metrics.evaluation_result import EvaluationResult
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.saved_models import SavedModel


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|FILE|KEY=VALUE",
            autocompletion=complete_run_then_keys,
            help="A run, then a table, .npz, X.npy or image directory with targets, or data.path=… for moved data. "
            "Or the folds of a cross-validation, such as sweep:ID. Or study:ID.",
        ),
    ],
    split: Annotated[
        HeldOutSplit | None,
        typer.Option(
            metavar="SPLIT",
            autocompletion=build_fixed_completer("test", "validation"),
            help="Split to evaluate: test or validation. Default: test.",
        ),
    ] = None,
    best: BestOption = False,
    resize: Annotated[bool, typer.Option("--resize", help="Resize images to the size of the training images.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read the test set beyond data.test_reads; run.json records it.")
    ] = False,
    allow_code: AllowCodeOption = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Evaluate a network on its test set or a file, or several folds.

    The command prints scores, and results for each class or, for a regression, errors. Other commands do not read the
    test set. For several folds, such as sweep:ID, it prints mean scores and the joined validation predictions. For
    study:ID, it evaluates the final runs with tuned settings, once each.

    Later, dnn runs show RUN prints the scores of a run. dnn runs --columns test_accuracy lists the scores of all runs;
    best.test_accuracy lists the scores of evaluations with --best.
    """
    from dnn_cli.report import evaluation_tables as words
    from dnn_cli.report.runs_table import format_scores
    from dnn_cli.report.test_read_text import build_test_read_documents, format_test_read_notes
    from dnn_cli.runs.address import parse_run_id
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.saved_models import find_better_model
    from dnn_cli.runs.store import Store
    from dnn_cli.terminal.console_builder import print_line
    from dnn_cli.terminal.progress import open_screen

    addresses, overrides = split_addresses_and_overrides(arguments)
    if is_study_address(addresses):
        option = "--best" if best else "--resize" if resize else "--split validation" if split == "validation" else ""
        evaluate_study(
            addresses, next(iter(overrides), option), runs_dir, get_code_directory(allow=allow_code), force=force,
            as_json=as_json,
        )  # fmt: skip
        return
    fold_runs = find_fold_runs(addresses, runs_dir)
    if fold_runs and split is HeldOutSplit.test:
        example = f"for example: dnn evaluate {parse_run_id(fold_runs[0].run)} --split test"
        raise UsageError(f"--split test evaluates one run, not {len(fold_runs)} folds", example)
    if fold_runs:
        if extra := next(iter(overrides), "--best" if best else "--resize" if resize else ""):
            raise UsageError(f"{extra} and several folds cannot be combined", f"omit {extra}, or name one run")
        if as_json:
            print_json({"cross_validations": build_fold_documents(fold_runs, _build_details_document)})
        else:
            print_fold_evaluations(fold_runs, _print_details)
        return
    address, *files = addresses
    if len(files) > 1:
        raise UsageError("evaluate accepts one run and at most one file", "for example: dnn evaluate @1 new.csv")
    file = files[0] if files else None
    split_name: Literal["test", "validation"] | None = None if files else (split or HeldOutSplit.test).value
    if files and (overrides or split):
        extra = overrides[0] if overrides else "--split"
        raise UsageError(
            f"{extra} and a file cannot be combined: the file is prepared like the training data", f"omit {extra}"
        )
    if resize and not files:
        raise UsageError("--resize applies only to the images of a FILE", "omit --resize")
    run, record = resolve_completed_run(address, runs_dir)
    model: SavedModel | None = None
    if record.is_baseline:
        _check_evaluable_baseline(record, files, best=best)
    else:
        model = select_saved_model(run, record, best=best)

    from dnn_cli.execution.evaluation import evaluate_file, evaluate_split, record_evaluation
    from dnn_cli.execution.test_reads import count_other_reads

    code_directory = get_code_directory(allow=allow_code)
    origin = _build_origin(record, files, overrides, best=best, resize=resize, force=force)
    with open_screen() as screen:
        if model is None:
            from dnn_cli.execution.baseline_evaluation import evaluate_baseline

            finished = evaluate_baseline(run, record, split_name or "test", overrides, screen, origin)
        elif split_name is None:
            finished = evaluate_file(run, record, model, files[0], screen, origin, code_directory, resize=resize)
        else:
            finished = evaluate_split(run, record, model, split_name, overrides, screen, origin, code_directory)
        earlier_evaluations = record_evaluation(run, finished.evaluation, origin, screen.report_line)
        test_reads = run.read_raw_record().test_reads
        other_reads = count_other_reads(Store(runs_dir), record.id, finished.evaluation)
    evaluation, result = finished.evaluation, finished.result
    if as_json:
        print_json(
            {
                "id": record.id,
                "name": record.name,
                "model": model.to_document() if model else None,
                "split": split_name or "file",
                "file": file,
                "digest": evaluation.examples_id if file else None,
                "examples": len(result),
                "scores": result.scores,
                "looked_before": len(earlier_evaluations),
                "test_reads": len(test_reads),
                "test_read_log": build_test_read_documents(test_reads),
                "test_reads_of_other_runs": other_reads._asdict(),
                "replaced_cells": [cells.to_document() for cells in finished.replaced_cells],
                **_build_details_document(finished.experiment, result),
            }
        )
        return
    headline = f"{record.name} {record.id} on {words.format_examples(evaluation)}: {format_scores(result.scores)}"
    get_output_console().print(replace_control_chars(headline))
    if model is not None:
        get_output_console().print(replace_control_chars(f"weights: {model.file_name}, {model.format_epoch()}"))
    if model is not None and (better_model := find_better_model(read_run_info(run), model)) is not None:
        get_notes_console().print(
            replace_control_chars(
                f"{better_model.file_name} contains {better_model.format_epoch()}; --best evaluates this model"
            )
        )
    for line in finished.warnings:
        get_notes_console().print(replace_control_chars(f"warning: {line}"))
    for line in (line for cells in finished.replaced_cells for line in cells.lines):
        get_notes_console().print(replace_control_chars(f"{file}: {line}"), soft_wrap=True)
    _print_details(finished.experiment, result)
    if evaluation.is_test_read:
        notes = format_test_read_notes(test_reads, other_reads)
    else:
        notes = [words.format_earlier_evaluations(earlier_evaluations, file)] if file and earlier_evaluations else []
    for note in notes:
        print_line(get_notes_console(), replace_control_chars(note))


def _build_origin(
    record: "Record", files: list[str], overrides: list[str], *, best: bool, resize: bool, force: bool
) -> "ReadOrigin":
    """Build the description of this command for the record of the run.

    Raises:
        UsageError: an override changes the limit of test reads.
    """
    from dnn_cli.execution.test_reads import ReadOrigin

    if limit := next((word for word in overrides if word.partition("=")[0] == "data.test_reads"), None):
        raise UsageError(f"{limit} cannot change the limit in the config of the run", f"omit {limit}, or use --force")
    options = [*(["--best"] if best else []), *(["--resize"] if resize else [])]
    return ReadOrigin(
        shlex.join(["dnn", "evaluate", *files, *options]),
        shlex.join(["dnn", "evaluate", record.id, *files, *overrides, *options, *record.code_options, "--force"]),
        force,
    )


def _check_evaluable_baseline(record: "Record", files: list[str], *, best: bool) -> None:
    """Check that the arguments of the command suit a baseline, which has no saved model.

    Raises:
        UsageError: a file or `--best` needs a saved model.
    """
    subject = f"{record.name} {record.id} is a baseline of scikit-learn, which has no saved model"
    if best:
        raise UsageError(f"{subject}, and no best.keras", "omit --best")
    if files:
        raise UsageError(
            f"{subject} to evaluate on {files[0]}", f"omit {files[0]}: dnn evaluate {record.id} --split validation"
        )


def _build_details_document(
    experiment: "Experiment", result: "EvaluationResult | OutOfFoldPredictions"
) -> dict[str, Any]:
    """Build the JSON document of the classification report or, for a regression, of the errors of each target."""
    from dataclasses import asdict

    from dnn_cli.metrics.classification import build_classification_report
    from dnn_cli.metrics.regression import compute_regression_errors
    from dnn_cli.report.evaluation_tables import build_class_report_document, list_target_names

    dataset_info = experiment.data.info
    if dataset_info.is_classification:
        return {
            "report": build_class_report_document(
                build_classification_report(
                    result.outputs, result.targets, dataset_info.classes, logits=experiment.loss.takes_logits
                )
            )
        }
    names = list_target_names(dataset_info.target, dataset_info.targets)
    return {
        "errors": [
            {"name": name, **asdict(target_errors)}
            for name, target_errors in zip(
                names, compute_regression_errors(result.outputs, result.targets), strict=True
            )
        ]
    }


def _print_details(experiment: "Experiment", result: "EvaluationResult | OutOfFoldPredictions") -> None:
    """Print the tables of the classification report or, for a regression, the errors of each target."""
    from dnn_cli.metrics.classification import build_classification_report
    from dnn_cli.metrics.regression import compute_regression_errors
    from dnn_cli.report import evaluation_tables as words

    out, dataset_info = get_output_console(), experiment.data.info
    out.print()
    if not dataset_info.is_classification:
        names = words.list_target_names(dataset_info.target, dataset_info.targets)
        target_errors = compute_regression_errors(result.outputs, result.targets)
        print_rich_table(out, words.build_error_table(target_errors, names))
        for line in words.format_error_notes(target_errors, names):
            out.print(replace_control_chars(line))
        return
    report = build_classification_report(
        result.outputs, result.targets, dataset_info.classes, logits=experiment.loss.takes_logits
    )
    for table, note in (words.build_class_table(report), words.build_confusion_table(report, out.width)):
        print_rich_table(out, table)
        out.print(replace_control_chars(note))
