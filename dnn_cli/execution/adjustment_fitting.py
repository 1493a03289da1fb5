"""Temperature and threshold of a run, fitted on its validation examples and stored in the run record."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.run_context import load_run_context
from dnn_cli.errors import UsageError
from dnn_cli.execution.evaluation import FinishedEvaluation, check_test_set, evaluate_split
from dnn_cli.execution.test_reads import ReadOrigin
from dnn_cli.metrics.classification import compute_class_probabilities
from dnn_cli.metrics.temperature import fit_temperature
from dnn_cli.metrics.threshold_choice import Criterion, choose_threshold
from dnn_cli.report.prediction_tables import has_probability_outputs
from dnn_cli.runs.evaluations import ChosenThreshold, FittedTemperature
from dnn_cli.runs.record import Record, get_utc_now

if TYPE_CHECKING:
    from dnn_cli.config.experiment import Experiment
    from dnn_cli.execution.preparation import ProcessCache
    from dnn_cli.execution.reporters import Reporter
    from dnn_cli.runs.run import Run
    from dnn_cli.runs.saved_models import SavedModel


def check_probability_options(run: "Run", record: Record, options: Sequence[str]) -> None:
    """Check that a model predicts the probabilities that options need, before its test set is read.

    Raises:
        UsageError: the task is a regression, the outputs are not probabilities, or `--threshold` has other than two
            classes.
    """
    experiment = load_run_context(run, record).experiment
    for option in options:
        _check_probability_outputs(experiment, option)


def _check_probability_outputs(experiment: "Experiment", option: str) -> None:
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


def update_adjustment(
    run: "Run",
    record: Record,
    model: "SavedModel",
    overrides: Sequence[str],
    reporter: "Reporter",
    origin: ReadOrigin,
    code_directory: str | None,
    cache: "ProcessCache",
    *,
    is_test: bool,
    temperature: bool | None,
    criterion: Criterion | Literal["off"] | None,
) -> None:
    """Fit or remove the temperature and the threshold of a run, and write the run record.

    Both are fitted on the validation examples. The outputs must be probabilities of classes.

    Args:
        run: The run.
        record: The record of the run.
        model: The saved model.
        overrides: Changes of the config of the run, such as `data.path=…` for moved data.
        reporter: The object that receives the lines of the evaluation.
        origin: The command that fits the adjustment.
        code_directory: The directory of custom layers; `None` without permission to run their code.
        cache: The cache that keeps the data for the next evaluation.
        is_test: Whether the test set is evaluated next. If this is impossible, the run record stays unchanged.
        temperature: Whether a temperature is fitted; `False` removes the temperature, and `None` leaves it.
        criterion: The score that a threshold maximizes; `off` removes the threshold, and `None` leaves it.

    Raises:
        UsageError: no temperature fits, the data has no test set, or it was read as often as `data.test_reads` allows.
        RunError: the run has no validation examples, or the record cannot be written.
    """
    if is_test:
        check_test_set(run, load_experiment(str(run.config), list(overrides)).experiment.data, origin)
    fitted: FittedTemperature | None = None
    chosen: ChosenThreshold | None = None
    if temperature or criterion not in (None, "off"):
        finished = evaluate_split(
            run, record, model, "validation", list(overrides), reporter, origin, code_directory, cache
        )
        if temperature:
            fitted = _fit_temperature(finished, model)
        if criterion is not None and criterion != "off":
            chosen = _choose_threshold(finished, model, criterion)
    with run.hold_lock():
        current = run.read_raw_record()
        changes: dict[str, Any] = {}
        if temperature is not None:
            changes["temperatures"] = _replace_item(current.temperatures, model, fitted)
        if criterion is not None:
            changes["thresholds"] = _replace_item(current.thresholds, model, chosen)
        run.write_record(current.model_copy(update=changes))


def _fit_temperature(finished: FinishedEvaluation, model: "SavedModel") -> FittedTemperature:
    """Return the temperature of a model, fitted to evaluated validation examples.

    Raises:
        UsageError: no temperature fits.
    """
    result = finished.result
    temperature = fit_temperature(result.outputs, result.targets, logits=finished.experiment.loss.takes_logits)
    return FittedTemperature(at=get_utc_now(), model=model.file_name, temperature=temperature, examples=len(result))


def _choose_threshold(finished: FinishedEvaluation, model: "SavedModel", criterion: Criterion) -> ChosenThreshold:
    """Return the threshold of a model, chosen on evaluated validation examples."""
    result = finished.result
    shares = compute_class_probabilities(result.outputs, logits=finished.experiment.loss.takes_logits)[:, 1]
    threshold, score = choose_threshold(shares, result.targets, criterion)
    return ChosenThreshold(
        at=get_utc_now(), model=model.file_name, threshold=threshold, criterion=criterion, score=score,
        examples=len(result),
    )  # fmt: skip


_Item = TypeVar("_Item", FittedTemperature, ChosenThreshold)


def _replace_item(items: Sequence[_Item], model: "SavedModel", new: _Item | None) -> tuple[_Item, ...]:
    """Return items with a new one for the weights file of a model; `None` removes the item of the file."""
    others = tuple(item for item in items if item.model != model.file_name)
    return others if new is None else others + (new,)  # noqa: RUF005 - mypy infers no type of an unpacked tuple
