"""Fits of models: of one training, or of several trainings in the lanes of one program.

A training is a generator. It pauses where its model must be fitted, and yields a request. The fitted model, or the
error of the fit, goes back to the generator, which then saves the model and records the result.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from dnn_cli.training.compiled_model import CompiledModel
    from dnn_cli.training.train import FitRequest, FittedModel

_Result = TypeVar("_Result")
Training: TypeAlias = "Generator[FitRequest, FittedModel, _Result]"
"""Training that yields one request to fit its model, and returns its result after the fit."""


def complete_training(training: "Training[_Result]") -> _Result:
    """Run a training to its end, and return its result.

    Raises:
        DnnError: the training raises this error.
        SystemExit: a signal ended the training.
    """
    results: list[_Result] = []
    complete_trainings([training], results.append)
    return results[0]


def complete_trainings(trainings: "Iterable[Training[_Result]]", on_result: Callable[[_Result], None]) -> None:
    """Run trainings to their end.

    All trainings have the same network, data and execution plan. Several trainings need a plan with lanes.

    Args:
        trainings: The trainings, before their start.
        on_result: The function that receives the result of each training when the training ends.

    Raises:
        DnnError: a training raises this error.
        SystemExit: a signal ended the trainings.
    """
    waiting: dict[int, Training[_Result]] = {}
    requests: dict[int, FitRequest] = {}
    try:
        for number, training in enumerate(trainings):
            try:
                requests[number] = next(training)
            except StopIteration as end:
                # The training failed before its fit.
                on_result(end.value)
            else:
                waiting[number] = training
        if requests:
            _fit_models(requests, waiting, on_result)
    except BaseException as error:
        # An error without a waiting training comes from a training that has ended.
        if not waiting:
            raise
        _end_trainings(list(waiting.values()), error, on_result)


def _end_trainings(
    trainings: "list[Training[_Result]]", error: BaseException, on_result: Callable[[_Result], None]
) -> None:
    """End trainings with an error, which each of them records. All end, even if some of them raise an error.

    Raises:
        BaseException: the last error of a training.
    """
    if trainings:
        try:
            _continue_training(trainings[0], error, on_result)
        finally:
            _end_trainings(trainings[1:], error, on_result)


def _fit_models(
    requests: "dict[int, FitRequest]", waiting: "dict[int, Training[_Result]]", on_result: Callable[[_Result], None]
) -> None:
    """Fit the models of trainings. A training that continues after its fit is removed from `waiting`."""
    from dnn_cli.training.train import use_compiled_model

    (first_request, *_) = requests.values()
    with use_compiled_model(first_request) as compiled_model:
        for number, outcome in _iter_outcomes(requests, compiled_model):
            _continue_training(waiting.pop(number), outcome, on_result)


def _iter_outcomes(
    requests: "dict[int, FitRequest]", compiled_model: "CompiledModel"
) -> "Iterator[tuple[int, FittedModel | BaseException]]":
    """Yield the number and the fitted model of each request, or the error that ended its fit."""
    from dnn_cli.training.train import fit_model

    if compiled_model.plan.lanes > 1:
        from dnn_cli.training.lane_training import fit_lanes

        yield from fit_lanes(requests, compiled_model)
    else:
        ((number, request),) = requests.items()
        yield number, fit_model(request, compiled_model)


def _continue_training(
    training: "Training[_Result]", outcome: "FittedModel | BaseException", on_result: Callable[[_Result], None]
) -> None:
    """Continue a training after its fit, with the fitted model or with the error of the fit."""
    try:
        if isinstance(outcome, BaseException):
            training.throw(outcome)
        else:
            training.send(outcome)
    except StopIteration as end:
        on_result(end.value)
