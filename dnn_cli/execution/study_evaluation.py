"""Evaluation of several runs on the test set, once each: of a study, a sweep or a group of seeds."""

from collections.abc import Sequence

from dnn_cli.errors import UsageError
from dnn_cli.execution.evaluation import FinishedEvaluation, evaluate_split, record_evaluation
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.test_reads import ReadOrigin, check_test_reads
from dnn_cli.runs.evaluations import BEST_MODEL_PREFIX, get_weights_file
from dnn_cli.runs.record import Record
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.saved_models import SavedModel, find_best_model, get_last_model


def evaluate_on_test_set(
    runs: Sequence[RunInfo],
    reporter: Reporter,
    origin: ReadOrigin,
    code_directory: str | None = None,
    overrides: Sequence[str] = (),
    *,
    best: bool = False,
) -> list[str]:
    """Evaluate the completed ones of some runs on the test set, record the scores, and return the ids of these runs.

    Runs that were evaluated on the test set before are left out, so that each run reads the test set once. If the limit
    of test reads of one run is reached, no run is evaluated.

    Args:
        runs: The runs.
        reporter: The object that shows the number of evaluated runs on a terminal.
        origin: The command that evaluates the runs.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        overrides: Changes of the configs of the runs, such as `data.path=…` for moved data.
        best: Whether `best.keras` is evaluated, not `model.keras`. Baselines have neither file.

    Raises:
        UsageError: the data has no test set, a test set was read as often as `data.test_reads` allows, or a run has no
            `best.keras`.
        DataError: the data cannot be read.
    """
    cache, file_name = ProcessCache(), get_weights_file(BEST_MODEL_PREFIX if best else "")
    missing = [
        (run_info, run_info.record)
        for run_info in runs
        if run_info.record is not None
        and run_info.record.status == "completed"
        and run_info.record.find_test_evaluation(file_name) is None
    ]
    for run_info, _ in missing:
        check_test_reads(run_info.run, origin)
    if best:
        for run_info, _ in missing:
            _get_best_model(run_info)
    for number, (run_info, record) in enumerate(missing, 1):
        with reporter.show_waiting(f"evaluating run {number} of {len(missing)} on the test set"):
            finished = _evaluate_run(run_info, record, list(overrides), origin, code_directory, cache, best=best)
        record_evaluation(run_info.run, finished.evaluation, origin, reporter.report_line)
    return [record.id for _, record in missing]


def _evaluate_run(
    run_info: RunInfo,
    record: Record,
    overrides: list[str],
    origin: ReadOrigin,
    code_directory: str | None,
    cache: ProcessCache,
    *,
    best: bool,
) -> FinishedEvaluation:
    """Evaluate one run on the test set, without output. The arguments are those of `evaluate_on_test_set`."""
    # The lines of each evaluation, such as the summary of the network, would hide the progress.
    reporter = Reporter()
    if record.is_baseline:
        from dnn_cli.execution.baseline_evaluation import evaluate_baseline

        return evaluate_baseline(run_info.run, record, "test", overrides, reporter, origin)
    model = _get_best_model(run_info) if best else get_last_model(run_info.with_details())
    return evaluate_split(run_info.run, record, model, "test", overrides, reporter, origin, code_directory, cache)


def _get_best_model(run_info: RunInfo) -> SavedModel:
    """Return the saved model `best.keras` of a run.

    Raises:
        UsageError: the run has no such file.
    """
    model = find_best_model(run_info.with_details())
    if model is None:
        raise UsageError(f"{run_info.run.directory} has no best.keras", "omit --best")
    return model
