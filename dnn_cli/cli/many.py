"""Where many trainings run: worker processes here, or a Ray cluster."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dnn_cli.errors import UsageError, nearest

if TYPE_CHECKING:
    from dnn_cli.cli.progress import Screen

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
"""Memory that a worker is counted with."""

PLACES = ("local", "ray")


def workers_for(jobs: int | None, gpus: int, runs: int) -> int:
    """How many workers so many runs have: one a GPU or a core, as far as memory goes, where nobody says a number."""
    from dnn_cli.formats.files import memory_bytes

    usual = gpus or min(len(os.sched_getaffinity(0)), max(1, memory_bytes() // WORKER_BYTES))
    return max(1, min(jobs or usual, runs))


def gpu_names(number: int) -> list[str]:
    """The first GPUs, as CUDA counts those that this process may use."""
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if visible and len(visible) < number:
        raise UsageError(
            f"--gpus {number} asks for more GPUs than CUDA_VISIBLE_DEVICES names", f"--gpus {len(visible)}"
        )
    return visible[:number] or [str(index) for index in range(number)]


@contextmanager
def executor_for(on: str, jobs: int | None, gpus: int, runs: int, screen: "Screen") -> Iterator[Any]:
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

        executor = Pool(workers_for(jobs, gpus, runs), gpu_names(gpus) if gpus else ())
    screen.leaving.append(executor.kill)
    try:
        yield executor
        executor.close()
    finally:
        executor.kill()
        screen.leaving.remove(executor.kill)
