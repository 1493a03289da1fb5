"""Compiled models, and a cache that reuses them for experiments that differ only in values of variables.

Tracing and compiling a small network takes longer than training. Compiled programs do not contain the values of
variables: initial weights, states of random number generators, the learning rate. An experiment that differs from an
earlier one only in these values reuses the compiled model. The variables are then reset to their initial values.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dnn_cli.config.digests import compute_network_digest
from dnn_cli.data.pipeline import Pipeline
from dnn_cli.data.preprocessing import Preprocessing
from dnn_cli.training.chunked_engine import (
    ChunkDataset,
    build_chunk_predictor,
    build_metric_variables,
    install_chunk_functions,
)
from dnn_cli.training.diagnostics_callback import LayerInspector
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.lane_program import LaneProgram
from dnn_cli.training.model_builder import build_model, compute_initial_values
from dnn_cli.training.training_job import TrainingJob
from dnn_cli.training.training_state import METRICS_GROUP, iter_variables
from dnn_cli.training.xla_cache import number_program_names, use_cached_programs

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompiledModel:
    """Model with its compiled programs, pipeline and execution plan."""

    model: keras.Sequential
    pipeline: Pipeline
    plan: ExecutionPlan
    predict: Callable[[ChunkDataset], NDArray[np.float32]]
    """Function that computes the outputs for a dataset of chunks. With Keras's own engine, `model.predict` is used
    instead."""

    keras_functions: tuple[Callable[..., object], ...]
    """Train and test functions that the model had after the build. A resumed training replaces the model's train
    function, and `reset_for_job` restores both functions."""

    inspector: LayerInspector
    """Object that measures weights, gradients and activations of the model's layers, for diagnostics."""

    @classmethod
    def build(cls, job: TrainingJob, shared_with: Pipeline | None = None) -> "CompiledModel":
        """Build a compiled model with initial weights.

        Args:
            job: The training job.
            shared_with: A pipeline of the same examples. The new model uses its tensors, so that memory holds the
                examples once.
        """
        plan = job.plan
        model = build_model(job.experiment, job.preprocessing.target_scaling, jit=plan.jit, precision=plan.precision)
        pipeline = Pipeline(job.examples, job.experiment, job.preprocessing, shared_with, job.device.tensorflow_name)
        if plan.engine == "chunked":
            install_chunk_functions(model, pipeline, plan)
        else:
            build_metric_variables(model, pipeline)
            model.make_train_function()
            model.make_test_function()
        return cls(model, pipeline, plan, build_chunk_predictor(model, pipeline, plan),
                   (model.train_function, model.test_function), LayerInspector(job, pipeline))  # fmt: skip

    @cached_property
    def lane_program(self) -> LaneProgram:
        """Program that trains several runs of the network at once, as many as the plan has lanes."""
        return LaneProgram(self.model, self.pipeline, self.inspector, self.plan.lanes)

    def reset_for_job(self, job: TrainingJob) -> None:
        """Reset variables and functions, so that the model equals a model that was just built for a job."""
        scaling = job.preprocessing.target_scaling
        new_model = build_model(job.experiment, scaling, jit=self.plan.jit, precision=self.plan.precision)
        for (_, variable), (_, initial_variable) in zip(
            _iter_initial_variables(self.model), _iter_initial_variables(new_model), strict=True
        ):
            variable.assign(initial_variable.value)
        self.model.train_function, self.model.test_function = self.keras_functions
        self.inspector.select_examples(job)

    def set_initial_values(self, job: TrainingJob, optimizer_values: Sequence[NDArray[Any]]) -> None:
        """Set all variables to the initial values of a job, faster than `reset_for_job` and without other changes.

        Args:
            job: The training job.
            optimizer_values: The initial values of the optimizer's variables for another job. Only the learning rate
                can differ.
        """
        values = compute_initial_values(job.experiment, precision=self.plan.precision)
        for variable, value in zip(self.model.variables, values, strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.optimizer.variables, optimizer_values, strict=True):
            variable.assign(value)
        if isinstance(job.experiment.optimizer.learning_rate, float):
            self.model.optimizer.learning_rate = job.experiment.optimizer.learning_rate

    def is_usable_for(self, job: TrainingJob) -> bool:
        """Return whether the compiled programs and the pipeline of this model are also those of a job.

        The job must have the same network digest. With another split, the scaling of inputs and targets and the weights
        of classes can differ.
        """
        parts, job_parts = map(_list_arrays, (self.pipeline.preprocessing, job.preprocessing))
        return (
            self.pipeline.examples is job.examples
            and self.plan == job.plan
            and all(_are_equal(part, job_part) for part, job_part in zip(parts, job_parts, strict=True))
        )


def _list_arrays(preprocessing: Preprocessing) -> list[NDArray[np.float32] | None]:
    """Return the arrays that a preprocessing consists of; `None` for a missing array."""
    scaling = preprocessing.target_scaling
    target_arrays = (None, None) if scaling is None else (scaling.mean, scaling.scale)
    return [preprocessing.scale, preprocessing.mean, preprocessing.class_weights, *target_arrays]


def _are_equal(first: NDArray[np.float32] | None, second: NDArray[np.float32] | None) -> bool:
    """Return whether two arrays are equal, or both are missing."""
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


def _iter_initial_variables(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Return the variables that must have initial values when a training begins, with their names.

    Variables of metrics are left out, because every epoch resets these variables.
    """
    return ((name, variable) for name, variable in iter_variables(model) if not name.startswith(METRICS_GROUP))


class CompiledModelCache:
    """Cache of the compiled models of completed trainings, by network digest, for reuse in later trainings.

    Args:
        max_models: The maximum number of models. The model whose last use is the longest ago is removed first.
    """

    def __init__(self, max_models: int = 4) -> None:
        self.max_models = max_models
        self.models: dict[str, CompiledModel] = {}

    @contextmanager
    def use_model(self, job: TrainingJob) -> Iterator[CompiledModel]:
        """Yield a compiled model in its initial state, and cache the model if the block ends without an error.

        A cached model is reused only if the examples, their preprocessing and the execution plan are the same.
        """
        key = compute_network_digest(job.experiment)
        compiled_model = self.models.pop(key, None)
        start_time = time.monotonic()
        if compiled_model is not None and compiled_model.is_usable_for(job):
            compiled_model.reset_for_job(job)
            _logger.info("compiled network reused, %.2f s", time.monotonic() - start_time)
            yield compiled_model
        else:
            # The programs are compiled in the block, when they first run.
            with use_cached_programs(job.experiment):
                compiled_model = self.build_model(job)
                _logger.info("network built, %.2f s", time.monotonic() - start_time)
                yield compiled_model
        self.models[key] = compiled_model
        for old_key in list(self.models)[: -self.max_models]:
            del self.models[old_key]

    def build_model(self, job: TrainingJob) -> CompiledModel:
        """Build a compiled model, which shares the tensors of the examples with other models of the cache."""
        number_program_names(compute_network_digest(job.experiment))
        shared_pipelines = [
            cached.pipeline for cached in self.models.values() if cached.pipeline.examples is job.examples
        ]
        return CompiledModel.build(job, next(iter(shared_pipelines), None))
