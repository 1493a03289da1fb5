"""Temperature and threshold of predictions: applied to outputs, as text and as JSON."""

from dataclasses import replace
from typing import Any

from dnn_cli.metrics.temperature import apply_temperature, convert_threshold
from dnn_cli.report.prediction_tables import Predictions
from dnn_cli.report.text import format_count
from dnn_cli.runs.evaluations import ChosenThreshold, FittedTemperature


def apply_adjustment(
    predictions: Predictions, fitted: FittedTemperature | None, chosen: ChosenThreshold | None
) -> Predictions:
    """Return predictions whose probabilities have the temperature, and whose classes follow the threshold, of a run.

    Samples have the temperature already, because their mean is that of tempered probabilities.
    """
    if fitted is not None and predictions.sampled is None:
        logits = predictions.experiment.loss.takes_logits
        outputs = apply_temperature(predictions.outputs, fitted.temperature, logits=logits)
        predictions = replace(predictions, outputs=outputs)
    if chosen is not None:
        threshold = convert_threshold(chosen.threshold, fitted.temperature if fitted else None)
        predictions = replace(predictions, threshold=threshold)
    return predictions


def build_adjustment_document(fitted: FittedTemperature | None, chosen: ChosenThreshold | None) -> dict[str, Any]:
    """Build the JSON document of the temperature and the threshold of predictions, each `None` if the run has none.

    The threshold applies to probabilities with the temperature.
    """
    temperature = fitted.temperature if fitted else None
    return {
        "temperature": temperature,
        "threshold": convert_threshold(chosen.threshold, temperature) if chosen else None,
    }


def format_adjustment(fitted: FittedTemperature | None, chosen: ChosenThreshold | None) -> str:
    """Return the temperature and the threshold of predictions in one line; empty without both."""
    document, parts = build_adjustment_document(fitted, chosen), []
    if fitted is not None:
        parts.append(
            f"temperature {fitted.temperature:.3g}, fitted on {format_count(fitted.examples, 'validation example')}"
        )
    if chosen is not None:
        parts.append(
            f"threshold {document['threshold']:.4g}, chosen by {chosen.criterion} on "
            f"{format_count(chosen.examples, 'validation example')}"
        )
    return "; ".join(parts)
