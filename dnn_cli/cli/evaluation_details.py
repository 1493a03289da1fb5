"""Details of a finished evaluation in `dnn evaluate`: scores of classes, or errors of a regression."""

from typing import TYPE_CHECKING, Any

from dnn_cli.cli.console import get_output_console, print_rich_table
from dnn_cli.report.text import replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.compare.out_of_fold import OutOfFoldPredictions
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.metrics.evaluation_result import EvaluationResult


def build_details_document(
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


def print_details(experiment: "Experiment", result: "EvaluationResult | OutOfFoldPredictions") -> None:
    """Print the tables of the classification report or, for a regression, the errors of each target."""
    from dnn_cli.metrics.classification import build_classification_report
    from dnn_cli.metrics.error_intervals import compute_error_intervals
    from dnn_cli.metrics.regression import compute_regression_errors
    from dnn_cli.report import evaluation_tables as words

    out, dataset_info = get_output_console(), experiment.data.info
    if not dataset_info.is_classification:
        out.print()
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
        out.print()
        print_rich_table(out, table)
        out.print(replace_control_chars(note))
