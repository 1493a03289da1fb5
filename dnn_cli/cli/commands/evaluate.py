"""Command `dnn evaluate`: scores of a saved model on a split or a file, overall and for each class."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dnn_cli.cli.calibration_output import compute_evaluated_calibration, draw_reliability, print_calibration
from dnn_cli.cli.completers import build_fixed_completer, complete_run_then_keys
from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.evaluation_origin import build_evaluation_origin
from dnn_cli.cli.fold_output import build_fold_documents, find_several_runs, print_fold_evaluations
from dnn_cli.cli.group_evaluation_output import evaluate_group
from dnn_cli.cli.imbalance_output import compute_imbalance
from dnn_cli.cli.options import AllowCodeOption, HeldOutSplit, JsonOption, RunsDirOption, get_code_directory
from dnn_cli.cli.picture_files import check_picture_path
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
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.execution.test_reads import ReadOrigin
    from dnn_cli.metrics.evaluation_result import EvaluationResult
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel


class _ThresholdCriterion(str, Enum):
    """Value of `--threshold`: the score that the threshold maximizes, or its removal."""

    f1 = "f1"
    balanced_accuracy = "balanced_accuracy"
    off = "off"


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|FILE|KEY=VALUE",
            autocompletion=complete_run_then_keys,
            help="A run, then a table, .npz, X.npy or image directory with targets, or data.path=… for moved data. "
            "Or several runs or folds, such as sweep:ID. Or study:ID.",
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
    as_markdown: Annotated[bool, typer.Option("--md", help="Print the scores as a Markdown table.")] = False,
    temperature: Annotated[
        bool | None,
        typer.Option(
            "--temperature/--no-temperature",
            help="Fit a temperature on the validation set and store it with the run, or remove it.",
        ),
    ] = None,
    threshold: Annotated[
        _ThresholdCriterion | None,
        typer.Option(
            metavar="SCORE",
            autocompletion=build_fixed_completer("f1", "balanced_accuracy", "off"),
            help="Choose the threshold of two classes with the best f1 or balanced_accuracy on the validation set, and "
            "store it with the run; off removes it.",
        ),
    ] = None,
    reliability: Annotated[
        bool, typer.Option("--reliability", help="Draw the reliability diagram: accuracy over confidence.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="With --reliability, write a .svg, .png or .pdf file."),
    ] = None,
) -> None:
    """Evaluate networks on the test set or a file, or several folds.

    The command prints scores with 95% intervals, and results for each class or, for a regression, errors. Other
    commands do not read the test set. Of several runs, such as sweep:ID, each is evaluated once, and mean scores have
    intervals over seeds. For folds, it prints mean scores and the joined validation predictions. For study:ID, it
    evaluates the final runs with tuned settings, once each.

    The calibration compares probabilities with shares of correct predictions. --temperature and --threshold are chosen
    on the validation set, never on the test set, and dnn predict uses both.

    Later, dnn runs show RUN prints the scores of a run. dnn runs --columns test_accuracy lists the scores of all runs;
    best.test_accuracy lists the scores of evaluations with --best.
    """
    from dnn_cli.report import evaluation_tables as words
    from dnn_cli.report.runs_table import format_scores
    from dnn_cli.report.score_tables import build_interval_documents, build_score_cells
    from dnn_cli.report.test_read_text import build_test_read_documents, format_test_read_notes
    from dnn_cli.runs.address import parse_run_id
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.saved_models import find_better_model
    from dnn_cli.runs.store import Store
    from dnn_cli.terminal.console_builder import print_line
    from dnn_cli.terminal.progress import open_screen

    if as_json and as_markdown:
        raise UsageError("--json and --md exclude each other", "use one of them")
    if output is not None:
        if not reliability:
            raise UsageError("-o applies only to --reliability", "add --reliability, or omit -o")
        check_picture_path(output, force=None)
    addresses, overrides = split_addresses_and_overrides(arguments)
    given_options = [
        name
        for name, is_given in (
            ("--best", best),
            ("--resize", resize),
            ("--split validation", split == "validation"),
            ("--md", as_markdown),
            ("--temperature", temperature is not None),
            ("--threshold", threshold is not None),
            ("--reliability", reliability),
        )
        if is_given
    ]
    if is_study_address(addresses):
        option = next(iter(given_options), "")
        evaluate_study(
            addresses, next(iter(overrides), option), runs_dir, get_code_directory(allow=allow_code), force=force,
            as_json=as_json,
        )  # fmt: skip
        return
    several_runs = find_several_runs(addresses, runs_dir)
    if several_runs and several_runs[0].details.fold is None:
        if option := next((name for name in given_options if name not in ("--best", "--md")), ""):
            raise UsageError(
                f"{option} and several runs cannot be combined",
                f"omit {option}, or name one run; dnn compare compares validation scores",
            )
        evaluate_group(
            several_runs, addresses, overrides, runs_dir, get_code_directory(allow=allow_code),
            best=best, force=force, as_json=as_json, as_markdown=as_markdown,
        )  # fmt: skip
        return
    if several_runs and split is HeldOutSplit.test:
        example = f"for example: dnn evaluate {parse_run_id(several_runs[0].run)} --split test"
        raise UsageError(f"--split test evaluates one run, not {len(several_runs)} folds", example)
    if several_runs:
        if extra := next(
            iter(overrides), "--best" if best else "--resize" if resize else "--md" if as_markdown else ""
        ):
            raise UsageError(f"{extra} and several folds cannot be combined", f"omit {extra}, or name one run")
        if as_json:
            print_json({"cross_validations": build_fold_documents(several_runs, _build_details_document)})
        else:
            print_fold_evaluations(several_runs, _print_details)
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
    adjustment_options = [name for name in given_options if name in ("--temperature", "--threshold")]
    if files and adjustment_options:
        option = adjustment_options[0]
        raise UsageError(
            f"{option} is chosen on the validation set, not on {files[0]}",
            f"omit {files[0]}, and evaluate it afterwards",
        )
    run, record = resolve_completed_run(address, runs_dir)
    model: SavedModel | None = None
    if record.is_baseline:
        _check_evaluable_baseline(record, files, best=best)
        if adjustment_options:
            raise UsageError(
                f"{record.name} {record.id} is a baseline of scikit-learn, which has no saved model for predictions",
                f"omit {adjustment_options[0]}",
            )
    else:
        model = select_saved_model(run, record, best=best)

    from dnn_cli.execution.evaluation import evaluate_file, evaluate_split, record_evaluation
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.test_reads import count_other_reads

    code_directory = get_code_directory(allow=allow_code)
    options = _list_recorded_options(best=best, resize=resize, temperature=temperature, threshold=threshold)
    origin = build_evaluation_origin(files, [record.id, *files], overrides, options, record.code_options, force=force)
    if probability_options := [name for name in given_options if name in _PROBABILITY_OPTIONS]:
        _check_probability_options(run, record, probability_options)
    cache = ProcessCache()
    with open_screen() as screen:
        if model is not None and adjustment_options:
            _update_adjustment(
                run, record, model, overrides, screen, origin, code_directory, cache,
                is_test=split_name == "test", temperature=temperature, threshold=threshold,
            )  # fmt: skip
            record = run.read_record()
        if model is None:
            from dnn_cli.execution.baseline_evaluation import evaluate_baseline

            finished = evaluate_baseline(run, record, split_name or "test", overrides, screen, origin)
        elif split_name is None:
            finished = evaluate_file(run, record, model, files[0], screen, origin, code_directory, resize=resize)
        else:
            finished = evaluate_split(run, record, model, split_name, overrides, screen, origin, code_directory, cache)
        earlier_evaluations = record_evaluation(run, finished.evaluation, origin, screen.report_line)
        test_reads = run.read_raw_record().test_reads
        other_reads = count_other_reads(Store(runs_dir), record.id, finished.evaluation)
    evaluation, result = finished.evaluation, finished.result
    file_name = model.file_name if model else "model.keras"
    calibration = compute_evaluated_calibration(
        finished.experiment, result, record.find_temperature(file_name), record.find_threshold(file_name)
    )
    imbalance = compute_imbalance(finished.experiment, result)
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
                "intervals": build_interval_documents(result.scores, finished.intervals),
                "looked_before": len(earlier_evaluations),
                "test_reads": len(test_reads),
                "test_read_log": build_test_read_documents(test_reads),
                "test_reads_of_other_runs": other_reads._asdict(),
                "replaced_cells": [cells.to_document() for cells in finished.replaced_cells],
                **(calibration.to_document() if calibration else {}),
                "imbalance": imbalance.to_document() if imbalance else None,
                **_build_details_document(finished.experiment, result),
            }
        )
        return
    score_cells = build_score_cells(result.scores, finished.intervals, imbalance.scores if imbalance else None)
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
    get_output_console().print()
    if as_markdown:
        get_output_console().print(score_cells.to_markdown(), end="", soft_wrap=True)
    else:
        print_rich_table(get_output_console(), score_cells.build_fitting_table(get_output_console().width))
        if calibration is not None:
            print_calibration(calibration)
        _print_details(finished.experiment, result)
    if imbalance is not None and (caveat := imbalance.format_caveat()):
        get_notes_console().print(replace_control_chars(f"! {caveat}"))
    if calibration is not None and reliability:
        draw_reliability(calibration, words.format_examples(evaluation), output)
    if evaluation.is_test_read:
        notes = format_test_read_notes(test_reads, other_reads)
    else:
        notes = [words.format_earlier_evaluations(earlier_evaluations, file)] if file and earlier_evaluations else []
    for note in notes:
        print_line(get_notes_console(), replace_control_chars(note))


_PROBABILITY_OPTIONS = ("--temperature", "--threshold", "--reliability")
"""Options that need probabilities of classes."""


def _check_probability_options(run: "Run", record: "Record", options: list[str]) -> None:
    """Check that a model predicts the probabilities that options need, before the test set is read.

    Raises:
        UsageError: the task is a regression, or the outputs are not probabilities.
    """
    from dnn_cli.data.run_context import load_run_context
    from dnn_cli.execution.adjustment_fitting import check_probability_outputs

    experiment = load_run_context(run, record).experiment
    for option in options:
        check_probability_outputs(experiment, option)


def _list_recorded_options(
    *, best: bool, resize: bool, temperature: bool | None, threshold: _ThresholdCriterion | None
) -> list[str]:
    """Return the options of the command that `run.json` records with a test read."""
    switches = {
        "--best": best,
        "--resize": resize,
        "--temperature": temperature,
        "--no-temperature": temperature is False,
    }
    options = [name for name, is_given in switches.items() if is_given]
    return options if threshold is None else [*options, "--threshold", threshold.value]


def _update_adjustment(
    run: "Run",
    record: "Record",
    model: "SavedModel",
    overrides: list[str],
    screen: "Reporter",
    origin: "ReadOrigin",
    code_directory: str | None,
    cache: "ProcessCache",
    *,
    is_test: bool,
    temperature: bool | None,
    threshold: _ThresholdCriterion | None,
) -> None:
    """Fit or remove the temperature and the threshold of a run, as the options of the command request.

    With `is_test`, the test set is evaluated afterwards. The record stays unchanged if this evaluation is impossible.

    Raises:
        UsageError: no temperature fits, the data has no test set, or it was read as often as `data.test_reads` allows.
        RunError: the run has no validation examples, or the record cannot be written.
    """
    from dnn_cli.config.loading import load_experiment
    from dnn_cli.execution import adjustment_fitting
    from dnn_cli.execution.evaluation import check_test_set

    if is_test:
        check_test_set(run, load_experiment(str(run.config), overrides).experiment.data, origin)
    criterion = threshold.value if threshold is not None and threshold is not _ThresholdCriterion.off else None
    if temperature or criterion:
        adjustment_fitting.fit_adjustment(
            run, record, model, overrides, screen, origin, code_directory, cache,
            temperature=bool(temperature), criterion=criterion,
        )  # fmt: skip
    if temperature is False:
        adjustment_fitting.store_temperature(run, model.file_name, None)
    if threshold is _ThresholdCriterion.off:
        adjustment_fitting.store_threshold(run, model.file_name, None)


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
    from dnn_cli.metrics.error_intervals import compute_error_intervals
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
    errors = compute_regression_errors(result.outputs, result.targets)
    intervals = compute_error_intervals(result.outputs, result.targets)
    return {
        "errors": [
            {"name": name, **asdict(target_errors), "intervals": asdict(target_intervals)}
            for name, target_errors, target_intervals in zip(names, errors, intervals, strict=True)
        ]
    }


def _print_details(experiment: "Experiment", result: "EvaluationResult | OutOfFoldPredictions") -> None:
    """Print the tables of the classification report or, for a regression, the errors of each target."""
    from dnn_cli.metrics.classification import build_classification_report
    from dnn_cli.metrics.error_intervals import compute_error_intervals
    from dnn_cli.metrics.regression import compute_regression_errors
    from dnn_cli.report import evaluation_tables as words

    out, dataset_info = get_output_console(), experiment.data.info
    out.print()
    if not dataset_info.is_classification:
        names = words.list_target_names(dataset_info.target, dataset_info.targets)
        target_errors = compute_regression_errors(result.outputs, result.targets)
        intervals = compute_error_intervals(result.outputs, result.targets)
        print_rich_table(out, words.build_error_table(target_errors, intervals, names))
        for line in words.format_error_notes(target_errors, names):
            out.print(replace_control_chars(line))
        return
    report = build_classification_report(
        result.outputs, result.targets, dataset_info.classes, logits=experiment.loss.takes_logits
    )
    for table, note in (words.build_class_table(report, out.width), words.build_confusion_table(report, out.width)):
        print_rich_table(out, table)
        out.print(replace_control_chars(note))
