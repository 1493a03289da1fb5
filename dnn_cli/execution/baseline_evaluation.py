"""Evaluation of a baseline, which has no saved model.

The validation scores come from its saved predictions. For the test set, the baseline is trained again, which takes
seconds, and must give the same predictions.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dnn_cli.baseline.methods import METHODS, Effort
from dnn_cli.baseline.training import train_baseline
from dnn_cli.config.loading import load_experiment
from dnn_cli.data.encoded_examples import select_test_examples
from dnn_cli.data.run_context import check_same_data, check_same_split, load_run_context
from dnn_cli.errors import RunError, UsageError
from dnn_cli.execution.evaluation import FinishedEvaluation
from dnn_cli.execution.preparation import ProcessCache
from dnn_cli.execution.test_reads import ReadOrigin, check_test_reads
from dnn_cli.metrics.evaluation_result import EvaluationResult
from dnn_cli.metrics.prediction_scores import compute_scores
from dnn_cli.metrics.saved_predictions import read_predictions
from dnn_cli.metrics.score_intervals import compute_score_intervals, to_recorded_intervals
from dnn_cli.runs.evaluations import Evaluation
from dnn_cli.runs.record import get_utc_now

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.record import Record
    from dnn_cli.runs.run import Run

_MAX_DIFFERENCE = 1e-4
"""Largest difference between predictions of two equal trainings, as a share of the largest prediction.

Another processor or number of threads changes the last digits."""


def evaluate_baseline(
    run: "Run", record: "Record", split: Literal["test", "validation"], overrides: list[str], reporter: "Reporter",
    origin: ReadOrigin,
) -> FinishedEvaluation:  # fmt: skip
    """Evaluate a baseline on the test or validation split of its data.

    `overrides` changes the config of the run, such as `data.path=…` for moved data. `origin` is the command that
    evaluates the baseline.

    Raises:
        UsageError: the data has no test set, or the test set was read as often as `data.test_reads` allows.
        RunError: the data has changed, or the saved predictions are missing or cannot be repeated.
    """
    if split == "validation":
        experiment, result = _read_saved_result(run, record)
    else:
        experiment = _load_experiment_with_test_set(run, overrides)
        check_test_reads(run, origin)
        result = _evaluate_on_test_set(run, record, experiment, reporter)
    # Test scores of a run are looked up by the name of its weights file. A baseline has the default name.
    intervals = compute_score_intervals(experiment, result)
    evaluation = Evaluation(
        at=get_utc_now(),
        split=split,
        examples=len(result),
        scores=result.scores,
        intervals=to_recorded_intervals(intervals),
        digest=result.digest,
    )
    return FinishedEvaluation(experiment, result, evaluation, intervals=intervals)


def _read_saved_result(run: "Run", record: "Record") -> "tuple[Experiment, EvaluationResult]":
    """Return the experiment, and the saved predictions with the recorded validation scores.

    Raises:
        RunError: the run has no saved predictions.
    """
    arrays = read_predictions(run)
    if arrays is None or not {"outputs", "labels"} <= arrays.keys():
        raise RunError("the run has no predictions on validation examples", "use --split test")
    scores = {name.removeprefix("val_"): value for name, value in (record.results.model or {}).items()}
    run_context = load_run_context(run, record)
    scaling = run_context.input_profile.target_scaling
    return run_context.experiment, EvaluationResult(
        scores, arrays["outputs"], arrays["labels"], arrays.get("weights"), scaling
    )


def _load_experiment_with_test_set(run: "Run", overrides: list[str]) -> "Experiment":
    """Load the experiment of a baseline.

    Raises:
        UsageError: the data has no test set.
    """
    experiment = load_experiment(str(run.config), overrides).experiment
    if not experiment.data.test_examples:
        raise UsageError(
            f"{experiment.data.title} has no test set",
            "use --split validation, or train the baseline with data.test_size=0.2",
        )
    return experiment


def _evaluate_on_test_set(
    run: "Run", record: "Record", experiment: "Experiment", reporter: "Reporter"
) -> EvaluationResult:
    """Train a baseline again, and return its result on the test examples.

    Raises:
        RunError: the data has changed, or the predictions on the validation examples differ from the saved ones.
    """
    if record.baseline is None or record.baseline.method not in METHODS:
        raise RunError(f"this version of dnn has no baseline {record.baseline and record.baseline.method}")
    method, effort = METHODS[record.baseline.method], Effort(record.baseline.examples, record.baseline.steps)
    with reporter.open_progress(epochs=1, batch_size=1) as report_progress:
        report_progress(f"loading {experiment.data.title}")
        examples, split = ProcessCache().load_examples(experiment.data, report_progress)
        check_same_data(record, examples)
        check_same_split(record, split)
        report_progress(f"training {method.title} again")
        trained = train_baseline(experiment, examples, split, method, effort)
        saved = (read_predictions(run) or {}).get("outputs")
        if saved is not None and not _has_equal_outputs(saved, trained.outputs):
            version = record.versions.get("scikit-learn", "unknown")
            raise RunError(
                f"the baseline cannot be trained again with equal predictions (scikit-learn {version} trained the run)",
                f"dnn baseline {run.config} --only {method.name} trains a new one",
            )
        test = select_test_examples(experiment.data, examples, split, report_progress)
        outputs = trained.predict(test.inputs)
    scores = compute_scores(experiment, outputs, test.targets, test.weights, target_scaling=trained.target_scaling)
    return EvaluationResult(
        scores, outputs, test.targets, test.weights, trained.target_scaling, digest=test.compute_evaluation_digest()
    )


def _has_equal_outputs(saved: NDArray[Any], outputs: NDArray[np.float32]) -> bool:
    """Return whether two arrays of predictions are equal apart from rounding errors."""
    limit = _MAX_DIFFERENCE * max(1.0, float(np.abs(outputs).max(initial=0.0)))
    return saved.shape == outputs.shape and bool(np.abs(saved - outputs).max(initial=0.0) <= limit)
