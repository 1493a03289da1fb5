"""Evaluation of the final runs of a study on the test set, once each."""

from collections.abc import Sequence

from dnn_cli.execution.evaluation import evaluate_split, record_evaluation
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.reporters import Reporter
from dnn_cli.execution.test_reads import ReadOrigin, check_test_reads
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.saved_models import get_last_model


def evaluate_on_test_set(
    runs: Sequence[RunInfo], reporter: Reporter, origin: ReadOrigin, code_directory: str | None = None
) -> list[str]:
    """Evaluate the completed ones of some runs on the test set, record the scores, and return the ids of these runs.

    Runs that were evaluated on the test set before are left out, so that each run reads the test set once. If the limit
    of test reads of one run is reached, no run is evaluated.

    Args:
        runs: The runs.
        reporter: The object that shows the number of evaluated runs on a terminal.
        origin: The command that evaluates the runs.
        code_directory: The directory of custom layers; `None` without permission to run their code.

    Raises:
        UsageError: the data has no test set, or a test set was read as often as `data.test_reads` allows.
        DataError: the data cannot be read.
    """
    cache = ProcessCache()
    missing = [
        (run_info, run_info.record)
        for run_info in runs
        if run_info.record is not None
        and run_info.record.status == "completed"
        and run_info.record.find_test_evaluation() is None
    ]
    for run_info, _ in missing:
        check_test_reads(run_info.run, origin)
    for number, (run_info, record) in enumerate(missing, 1):
        model = get_last_model(run_info.with_details())
        with reporter.show_waiting(f"evaluating run {number} of {len(missing)} on the test set"):
            # The lines of each evaluation, such as the summary of the network, would hide the progress.
            finished = evaluate_split(
                run_info.run, record, model, "test", [], Reporter(), origin, code_directory, cache
            )
        record_evaluation(run_info.run, finished.evaluation, origin, reporter.report_line)
    return [record.id for _, record in missing]
