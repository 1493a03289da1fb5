"""Training of several runs at once: each run is a lane of one program, with its own callbacks and epochs.

Each lane has the callbacks of a run that is trained alone. `training/lane_model.py` shows them the lane as a model.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import count_batches
from dnn_cli.training.compiled_model import CompiledModel
from dnn_cli.training.lane_model import LaneInspector, LaneModel, LaneState
from dnn_cli.training.lane_program import LaneLogs
from dnn_cli.training.train import FitRequest, FittedModel, build_validation, prepare_fit

_logger = logging.getLogger(__name__)


def fit_lanes(
    requests: Mapping[int, FitRequest], compiled_model: CompiledModel
) -> Iterator[tuple[int, FittedModel | BaseException]]:
    """Train the models of several runs to their last epochs, each as a lane of one program.

    All requests have equal networks, data and execution plans. The lanes are independent: a lane ends by its own
    callbacks, by its own error, or after its last epoch, and the other lanes continue.

    Args:
        requests: The requests by number, at most as many as the plan has lanes.
        compiled_model: The compiled model of the network, with the initial values of one of the requests.

    Yields:
        The number of a lane that has ended, and the fitted model, or the error that ended the lane. The fitted model
        is valid until the next one is yielded.
    """
    group = _LaneGroup(compiled_model, requests)
    yield from group.remove_ended()
    while group.lanes:
        group.train_epoch()
        yield from group.remove_ended()


class _Lane:
    """Run that is trained in a lane, with its callbacks, its epoch, and the error that ended the lane.

    Args:
        number: The number of the request.
        request: The request.
        compiled_model: The compiled model, whose variables become those of this run.
        optimizer_values: The initial values of the optimizer's variables.
        measurements: The measurements of all lanes since the last training step.
        index: The index of the lane.
        lane_count: The number of runs in the program.

    Raises:
        RunError: the checkpoint is of another network or plan.
    """

    def __init__(
        self,
        number: int,
        request: FitRequest,
        compiled_model: CompiledModel,
        optimizer_values: Sequence[NDArray[Any]],
        measurements: dict[str, Any],
        index: int,
        lane_count: int,
    ) -> None:
        self.number, self.request, self.index, self.job = number, request, index, request.job
        compiled_model.set_initial_values(self.job, optimizer_values)
        self.state = LaneState(compiled_model.lane_program, index)
        inspector = LaneInspector(self.job, compiled_model.lane_program, measurements, index)
        fit = prepare_fit(request, compiled_model, self.state, inspector, lane_count)
        self.initial_values = [variable.numpy() for variable in compiled_model.lane_program.variables]
        self.model = LaneModel(compiled_model.lane_program, index)
        self.epoch, self.epochs = fit.first_epoch, self.job.experiment.epochs
        self.calls_before = request.resume_point.progress.calls
        """Number of calls of the first epoch before the training was resumed. These calls are skipped."""

        self.order = compiled_model.pipeline.build_shuffled_order(self.job.split.train, self.job.experiment.seed)
        self.config_callbacks = fit.config_callbacks
        self.callbacks = keras.callbacks.CallbackList(
            fit.all_callbacks, model=self.model, epochs=self.epochs, steps=self.job.steps_per_epoch, verbose=0
        )
        self.error: BaseException | None = None
        self.logs: dict[str, float] = {}

    @property
    def has_ended(self) -> bool:
        """Whether the lane has trained its last epoch, or has ended by a callback or by an error."""
        return self.error is not None or self.model.stop_training or self.epoch >= self.epochs

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function of the callbacks, unless an error has ended the lane. An error ends the lane."""
        if self.error is not None:
            return
        try:
            function(*arguments)
            self.model.store_changes()
        # Each error ends only its lane. The training of the lane raises or records the error.
        except BaseException as error:
            self.error = error

    def read_logs(self, logs: LaneLogs, prefix: str = "") -> dict[str, float]:
        """Return the results of the metrics of this lane, with a prefix before their names."""
        return {f"{prefix}{name}": float(values[self.index]) for name, values in logs.items()}


class _LaneGroup:
    """Lanes of one program that have not ended.

    Args:
        compiled_model: The compiled model of the network.
        requests: The requests by number.
    """

    def __init__(self, compiled_model: CompiledModel, requests: Mapping[int, FitRequest]) -> None:
        self.compiled_model = compiled_model
        self.program = compiled_model.lane_program
        self.measurements: dict[str, Any] = {}
        """Measurements of all lanes since the last training step."""

        optimizer_values = [variable.numpy() for variable in compiled_model.model.optimizer.variables]
        self.failed: list[tuple[int, BaseException]] = []
        self.lanes: list[_Lane] = []
        for number, request in requests.items():
            index = len(self.lanes)
            try:
                lane = _Lane(number, request, compiled_model, optimizer_values, self.measurements, index, len(requests))
                self.lanes.append(lane)
            except Exception as error:
                self.failed.append((number, error))
        (self.job, *_) = (request.job for request in requests.values())
        self.call_length = self.job.plan.steps * self.job.experiment.batch_size
        """Number of examples in a call of the program."""

        if self.lanes:
            self.program.write_lanes([lane.initial_values for lane in self.lanes])
        for lane in self.lanes:
            lane.call(lane.callbacks.on_train_begin)

    def remove_ended(self) -> Iterator[tuple[int, FittedModel | BaseException]]:
        """Remove the lanes that have ended, and yield their numbers with the fitted models or the errors."""
        yield from self.failed
        self.failed = []
        ended, self.lanes = (
            [lane for lane in self.lanes if lane.has_ended],
            [lane for lane in self.lanes if not lane.has_ended],
        )
        for lane in ended:
            lane.call(self.finish_lane, lane)
            yield lane.number, lane.error or self.build_fitted_model(lane)

    def finish_lane(self, lane: _Lane) -> None:
        """Do what Keras's `fit` does after the last epoch. Afterwards, the shared model has the final weights."""
        model = lane.model
        model.optimizer.finalize_variable_values(model.trainable_weights)
        lane.callbacks.on_train_end(lane.logs)

    def build_fitted_model(self, lane: _Lane) -> FittedModel:
        """Build the result of a lane whose final weights are in the shared model."""
        validation = build_validation(lane.job, self.compiled_model)
        return FittedModel(self.compiled_model, validation, lane.config_callbacks)

    def train_epoch(self) -> None:
        """Train and validate all lanes for one epoch, each for its own next epoch."""
        start_time = time.monotonic()
        self.program.reset_metrics()
        for lane in self.lanes:
            lane.call(lane.callbacks.on_epoch_begin, lane.epoch)
        rows = np.zeros((self.program.width, len(self.job.split.train)), np.int32)
        for lane in self.lanes:
            rows[lane.index] = lane.order(tf.constant(lane.epoch, tf.int64)).numpy()
        for call in range(count_batches(self.job.steps_per_epoch, self.job.plan.steps)):
            active = [lane.index for lane in self.lanes if lane.error is None and call >= lane.calls_before]
            logs = self.run_call(self.program.train, rows, call, active)
            self.measurements.clear()
            for lane in self.lanes:
                lane.logs = lane.read_logs(logs)
                lane.call(lane.callbacks.on_train_batch_end, (call + 1) * self.job.plan.steps - 1, lane.logs)
        validation_logs = self.validate()
        rates, finite_weights = self.program.read_learning_rates().numpy(), self.program.find_finite_weights().numpy()
        for lane in self.lanes:
            lane.state.rates, lane.state.finite_weights = rates, finite_weights
            lane.logs |= lane.read_logs(validation_logs, "val_")
            lane.call(lane.callbacks.on_epoch_end, lane.epoch, lane.logs)
            lane.epoch += 1
            lane.calls_before = 0
        _logger.debug("epoch of %d lanes ended, %.3f s", len(self.lanes), time.monotonic() - start_time)

    def validate(self) -> LaneLogs:
        """Return the results of the metrics of all lanes on the validation examples; empty without such examples."""
        validation = self.job.split.validation
        active = [lane.index for lane in self.lanes if lane.error is None]
        if not len(validation) or not active:
            return {}
        self.program.reset_metrics()
        rows = np.broadcast_to(validation, (self.program.width, len(validation))).astype(np.int32)
        logs: LaneLogs = {}
        for call in range(count_batches(len(validation), self.call_length)):
            logs = self.run_call(self.program.test, rows, call, active)
        return logs

    def run_call(
        self, run: Callable[..., LaneLogs], rows: NDArray[np.int32], call: int, active: Sequence[int]
    ) -> LaneLogs:
        """Run one call of the program on the rows of an epoch, and return the results of the metrics of all lanes.

        Args:
            run: The program.
            rows: The numbers of the examples of the epoch, of shape (lanes, examples).
            call: The number of the call in the epoch, counted from 0.
            active: The indices of the lanes that take part.
        """
        call_rows = rows[:, call * self.call_length : (call + 1) * self.call_length]
        counts = np.zeros(self.program.width, np.int32)
        counts[active] = call_rows.shape[1]
        # All calls have the same shape, so that the program is compiled once.
        return run(np.pad(call_rows, [(0, 0), (0, self.call_length - call_rows.shape[1])]), counts)
