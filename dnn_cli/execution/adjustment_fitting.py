"""Temperature and threshold of a run, fitted on its validation examples and stored in the run record."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dnn_cli.errors import UsageError
from dnn_cli.execution.evaluation import evaluate_split
from dnn_cli.execution.test_reads import ReadOrigin
from dnn_cli.metrics.classification import compute_class_probabilities
from dnn_cli.metrics.temperature import fit_temperature
from dnn_cli.metrics.threshold_choice import Criterion, choose_threshold
from dnn_cli.report.evaluation_tables import has_probability_outputs
from dnn_cli.runs.record import ChosenThreshold, FittedTemperature, Record, get_utc_now

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel


def check_probability_outputs(experiment: "Experiment", option: str) -> None:
    """Check that a model predicts probabilities of classes, which an option needs.

    Raises:
        UsageError: the task is a regression, or the outputs are not probabilities.
    """
    if not experiment.data.info.is_classification:
        raise UsageError(f"{option} needs classes, but the run is a regression", f"omit {option}")
    if not has_probability_outputs(experiment):
        raise UsageError(
            f"{option} needs probabilities, but the outputs of the run only rank the classes",
            f"omit {option}, or train with softmax or sigmoid as the last activation",
        )
    classes = len(experiment.data.info.classes)
    if option == "--threshold" and classes != 2:
        raise UsageError(f"--threshold needs two classes, but the run has {classes}", "omit --threshold")


def fit_adjustment(
    run: "Run",
    record: Record,
    model: "SavedModel",
    overrides: Sequence[str],
    reporter: "Reporter",
    origin: ReadOrigin,
    code_directory: str | None,
    cache: "ProcessCache",
    *,
    temperature: bool,
    criterion: Criterion | None,
) -> None:
    """Fit a temperature or a threshold on the validation examples of a run, and store them in the run record.

    Args:
        run: The run.
        record: The record of the run.
        model: The saved model.
        overrides: Changes of the config of the run, such as `data.path=…` for moved data.
        reporter: The object that receives the lines of the evaluation.
        origin: The command that fits the adjustment.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        cache: The cache that keeps the data for the next evaluation.
        temperature: Whether a temperature is fitted. The outputs must be probabilities of classes.
        criterion: The score that a threshold maximizes; `None` without a threshold.

    Raises:
        UsageError: no temperature fits the validation examples.
        RunError: the run has no validation examples, or the record cannot be written.
    """
    finished = evaluate_split(
        run, record, model, "validation", list(overrides), reporter, origin, code_directory, cache
    )
    experiment, result = finished.experiment, finished.result
    outputs, targets, logits = result.outputs, result.targets, experiment.loss.takes_logits
    fitted = fit_temperature(outputs, targets, logits=logits) if temperature else None
    at = get_utc_now()
    if fitted is not None:
        item = FittedTemperature(at=at, model=model.file_name, temperature=fitted, examples=len(result))
        store_temperature(run, model.file_name, item)
    if criterion is not None:
        shares = compute_class_probabilities(outputs, logits=logits)[:, 1]
        threshold, score = choose_threshold(shares, targets, criterion)
        store_threshold(
            run,
            model.file_name,
            ChosenThreshold(
                at=at, model=model.file_name, threshold=threshold, criterion=criterion, score=score,
                examples=len(result),
            ),
        )  # fmt: skip


def store_temperature(run: "Run", file_name: str, item: FittedTemperature | None) -> None:
    """Replace the temperature of a weights file in the run record; `None` removes the temperature."""
    _update_record(
        run,
        lambda record: record.model_copy(
            update={
                "temperatures": (
                    *(fitted for fitted in record.temperatures if fitted.model != file_name),
                    *([item] if item else []),
                )
            }
        ),
    )


def store_threshold(run: "Run", file_name: str, item: ChosenThreshold | None) -> None:
    """Replace the threshold of a weights file in the run record; `None` removes the threshold."""
    _update_record(
        run,
        lambda record: record.model_copy(
            update={
                "thresholds": (
                    *(chosen for chosen in record.thresholds if chosen.model != file_name),
                    *([item] if item else []),
                )
            }
        ),
    )


def _update_record(run: "Run", update: Callable[[Record], Record]) -> None:
    """Replace the run record by an updated one."""
    with run.hold_lock():
        run.write_record(update(run.read_raw_record()))
