"""Where many trainings run: worker processes here, or a Ray cluster."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dnn_cli.errors import UsageError, nearest

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen
    from dnn_cli.spec.experiment import Experiment

Jobs = Annotated[
    Optional[int],  # noqa: UP045 - older Typer cannot read the newer way to write it
    typer.Option("-j", "--jobs", min=1, max=1024, metavar="N", help="Worker processes."),
]
On = Annotated[str, typer.Option("--on", metavar="PLACE", help="local, or ray: a cluster.")]
Gpus = Annotated[
    int,
    typer.Option("--gpus", min=0, max=64, metavar="N", show_default=False, help="Train one run on each of so many."),
]

WORKER_BYTES = 1_500_000_000
"""Memory of a worker in bytes, without its data: TensorFlow, compiled programs and the layers' outputs."""

PLACES = ("local", "ray")


def workers_for(jobs: int | None, gpus: int, experiments: "Sequence[Experiment]", runs: int | None = None) -> int:
    """Return the number of workers for some runs: one a GPU or a core, unless memory allows fewer, or `jobs`.

    Args:
        jobs: The number that the user asks for.
        gpus: How many GPUs train one run each.
        experiments: What is trained; the largest data decides how much memory a worker needs.
        runs: How many runs there are, if not one for each experiment.
    """
    from dnn_cli.host.limits import available_cores, memory_bytes

    worker = WORKER_BYTES + max(map(data_bytes, experiments), default=0)
    usual = gpus or min(available_cores(), memory_bytes() // worker)
    return max(1, min(jobs or usual, len(experiments) if runs is None else runs))


def data_bytes(experiment: "Experiment") -> int:
    """Return the memory that the examples take in a worker: as an array, and as TensorFlow's copy of it."""
    facts = experiment.data.facts
    return 2 * facts.examples * math.prod(facts.input_shape) * (1 if facts.pixel_max > 1 else 4)


def gpu_names(number: int) -> list[str]:
    """The first GPUs, as CUDA counts those that this process may use."""
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if visible and len(visible) < number:
        raise UsageError(
            f"--gpus {number} asks for more GPUs than CUDA_VISIBLE_DEVICES names", f"--gpus {len(visible)}"
        )
    return visible[:number] or [str(index) for index in range(number)]


@contextmanager
def executor_for(
    on: str, jobs: int | None, gpus: int, experiments: "Sequence[Experiment]", screen: "Screen", runs: int | None = None
) -> Iterator[Any]:
    """Where runs are trained; whatever is left of it when the block ends is ended.

    Raises:
        UsageError: there is no such place, or not what it needs.
    """
    if on not in PLACES:
        raise UsageError(f"there is no --on {on}", nearest(on, PLACES) or "local or ray")
    if jobs is not None and gpus and jobs > gpus:
        raise UsageError(f"{jobs} jobs on {gpus} GPUs: each GPU trains one run at a time", f"-j {gpus}")
    if on == "ray":
        with screen.waiting("starting Ray"):
            from dnn_cli.execute.on_ray import Cluster

            executor: Any = Cluster(jobs, gpus)
    else:
        from dnn_cli.execute.local import Pool

        executor = Pool(workers_for(jobs, gpus, experiments, runs), gpu_names(gpus) if gpus else ())
    screen.leaving.append(executor.kill)
    try:
        yield executor
        executor.close()
    finally:
        executor.kill()
        screen.leaving.remove(executor.kill)
