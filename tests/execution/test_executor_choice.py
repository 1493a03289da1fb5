import pytest

from dnn_cli.execution.executor_choice import MIN_WORKER_BYTES, compute_data_bytes, count_workers
from dnn_cli.host import resources

MNIST = 2 * 60_000 * 28 * 28
"""Bytes of Fashion-MNIST in a worker: an array of uint8 and its copy."""


@pytest.mark.parametrize(
    ("cores", "memory", "jobs", "workers"),
    [
        (4, 100 * MIN_WORKER_BYTES, None, 4),
        (4, 2 * (MIN_WORKER_BYTES + MNIST), None, 2),
        (4, 2 * (MIN_WORKER_BYTES + MNIST) - 1, None, 1),
        (4, 1, None, 1),
        (4, 1, 3, 3),
        (50, 100 * MIN_WORKER_BYTES, None, 6),
    ],
    ids=["cores", "memory", "memory with data", "at least one", "as the user says", "as many as runs"],
)
def test_workers_follow_the_limits_of_the_container(monkeypatch, experiment, cores, memory, jobs, workers):
    monkeypatch.setattr(resources, "count_available_cores", lambda: cores)
    monkeypatch.setattr(resources, "get_usable_memory", lambda: memory)
    large = experiment("data.dataset=fashion_mnist")
    assert compute_data_bytes(large) == MNIST
    assert count_workers(jobs, 0, [experiment(), large], runs=6) == workers
