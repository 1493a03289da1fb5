"""Command `dnn evaluate`: scores of a saved model on a split or a file, overall and for each class."""

import os
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from dnn_cli.cli.console import get_notes_console, get_output_console, print_json, print_rich_table
from dnn_cli.cli.options import JsonOption, RunsDirOption
from dnn_cli.cli.run_selection import BestOption, resolve_saved_model, split_addresses_and_overrides
from dnn_cli.errors import RunError, UsageError
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.config.data import Data
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.runs.record import Evaluation, FileEvaluation, Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel
    from dnn_cli.terminal.progress import ScreenReporter
    from dnn_cli.training.inference import EvaluationResult


class _EvaluatedSplit(str, Enum):
    """Value of `--split`: the examples of the run's data on which a saved model is evaluated."""

    test = "test"
    validation = "validation"


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|FILE|KEY=VALUE",
            help="A run, then a .csv, .npz or image directory with targets, or data.path=… for moved data.",
        ),
    ],
    split: Annotated[
        _EvaluatedSplit | None,
        typer.Option(metavar="SPLIT", help="Split to evaluate: test or validation. Default: test."),
    ] = None,
    best: BestOption = False,
    resize: Annotated[bool, typer.Option("--resize", help="Resize images to the size of the training images.")] = False,
    runs_dir: RunsDirOption = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """Evaluate a trained network on its test set or on a file.

    The command prints scores, and results for each class or, for a regression, errors. Other commands do not read the
    test set.

    Later, dnn runs show RUN prints the scores of a run. dnn runs --columns test_accuracy lists the scores of all runs;
    best.test_accuracy lists the scores of evaluations with --best.
    """
    from dnn_cli.report import evaluation_tables as words
    from dnn_cli.report.runs_table import format_scores
    from dnn_cli.terminal.progress import open_screen

    (address, *files), overrides = split_addresses_and_overrides(arguments)
    if len(files) > 1:
        raise UsageError("evaluate accepts one run and at most one file", "for example: dnn evaluate @1 new.csv")
    file = files[0] if files else None
    split_name: Literal["test", "validation"] | None = None if files else (split or _EvaluatedSplit.test).value
    if files and (overrides or split):
        extra = overrides[0] if overrides else "--split"
        raise UsageError(
            f"{extra} and a file cannot be combined: the file is prepared like the training data", f"omit {extra}"
        )
    if resize and not files:
        raise UsageError("--resize applies only to the images of a FILE", "omit --resize")
    run, record, model = resolve_saved_model(address, runs_dir, best=best)
    with open_screen() as screen:
        if split_name is None:
            finished = _evaluate_file(run, record, model, files[0], screen, resize=resize)
        else:
            finished = _evaluate_split(run, record, model, split_name, overrides, screen)
        earlier_evaluations = _record_evaluation(run, finished.evaluation, screen.report_line)
    evaluation, result = finished.evaluation, finished.result
    if as_json:
        print_json(
            {
                "id": record.id,
                "name": record.name,
                "model": model.to_document(),
                "split": split_name or "file",
                "file": file,
                "digest": evaluation.examples_id if file else None,
                "examples": len(result),
                "scores": result.scores,
                "looked_before": len(earlier_evaluations),
                **_build_details_document(finished.experiment, result),
            }
        )
        return
    headline = f"{record.name} {record.id} on {words.format_examples(evaluation)}: {format_scores(result.scores)}"
    get_output_console().print(replace_control_chars(headline))
    get_output_console().print(replace_control_chars(f"weights: {model.file_name}, {model.format_epoch()}"))
    if (better_model := _find_better_model(run, model)) is not None:
        get_notes_console().print(
            replace_control_chars(
                f"{better_model.file_name} contains {better_model.format_epoch()}; --best evaluates this model"
            )
        )
    for line in finished.warnings:
        get_notes_console().print(replace_control_chars(f"warning: {line}"))
    _print_details(finished.experiment, result)
    if split_name != "validation" and (note := words.format_earlier_evaluations(earlier_evaluations, file)):
        get_notes_console().print(replace_control_chars(note))


class _FinishedEvaluation(NamedTuple):
    """Finished evaluation of a saved model: the experiment of the run, outputs and scores, and warnings."""

    experiment: "Experiment"
    result: "EvaluationResult"
    evaluation: "Evaluation | FileEvaluation"
    """Evaluation as it is stored in the run record (`run.json`)."""

    warnings: Sequence[str] = ()


def _evaluate_split(
    run: "Run", record: "Record", model: "SavedModel", split: Literal["test", "validation"], overrides: list[str],
    screen: "ScreenReporter",
) -> _FinishedEvaluation:  # fmt: skip
    """Evaluate a saved model on the test or validation split of the run's data.

    `overrides` changes the config of the run, such as `data.path=…` for moved data.

    Raises:
        UsageError: the data has no test set.
    """
    from dnn_cli.config.loading import load_experiment
    from dnn_cli.execution.preparation import prepare_training
    from dnn_cli.runs.record import Evaluation, get_utc_now

    loaded = load_experiment(str(run.config), overrides, to_train=True)
    data = loaded.experiment.data
    if split == "test" and not data.test_examples:
        raise UsageError(
            f"{data.title} has no test set",
            "use dnn evaluate RUN FILE, or train with data.test_size=0.2",
        )
    with prepare_training(loaded, screen, record.epochs) as (job, progress, *_):
        from dnn_cli.data.run_context import check_same_data, check_same_split
        from dnn_cli.training.inference import evaluate_split as work

        progress(f"evaluating on the {split} set")
        check_same_data(record, job.examples)
        check_same_split(record, job.split)
        result = work(job, model.path, split)
    evaluation = Evaluation(
        at=get_utc_now(),
        split=split,
        examples=len(result),
        scores=result.scores,
        model=model.file_name,
        epoch=model.epoch,
    )
    return _FinishedEvaluation(loaded.experiment, result, evaluation)


def _evaluate_file(
    run: "Run", record: "Record", model: "SavedModel", file: str, screen: "ScreenReporter", *, resize: bool
) -> _FinishedEvaluation:
    """Evaluate a saved model on the labelled examples in a file or directory.

    With `resize`, images are resized to the size of the training images.
    """
    from dnn_cli.data.examples import Examples
    from dnn_cli.data.input_statistics import describe_unusual_inputs, find_white_value
    from dnn_cli.data.run_context import load_run_context
    from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
    from dnn_cli.formats.prediction_inputs import InputSpec
    from dnn_cli.host.output_redirect import redirect_output
    from dnn_cli.report.evaluation_tables import format_unlike_inputs
    from dnn_cli.runs.record import FileEvaluation, get_utc_now
    from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

    with screen.show_waiting(f"reading {file}"):
        run_context = load_run_context(run, record)
        dataset_info, data = run_context.input_profile.dataset_info, run_context.experiment.data
        resize = resize or (data.dataset == "image_folder" and data.image_size is not None)
        input_spec = InputSpec(
            dataset_info.input_shape, dataset_info.features, find_white_value(run_context.input_profile), resize
        )
        target_spec = TargetSpec(dataset_info.classes, dataset_info.targets, data.target or dataset_info.target)
        arrays = read_evaluation_examples(file, input_spec, target_spec)
    with screen.show_waiting("starting TensorFlow"), redirect_output():
        with import_tensorflow_in_background() as wait:
            input_warnings = describe_unusual_inputs(arrays.inputs, run_context.input_profile)
            wait()
        from dnn_cli.training.inference import evaluate_examples as work

        examples = Examples(arrays.inputs, arrays.targets)
        result = work(model.path, run_context, examples, int(record.data.get("train") or len(examples)))
    evaluation = FileEvaluation(
        at=get_utc_now(), file=file, digest=examples.compute_fingerprint(), examples=len(result), scores=result.scores,
        model=model.file_name, epoch=model.epoch,
    )  # fmt: skip
    return _FinishedEvaluation(
        run_context.experiment,
        result,
        evaluation,
        [*_list_training_data_warnings(file, data), *format_unlike_inputs(input_warnings)],
    )


def _list_training_data_warnings(file: str, data: "Data") -> list[str]:
    """Return a warning if the evaluated file is the training or validation data of the run; otherwise an empty list."""
    training_paths = {"training": data.path, "validation": data.validation_path}
    matching_kinds = [
        kind for kind, path in training_paths.items() if path and os.path.realpath(path) == os.path.realpath(file)
    ]
    return [
        f"{file} contains the {kind} examples of this run, so the scores are not valid for new examples"
        for kind in matching_kinds
    ]


def _find_better_model(run: "Run", model: "SavedModel") -> "SavedModel | None":
    """Return the best model of a run if it comes from another epoch than the evaluated model.

    Otherwise, or if the run has no best model, return `None`.
    """
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.saved_models import find_best_model

    best = find_best_model(read_run_info(run))
    return best if best is not None and model.weights_kind != "best" and best.epoch != model.epoch else None


def _build_details_document(experiment: "Experiment", result: "EvaluationResult") -> dict[str, Any]:
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


def _print_details(experiment: "Experiment", result: "EvaluationResult") -> None:
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


def _record_evaluation(
    run: "Run", evaluation: "Evaluation | FileEvaluation", report_line: "Callable[[str], None]"
) -> "list[Evaluation | FileEvaluation]":
    """Add an evaluation to the run record, and return the earlier evaluations on the same examples.

    If the record cannot be written, pass the reason to `report_line`.
    """
    from dnn_cli.runs.record import FileEvaluation

    record, field = run.read_raw_record(), "evaluated_files" if isinstance(evaluation, FileEvaluation) else "evaluated"
    try:
        with run.hold_lock():
            record = run.read_raw_record()
            run.write_record(record.model_copy(update={field: (*getattr(record, field), evaluation)}))
    except RunError as error:
        report_line(f"the evaluation is not recorded: {error.message}")
    return [earlier for earlier in getattr(record, field) if earlier.examples_id == evaluation.examples_id]
