"""Choice of the executor that trains several runs: local workers or a Ray cluster, and the number of workers."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dnn_cli.config.experiment import Experiment
from dnn_cli.errors import UsageError, suggest_nearest_name
from dnn_cli.execution.lane_choices import AUTO, LANE_CHOICES, OFF
from dnn_cli.execution.reporters import Reporter
from dnn_cli.host import resources
from dnn_cli.host.gpus import NO_GPU, VISIBLE_GPUS_VARIABLE, list_training_gpus

MIN_WORKER_BYTES = 1_500_000_000
"""Memory that a worker process needs in addition to its data, in bytes.

This memory holds TensorFlow, compiled programs and the outputs of the layers.
"""

_EXECUTOR_NAMES = ("local", "ray")


@dataclass(frozen=True)
class ExecutorOptions:
    """Options of a command that trains several runs.

    Raises:
        UsageError: `executor_name` or `lanes` is unknown, the executor has no lanes, or `jobs` exceeds `gpus`.
    """

    executor_name: str = "local"
    """The value of `--on`: `local` or `ray`."""

    jobs: int | None = None
    """The value of `-j`, the number of workers; `None` selects the default."""

    gpus: int | None = None
    """The value of `--gpus`, the number of GPUs; 0 trains on the CPU. `None` selects the GPUs that the trainings use.

    Several workers share the selected GPUs if `jobs` exceeds their number.
    """

    lanes: str = AUTO
    """The value of `--lanes`, one of `LANE_CHOICES`."""

    def __post_init__(self) -> None:
        if self.executor_name not in _EXECUTOR_NAMES:
            raise UsageError(
                f"unknown value of --on: {self.executor_name}",
                suggest_nearest_name(self.executor_name, _EXECUTOR_NAMES) or "use local or ray",
            )
        if self.lanes not in LANE_CHOICES:
            raise UsageError(f"unknown value of --lanes: {self.lanes}", f"use one of {', '.join(LANE_CHOICES)}")
        if self.executor_name == "ray" and self.lanes not in (AUTO, OFF):
            raise UsageError(f"--lanes {self.lanes} cannot be combined with --on ray", "use --on local or --lanes off")
        if self.jobs is not None and self.gpus and self.jobs > self.gpus:
            raise UsageError(
                f"-j {self.jobs} exceeds --gpus {self.gpus}: each GPU trains one run at a time", f"use -j {self.gpus}"
            )

    @property
    def usable_lanes(self) -> str:
        """The value of `--lanes` for this executor: Ray trains each run alone."""
        return OFF if self.executor_name == "ray" else self.lanes


def count_workers(options: ExecutorOptions, experiments: Sequence[Experiment], runs: int | None = None) -> int:
    """Return the number of worker processes that train some runs: at least 1, and at most the number of runs.

    The default is one worker per GPU. Without GPUs, the default is one worker per core, or fewer workers if memory is
    short.

    Args:
        options: The options of the command.
        experiments: The experiments to train. The experiment with the largest data determines the memory of a worker.
        runs: The number of runs. By default, one run for each experiment is assumed.
    """
    fitting_workers = resources.get_usable_memory() // _compute_worker_bytes(experiments)
    default = _count_gpus(options, experiments) or min(resources.count_available_cores(), fitting_workers)
    return max(1, min(options.jobs or default, len(experiments) if runs is None else runs))


def _compute_worker_bytes(experiments: Sequence[Experiment]) -> int:
    """Return the memory of a worker that can train each of some experiments, in bytes."""
    return MIN_WORKER_BYTES + max(map(compute_data_bytes, experiments), default=0)


def compute_data_bytes(experiment: Experiment) -> int:
    """Return the memory of an experiment's inputs in a worker, in bytes.

    A worker holds two copies of the inputs: the array and TensorFlow's copy.
    """
    dataset_info = experiment.data.info
    return 2 * dataset_info.examples * math.prod(dataset_info.input_shape) * dataset_info.value_bytes


def format_memory_advice(workers: int, experiments: Sequence[Experiment]) -> str:
    """Return advice to start fewer workers if their memory is short on this machine; else an empty text.

    Args:
        workers: The number of workers.
        experiments: The experiments to train. The experiment with the largest data determines the memory of a worker.
    """
    worker_bytes = _compute_worker_bytes(experiments)
    memory = resources.get_usable_memory()
    if workers < 2 or workers * worker_bytes <= memory:
        return ""
    fitting = max(1, memory // worker_bytes)
    return (
        f"advice: {workers} workers need up to {workers * worker_bytes / 1e9:.1f} GB of memory, and this process may "
        f"use {memory / 1e9:.1f} GB  (-j {fitting})"
    )


def _can_use_gpus(experiments: Sequence[Experiment]) -> bool:
    """Return whether the config of at least one experiment permits a GPU."""
    return any(experiment.device != "cpu" for experiment in experiments)


def list_default_gpus(experiments: Sequence[Experiment]) -> list[str]:
    """Return the names of this machine's GPUs that trainings of some experiments use."""
    return list_training_gpus() if _can_use_gpus(experiments) else []


def is_gpu_used(options: ExecutorOptions, experiments: Sequence[Experiment]) -> bool:
    """Return whether trainings of some experiments use a GPU."""
    return _count_gpus(options, experiments) > 0


def _count_gpus(options: ExecutorOptions, experiments: Sequence[Experiment]) -> int:
    """Return the number of GPUs that trainings of some experiments use: the value of `--gpus`, or all that they use."""
    return len(list_default_gpus(experiments)) if options.gpus is None else options.gpus


def _list_gpu_names(gpu_count: int) -> list[str]:
    """Return the names of the first `gpu_count` GPUs in the variable CUDA_VISIBLE_DEVICES.

    If the variable is unset or empty, the names are `0`, `1` and so on. The name `-1` hides all GPUs.

    Raises:
        UsageError: CUDA_VISIBLE_DEVICES names too few GPUs.
    """
    if not gpu_count:
        return [NO_GPU]
    visible_gpus = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if visible_gpus and len(visible_gpus) < gpu_count:
        raise UsageError(
            f"--gpus {gpu_count} exceeds the number of GPUs in CUDA_VISIBLE_DEVICES",
            f"use --gpus {len(visible_gpus)}",
        )
    return visible_gpus[:gpu_count] or [str(index) for index in range(gpu_count)]


@contextmanager
def open_executor(
    options: ExecutorOptions, experiments: Sequence[Experiment], reporter: Reporter, runs: int | None = None
) -> Iterator[Any]:
    """Yield an executor, which trains experiments in worker processes. End the workers when the block ends.

    Args:
        options: The options of the command.
        experiments: The experiments to train. The experiment with the largest data determines the memory of a worker.
        reporter: The reporter of the training, which also ends the workers if a signal ends this process.
        runs: The number of runs. By default, one run for each experiment is assumed.

    Raises:
        UsageError: too few GPUs are available, or Ray is missing or cannot reach its cluster.
    """
    gpus = options.gpus
    if options.executor_name == "ray":
        with reporter.show_waiting("starting Ray"):
            from dnn_cli.execution.ray_executor import RayExecutor

            environment = {VISIBLE_GPUS_VARIABLE: NO_GPU} if gpus == 0 else {}
            executor: Any = RayExecutor(options.jobs, gpus if _can_use_gpus(experiments) else gpus or 0, environment)
    else:
        from dnn_cli.execution.local_executor import LocalExecutor

        gpu_names = list_default_gpus(experiments) if gpus is None else _list_gpu_names(gpus)
        workers = count_workers(options, experiments, runs)
        if advice := format_memory_advice(workers, experiments):
            reporter.print_line(advice)
        executor = LocalExecutor(workers, gpu_names)
    reporter.exit_callbacks.append(executor.kill_workers)
    try:
        yield executor
        executor.close()
    finally:
        executor.kill_workers()
        reporter.exit_callbacks.remove(executor.kill_workers)
