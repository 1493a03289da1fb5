"""Comparison of the speed of dnn's engine with that of Keras's plain `fit`, on the same network and examples.

A contender is a model trained in one of these ways: by the engine, by `fit` on a `tf.data` dataset, by `fit` on arrays.
All contenders train in one process, one epoch each in turn. All contenders use the same order of examples, except `fit`
on arrays, which shuffles the examples itself.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from dnn_cli.data.pipeline import Pipeline, count_batches
from dnn_cli.host.resources import format_processor
from dnn_cli.training.chunked_engine import build_dataset, install_chunk_functions
from dnn_cli.training.execution_plan import ExecutionPlan
from dnn_cli.training.model_builder import build_model
from dnn_cli.training.stop_request import Diverged
from dnn_cli.training.training_job import TrainingJob

ENGINE, KERAS_FIT, KERAS_ARRAYS, KERAS_JIT = "dnn", "keras fit, tf.data", "keras fit, arrays", "keras fit, same jit"


@dataclass(frozen=True)
class Benchmark:
    """Result of a benchmark: seconds per epoch of each contender, and whether engine and `fit` end with equal weights.

    A contender is a way to train the same network, such as `dnn` (the engine) or `keras fit, arrays`.
    """

    plan: ExecutionPlan
    seconds: Mapping[str, tuple[float, ...]]
    """Seconds of every epoch except the first, by name of the contender. Validation is not included."""

    first_epoch: Mapping[str, float]
    """Seconds of the first epoch, which includes the time to compile, by name of the contender."""

    compared_with: str
    """Name of the contender whose weights are compared with those of the engine. This contender is trained by plain
    `fit`, with the same `jit_compile` as the engine."""

    bit_identical: bool
    machine: str
    """Machine on which the times were measured, as the names of its processors."""

    def compute_ratio(self, name: str = KERAS_FIT) -> float:
        """Return the median seconds per epoch of the contender `name`, divided by those of the engine.

        A ratio above 1 means that the engine is faster.
        """
        return float(np.median(self.seconds[name]) / np.median(self.seconds[ENGINE]))


class Contender:
    """Model with its own weights, trained by the engine, by plain `fit` on a dataset, or by plain `fit` on arrays.

    Args:
        job: The training job.
        plan: The execution plan. Its engine, `chunked` or `keras`, trains the model.
        arrays: Whether `fit` receives all examples as arrays instead of a dataset of batches.
    """

    def __init__(self, job: TrainingJob, plan: ExecutionPlan, *, arrays: bool = False) -> None:
        self.job, self.plan, self.arrays = job, plan, arrays
        self.pipeline = Pipeline(job.examples, job.experiment, job.preprocessing, device=job.device.tensorflow_name)
        scaling = job.preprocessing.target_scaling
        self.model = build_model(job.experiment, scaling, jit=plan.jit, precision=plan.precision)
        if plan.engine == "chunked":
            install_chunk_functions(self.model, self.pipeline, plan)
        if arrays:
            rows = self.pipeline.gather_rows(tf.constant(job.split.train))
            batch = self.pipeline.prepare_batch(*rows, self.pipeline.scaling, weighted=True)
            names = ("x", "y", "sample_weight")
            self.fit_arguments = {name: tensor.numpy() for name, tensor in zip(names, batch, strict=False)}

    def run_epoch(self, number: int) -> float:
        """Train one epoch and return its seconds.

        Args:
            number: The number of the epoch, from 0.

        Raises:
            Diverged: the loss is not a finite number.
        """
        timer = _EpochTimer()
        common = {
            "initial_epoch": number,
            "epochs": number + 1,
            "verbose": 0,
            "shuffle": self.arrays,
            "callbacks": [timer],
        }
        batch_size, train = self.job.experiment.batch_size, self.job.split.train
        order, epoch = self.pipeline.build_shuffled_order(train, self.job.experiment.seed), range(number, number + 1)
        if self.arrays:
            history = self.model.fit(**self.fit_arguments, batch_size=batch_size, **common).history
        else:
            data = build_dataset(self.pipeline, self.plan, order, epoch, weighted=True)
            history = self.model.fit(data, steps_per_epoch=count_batches(len(train), batch_size), **common).history
        if not np.isfinite(history["loss"]).all():
            raise Diverged(f"the loss became NaN or infinite in epoch {number + 1}")
        return timer.seconds

    def get_weights(self) -> list[NDArray[np.float32]]:
        return [np.array(weight) for weight in self.model.get_weights()]


class _EpochTimer(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that measures the seconds of an epoch, without the work of `fit` before and after the epoch."""

    seconds = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.seconds = -time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.seconds += time.perf_counter()


def run_benchmark(job: TrainingJob, repeats: int, report_progress: Callable[[str], None]) -> Benchmark:
    """Train `1 + repeats` epochs with the engine and with each compared variant of Keras's `fit`, and return the times.

    The compared models train one epoch each in turn. Other programs on the machine thus slow all models equally.

    Args:
        job: The training job.
        repeats: The number of epochs that are measured after the first epoch.
        report_progress: The function that receives a line such as `epoch 2 of 6: keras fit, arrays`.

    Raises:
        Diverged: a loss is not a finite number.
    """
    engine_plan = job.plan
    keras_plan = replace(engine_plan, engine="keras", jit=False, steps=1)
    plans = {ENGINE: (engine_plan, False), KERAS_FIT: (keras_plan, False), KERAS_ARRAYS: (keras_plan, True)}
    if engine_plan.jit:
        plans[KERAS_JIT] = (replace(keras_plan, jit=True), False)
    with tf.device(job.device.tensorflow_name):
        contenders = {name: Contender(job, plan, arrays=arrays) for name, (plan, arrays) in plans.items()}
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(1 + repeats):
            for name, contender in contenders.items():
                report_progress(f"epoch {number + 1} of {1 + repeats}: {name}")
                seconds[name].append(contender.run_epoch(number))
    compared_with = KERAS_JIT if engine_plan.jit else KERAS_FIT
    pairs = zip(contenders[ENGINE].get_weights(), contenders[compared_with].get_weights(), strict=True)
    gpu = f"{job.device.name} and " if job.device.is_gpu else ""
    return Benchmark(
        plan=engine_plan,
        seconds={name: tuple(epoch_seconds[1:]) for name, epoch_seconds in seconds.items()},
        first_epoch={name: epoch_seconds[0] for name, epoch_seconds in seconds.items()},
        compared_with=compared_with,
        machine=f"{gpu}{format_processor()}",
        bit_identical=all(np.array_equal(ours, theirs, equal_nan=True) for ours, theirs in pairs),
    )
