"""Results of a cross-validation as text, as a table and as JSON."""

from typing import Any

from dnn_cli.compare.out_of_fold import CrossValidation, OutOfFoldPredictions
from dnn_cli.report.tables import PlainTable, build_table
from dnn_cli.report.text import format_count, format_interval, format_score


def format_fold_headline(cross_validation: CrossValidation) -> str:
    """Return the label of a cross-validation with its numbers of folds, repetitions, seeds and runs."""
    group = cross_validation.group
    parts = [format_count(cross_validation.fold_count, "fold")]
    if cross_validation.repetitions > 1:
        parts.append(format_count(cross_validation.repetitions, "repetition"))
    if len(group.seeds) > 1:
        parts.append(format_count(len(group.seeds), "seed"))
    return f"{cross_validation.label}: {' × '.join(parts)}, {format_count(len(group.run_scores), 'run')}"


def build_fold_score_table(cross_validation: CrossValidation) -> PlainTable:
    """Build a table with a row for each score: mean, standard deviation over the folds, and 95% interval."""
    rows = [
        [
            score.metric,
            format_score(score.mean),
            "–" if score.spread is None else format_score(score.spread),
            format_interval(score.interval),
        ]
        for score in cross_validation.scores
    ]
    headers = ["score", "mean", "± over folds", "95% interval"]
    return build_table(headers, rows, right=headers[1:])


def format_predictions_line(predictions: OutOfFoldPredictions) -> str:
    """Return the number of joined predictions as a sentence."""
    count, examples = len(predictions.targets), predictions.example_count
    times = "" if count == examples else f" ({format_count(count, 'prediction')})"
    return f"out-of-fold predictions of {format_count(examples, 'example')}{times}, by models trained without them"


def build_fold_document(cross_validation: CrossValidation, predictions: OutOfFoldPredictions) -> dict[str, Any]:
    """Build the JSON document of a cross-validation, without the tables of its predictions."""
    group = cross_validation.group
    return {
        "name": cross_validation.label,
        "runs": [row.record.id for row in group.run_scores],
        "folds": cross_validation.fold_count,
        "repetitions": cross_validation.repetitions,
        "seeds": group.seeds,
        "missing": cross_validation.missing or None,
        "scores": {
            score.metric: {
                "mean": score.mean,
                "standard_deviation": score.spread,
                "interval": list(score.interval) if score.interval else None,
            }
            for score in cross_validation.scores
        },
        "fold_scores": [
            {"split_seed": fold.split_seed, "fold": fold.number, "mean": mean}
            for fold, mean in group.fold_means.items()
        ],
        "examples": predictions.example_count,
        "predictions": len(predictions.targets),
    }
