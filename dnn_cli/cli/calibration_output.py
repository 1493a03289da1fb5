"""Calibration and threshold in `dnn evaluate`: tables, reliability diagram, pictures and JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnn_cli.cli.console import can_print_text, get_notes_console, get_output_console, print_rich_table, write_result
from dnn_cli.report.text import format_count, replace_control_chars

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.metrics.calibration import Calibration
    from dnn_cli.metrics.evaluation_result import EvaluationResult
    from dnn_cli.runs.evaluations import ChosenThreshold, FittedTemperature

_DIAGRAM_HEIGHT = 16
"""Height of a reliability diagram on a terminal, in lines."""


@dataclass(frozen=True)
class EvaluatedCalibration:
    """Calibration of a model on the evaluated examples, before and after its temperature, and its threshold."""

    before: "Calibration"
    after: "Calibration | None"
    fitted: "FittedTemperature | None"
    threshold_scores: dict[str, Any] | None
    """Scores of the threshold_scores at 0.5 and at the threshold, with the threshold; `None` without a threshold."""

    chosen: "ChosenThreshold | None"

    def to_document(self) -> dict[str, Any]:
        """Return the calibration and the threshold as JSON."""
        from dnn_cli.report.calibration_tables import build_calibration_document

        temperature = self.fitted.temperature if self.fitted else None
        threshold: dict[str, Any] | None = None
        if self.chosen and self.threshold_scores:
            threshold = {
                **self.chosen.model_dump(exclude={"model"}),
                **{
                    label: {name: asdict(score) for name, score in self.threshold_scores[label].items()}
                    for label in ("before", "after")
                },
            }
        return {
            "calibration": build_calibration_document(self.before, self.after, temperature),
            "threshold": threshold,
        }


def compute_evaluated_calibration(
    experiment: "Experiment",
    result: "EvaluationResult",
    fitted: "FittedTemperature | None",
    chosen: "ChosenThreshold | None",
) -> EvaluatedCalibration | None:
    """Compute the calibration of a model on evaluated examples; `None` without probabilities of classes."""
    import numpy as np

    from dnn_cli.metrics.calibration import compute_calibration
    from dnn_cli.metrics.classification import compute_class_probabilities
    from dnn_cli.metrics.temperature import apply_temperature
    from dnn_cli.metrics.threshold_choice import compute_threshold_scores
    from dnn_cli.report.prediction_tables import has_probability_outputs

    if not experiment.data.info.is_classification or not has_probability_outputs(experiment):
        return None
    if not len(result) or not np.isfinite(result.outputs).all():
        return None
    logits = experiment.loss.takes_logits
    shares = compute_class_probabilities(result.outputs, logits=logits)
    after = None
    if fitted is not None:
        outputs = apply_temperature(result.outputs, fitted.temperature, logits=logits)
        after = compute_calibration(compute_class_probabilities(outputs, logits=logits), result.targets)
    threshold_scores = None
    if chosen is not None:
        threshold_scores = {
            label: compute_threshold_scores(shares[:, 1], result.targets, threshold)
            for label, threshold in (("before", 0.5), ("after", chosen.threshold))
        }
    return EvaluatedCalibration(compute_calibration(shares, result.targets), after, fitted, threshold_scores, chosen)


def print_calibration(calibration: EvaluatedCalibration, *, is_validation: bool) -> None:
    """Print the tables of the calibration and of the threshold, with the origin of both.

    With `is_validation`, the evaluated examples have determined temperature and threshold, and a note says so.
    """
    from dnn_cli.report.calibration_tables import build_calibration_table, build_threshold_table

    out, fitted, chosen = get_output_console(), calibration.fitted, calibration.chosen
    temperature = fitted.temperature if fitted else None
    out.print()
    print_rich_table(out, build_calibration_table(calibration.before, calibration.after, temperature))
    if fitted is not None:
        origin = f"fitted on {format_count(fitted.examples, 'validation example')}; predict and export use it"
        out.print(f"temperature {fitted.temperature:.4g}, {origin}")
    if chosen is not None and calibration.threshold_scores is not None:
        scores = calibration.threshold_scores
        out.print()
        print_rich_table(out, build_threshold_table(scores["before"], scores["after"], chosen.threshold))
        out.print(
            f"threshold {chosen.threshold:.4g}, the best {chosen.criterion} on "
            f"{format_count(chosen.examples, 'validation example')}; predict uses it"
        )
    if is_validation and (fitted is not None or chosen is not None):
        names = " and ".join([*(["temperature"] if fitted else []), *(["threshold"] if chosen else [])])
        out.print(f"these examples chose the {names}: scores with it are too good for new examples")


def draw_reliability(calibration: EvaluatedCalibration, examples_text: str, output: Path | None) -> None:
    """Print the reliability diagram, or write it as a picture.

    Args:
        calibration: The calibration.
        examples_text: The number and origin of the examples, such as `450 test examples`.
        output: The path of the picture; `None` for the terminal.

    Raises:
        UsageError: the file cannot be written.
    """
    from dnn_cli.report.calibration_tables import build_reliability_chart

    chart = build_reliability_chart(calibration.before, calibration.after, examples_text)
    if output is not None:
        from dnn_cli.report.chart_files import write_chart
        from dnn_cli.report.series_pictures import build_series_picture

        write_chart(build_series_picture(chart), output)
        get_notes_console().print(replace_control_chars(f"wrote {output}"))
        return
    from dnn_cli.report.terminal_series import draw_terminal_series

    out = get_output_console()
    width = min(out.width, 100)
    text = draw_terminal_series(
        chart, width=width, height=_DIAGRAM_HEIGHT, colour=out.is_terminal, unicode=can_print_text("⣿│┤")
    )
    out.print()
    write_result(text)
