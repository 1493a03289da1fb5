"""Evaluation of a saved model on a split of its run's data or on a file, and its entry in the run record."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from dnn_cli.config.custom_code import check_code_permission
from dnn_cli.config.data import Data
from dnn_cli.config.experiment import Experiment
from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import Examples
from dnn_cli.data.input_statistics import describe_unusual_inputs
from dnn_cli.data.integer_inputs import check_integer_inputs
from dnn_cli.data.run_context import check_same_data, check_same_split, load_run_context
from dnn_cli.errors import RunError, UsageError, UserDataError
from dnn_cli.execution.preparation import ProcessCache, import_layers_of_user, prepare_training
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.test_reads import (
    ReadOrigin,
    build_limit_error,
    check_test_reads,
    get_test_read_limit,
    has_reached_limit,
    has_test_set,
)
from dnn_cli.formats.evaluation_examples import TargetSpec, read_evaluation_examples
from dnn_cli.formats.replaced_cells import ReplacedCells
from dnn_cli.host.output_redirect import redirect_output
from dnn_cli.metrics.score_intervals import ScoreInterval, compute_score_intervals, to_recorded_intervals
from dnn_cli.report.prediction_tables import format_unlike_inputs
from dnn_cli.runs.evaluations import Evaluation, FileEvaluation
from dnn_cli.runs.record import Record, get_utc_now
from dnn_cli.runs.run import Run
from dnn_cli.runs.saved_models import SavedModel
from dnn_cli.training.tensorflow_startup import import_tensorflow_in_background

if TYPE_CHECKING:
    from dnn_cli.metrics.evaluation_result import EvaluationResult


class FinishedEvaluation(NamedTuple):
    """Finished evaluation of a saved model: the experiment of the run, outputs and scores, and warnings."""

    experiment: Experiment
    result: "EvaluationResult"
    evaluation: Evaluation | FileEvaluation
    """Evaluation as it is stored in the run record (`run.json`)."""

    warnings: Sequence[str] = ()
    replaced_cells: Sequence[ReplacedCells] = ()
    """Missing cells and unknown categories of an evaluated file with typed columns."""

    intervals: Mapping[str, ScoreInterval] = MappingProxyType({})
    """95% intervals of the scores by name; a score can lack an interval."""


def evaluate_split(
    run: Run, record: Record, model: SavedModel, split: Literal["test", "validation"], overrides: list[str],
    reporter: Reporter, origin: ReadOrigin, code_directory: str | None = None, cache: ProcessCache | None = None,
) -> FinishedEvaluation:  # fmt: skip
    """Evaluate a saved model on the test or validation split of the run's data.

    `overrides` changes the config of the run, such as `data.path=…` for moved data. `origin` is the command that
    evaluates the model. `code_directory` is the directory of custom layers; `None` without permission to run their
    code. `cache` keeps the data between evaluations of several runs.

    Raises:
        UsageError: the data has no test set, or the test set was read as often as `data.test_reads` allows.
    """
    loaded = replace(load_experiment(str(run.config), overrides, to_train=True), code_directory=code_directory)
    if split == "test":
        check_test_set(run, loaded.experiment.data, origin)
    with prepare_training(loaded, reporter, record.epochs, cache, trains=False) as (job, progress, *_):
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
        intervals=to_recorded_intervals(intervals := compute_score_intervals(loaded.experiment, result)),
        model=model.file_name,
        epoch=model.epoch,
        digest=result.digest,
    )
    return FinishedEvaluation(loaded.experiment, result, evaluation, intervals=intervals)


def check_test_set(run: Run, data: Data, origin: ReadOrigin) -> None:
    """Check that the data of a run has a test set, and that a command may read the test set once more.

    Raises:
        UsageError: the data has no test set, or the test set was read as often as `data.test_reads` allows.
    """
    if not data.test_examples:
        raise UsageError(
            f"{data.title} has no test set",
            "use --split validation, dnn evaluate RUN FILE, or train with data.test_size=0.2",
        )
    check_test_reads(run, origin)


def evaluate_file(
    run: Run, record: Record, model: SavedModel, file: str, reporter: Reporter, origin: ReadOrigin,
    code_directory: str | None = None, *, resize: bool,
) -> FinishedEvaluation:  # fmt: skip
    """Evaluate a saved model on the labelled examples in a file or directory.

    With `resize`, images are resized to the size of the training images. `origin` is the command that evaluates the
    model. `code_directory` is the directory of custom layers; `None` without permission to run their code.

    Raises:
        UserDataError: the file cannot be read, or does not fit the training data.
        UsageError: the file has the test set of the run, which was read as often as `data.test_reads` allows.
    """
    with reporter.show_waiting(f"reading {file}"):
        run_context = load_run_context(run, record)
        check_code_permission(run_context.experiment, code_directory)
        dataset_info, data = run_context.input_profile.dataset_info, run_context.experiment.data
        resize = resize or (data.dataset == "image_folder" and data.image_size is not None)
        input_spec = run_context.build_input_spec(resize=resize)
        target_spec = TargetSpec(dataset_info.classes, dataset_info.targets, data.target or dataset_info.target)
        arrays = read_evaluation_examples(file, input_spec, target_spec)
        check_integer_inputs(run_context.experiment, arrays.inputs, file, is_trained=True)
        examples = Examples(arrays.inputs, arrays.targets)
        digest, is_test_set = examples.compute_evaluation_digest(), has_test_set(data, file, len(examples))
        is_test_read = is_test_set or digest in {item.digest for item in run.read_raw_record().test_reads}
        if is_test_read:
            check_test_reads(run, origin)
    with reporter.show_waiting("starting TensorFlow"), redirect_output():
        with import_tensorflow_in_background() as wait:
            input_warnings = describe_unusual_inputs(arrays.inputs, run_context.input_profile)
            wait()
        from dnn_cli.training.inference import evaluate_examples as work

        import_layers_of_user(run_context.experiment, code_directory, reporter)
        result = work(model.path, run_context, examples, int(record.data.get("train") or len(examples)))
    intervals = compute_score_intervals(run_context.experiment, result)
    evaluation = FileEvaluation(
        at=get_utc_now(), file=file, digest=digest, examples=len(result), scores=result.scores,
        intervals=to_recorded_intervals(intervals), model=model.file_name, epoch=model.epoch, is_test_read=is_test_read,
    )  # fmt: skip
    return FinishedEvaluation(
        run_context.experiment,
        result,
        evaluation,
        [*_list_training_data_warnings(file, data), *format_unlike_inputs(input_warnings)],
        arrays.replaced_cells,
        intervals,
    )


def _list_training_data_warnings(file: str, data: Data) -> list[str]:
    """Return a warning if the evaluated file is the training or validation data of the run; otherwise an empty list."""
    training_paths = {"training": data.path, "validation": data.validation_path}
    # The data of the training may have been moved.
    with suppress(UserDataError):
        training_paths = {"training": data.get_split_path("train"), "validation": data.get_split_path("validation")}
    matching_kinds = [
        kind for kind, path in training_paths.items() if path and os.path.realpath(path) == os.path.realpath(file)
    ]
    return [
        f"{file} contains the {kind} examples of this run, so the scores are not valid for new examples"
        for kind in matching_kinds
    ]


def record_evaluation(
    run: Run, evaluation: Evaluation | FileEvaluation, origin: ReadOrigin, report_line: Callable[[str], None]
) -> list[Evaluation | FileEvaluation]:
    """Add an evaluation and its command to the run record, and return the earlier evaluations on the same examples.

    If the record cannot be written, pass the reason to `report_line`. A test read of a run with `data.test_reads` must
    be recorded before its scores are printed.

    Raises:
        UsageError: since the beginning of the evaluation, other commands have reached the limit of test reads.
        RunError: a test read of a run with a limit cannot be recorded.
    """
    record, field = run.read_raw_record(), "evaluated_files" if isinstance(evaluation, FileEvaluation) else "evaluated"
    try:
        with run.hold_lock():
            record = run.read_raw_record()
            forced = evaluation.is_test_read and has_reached_limit(run, record)
            if forced and not origin.force:
                raise build_limit_error(run, record, origin)
            evaluation = evaluation.model_copy(update={"command": origin.command, "forced": forced})
            run.write_record(record.model_copy(update={field: (*getattr(record, field), evaluation)}))
    except RunError as error:
        message = f"the evaluation is not recorded: {error.message}"
        if evaluation.is_test_read and get_test_read_limit(run) is not None:
            raise RunError(f"{message}; data.test_reads requires a record", error.suggestion) from None
        report_line(message)
    return [earlier for earlier in getattr(record, field) if earlier.examples_id == evaluation.examples_id]
