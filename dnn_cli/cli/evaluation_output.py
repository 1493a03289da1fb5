"""Output of a finished evaluation of one run in `dnn evaluate`: text, Markdown or JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.cli.calibration_output import compute_evaluated_calibration, draw_reliability, print_calibration
from dnn_cli.cli.console import get_notes_console, get_output_console, print_rich_table
from dnn_cli.cli.evaluation_details import build_details_document, print_details
from dnn_cli.cli.imbalance_output import compute_imbalance
from dnn_cli.report.text import replace_control_chars
from dnn_cli.terminal.console_builder import print_line

if TYPE_CHECKING:
    from dnn_cli.cli.calibration_output import EvaluatedCalibration
    from dnn_cli.cli.imbalance_output import EvaluatedImbalance
    from dnn_cli.execution.evaluation import FinishedEvaluation
    from dnn_cli.report.test_read_text import OtherReads
    from dnn_cli.runs.evaluations import Evaluation, FileEvaluation
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel


@dataclass(frozen=True)
class EvaluationOutput:
    """Finished evaluation of one run, with everything that its output needs."""

    run: "Run"
    record: "Record"
    """Record of the run with its temperature and threshold, before the evaluation."""

    model: "SavedModel | None"
    """Evaluated model; `None` for a baseline."""

    finished: "FinishedEvaluation"
    earlier: "Sequence[Evaluation | FileEvaluation]"
    """Earlier evaluations on the same examples."""

    test_reads: "Sequence[Evaluation | FileEvaluation]"
    """Test reads of the run, with this evaluation."""

    other_reads: "OtherReads"
    file: str | None
    """File with the examples; `None` for a split of the data of the run."""

    @cached_property
    def calibration(self) -> "EvaluatedCalibration | None":
        """Calibration and threshold; `None` without probabilities of classes."""
        file_name = self.model.file_name if self.model else "model.keras"
        temperature, threshold = self.record.find_temperature(file_name), self.record.find_threshold(file_name)
        return compute_evaluated_calibration(self.finished.experiment, self.finished.result, temperature, threshold)

    @cached_property
    def imbalance(self) -> "EvaluatedImbalance | None":
        """Scores of imbalanced classes; `None` for a regression."""
        return compute_imbalance(self.finished.experiment, self.finished.result)


def build_evaluation_document(output: EvaluationOutput) -> dict[str, Any]:
    """Build the JSON document of an evaluation."""
    from dnn_cli.report.score_tables import build_interval_documents
    from dnn_cli.report.test_read_text import build_test_read_documents
    from dnn_cli.runs.evaluations import FileEvaluation

    record, finished = output.record, output.finished
    evaluation, result = finished.evaluation, finished.result
    return {
        "id": record.id,
        "name": record.name,
        "model": output.model.to_document() if output.model else None,
        "split": "file" if isinstance(evaluation, FileEvaluation) else evaluation.split,
        "file": output.file,
        "digest": evaluation.examples_id if output.file else None,
        "examples": len(result),
        "scores": result.scores,
        "intervals": build_interval_documents(result.scores, finished.intervals),
        "looked_before": len(output.earlier),
        "test_reads": len(output.test_reads),
        "test_read_log": build_test_read_documents(output.test_reads),
        "test_reads_of_other_runs": output.other_reads._asdict(),
        "replaced_cells": [cells.to_document() for cells in finished.replaced_cells],
        **(output.calibration.to_document() if output.calibration else {}),
        "imbalance": output.imbalance.to_document() if output.imbalance else None,
        **build_details_document(finished.experiment, result),
    }


def print_evaluation(output: EvaluationOutput, *, as_markdown: bool) -> None:
    """Print the scores of an evaluation with intervals, calibration and details; as Markdown, the scores alone."""
    from dnn_cli.report.score_tables import build_score_cells
    from dnn_cli.runs.evaluations import Evaluation

    _print_headline(output)
    console, finished = get_output_console(), output.finished
    scores = finished.result.scores
    cells = build_score_cells(scores, finished.intervals, output.imbalance.scores if output.imbalance else None)
    console.print()
    if as_markdown:
        console.print(cells.to_markdown(), end="", soft_wrap=True)
    else:
        print_rich_table(console, cells.build_fitting_table(console.width))
        if output.calibration is not None:
            is_validation = isinstance(finished.evaluation, Evaluation) and finished.evaluation.split == "validation"
            print_calibration(output.calibration, is_validation=is_validation)
        print_details(finished.experiment, finished.result)
    if output.imbalance is not None and (caveat := output.imbalance.format_caveat()):
        get_notes_console().print(replace_control_chars(f"! {caveat}"))


def _print_headline(output: EvaluationOutput) -> None:
    """Print what was evaluated with its scores, and warnings about the examples."""
    from dnn_cli.report.evaluation_tables import format_examples
    from dnn_cli.report.runs_table import format_scores
    from dnn_cli.runs.run_info import read_run_info
    from dnn_cli.runs.saved_models import find_better_model

    console, notes, finished, record = get_output_console(), get_notes_console(), output.finished, output.record
    examples_text, scores_text = format_examples(finished.evaluation), format_scores(finished.result.scores)
    console.print(replace_control_chars(f"{record.name} {record.id} on {examples_text}: {scores_text}"))
    if (model := output.model) is not None:
        console.print(replace_control_chars(f"weights: {model.file_name}, {model.format_epoch()}"))
        if (better_model := find_better_model(read_run_info(output.run), model)) is not None:
            better_text = f"{better_model.file_name} contains {better_model.format_epoch()}"
            notes.print(replace_control_chars(f"{better_text}; --best evaluates this model"))
    for line in finished.warnings:
        notes.print(replace_control_chars(f"warning: {line}"))
    for line in (line for cells in finished.replaced_cells for line in cells.lines):
        notes.print(replace_control_chars(f"{output.file}: {line}"), soft_wrap=True)


def draw_evaluated_reliability(output: EvaluationOutput, path: Path | None) -> None:
    """Print the reliability diagram of an evaluation, or write it as a picture to a path.

    Outputs that are not finite have no calibration, and a note says so.

    Raises:
        UsageError: the file cannot be written.
    """
    from dnn_cli.report.evaluation_tables import format_examples

    if output.calibration is None:
        get_notes_console().print("no reliability diagram: outputs of the model are not finite numbers")
    else:
        draw_reliability(output.calibration, format_examples(output.finished.evaluation), path)


def print_read_notes(output: EvaluationOutput) -> None:
    """Print how often the evaluated examples were read before."""
    from dnn_cli.report.evaluation_tables import format_earlier_evaluations
    from dnn_cli.report.test_read_text import format_test_read_notes

    notes = []
    if output.finished.evaluation.is_test_read:
        notes = format_test_read_notes(output.test_reads, output.other_reads)
    elif output.file and output.earlier:
        notes = [format_earlier_evaluations(output.earlier, output.file)]
    for note in notes:
        print_line(get_notes_console(), replace_control_chars(note))
