import pytest

from dnn_cli.cli.many import WORKER_BYTES, data_bytes, workers_for
from dnn_cli.host import limits

MNIST = 2 * 60_000 * 28 * 28
"""Bytes of Fashion-MNIST in a worker: an array of uint8 and its copy."""


@pytest.mark.parametrize(
    ("cores", "memory", "jobs", "workers"),
    [
        (4, 100 * WORKER_BYTES, None, 4),
        (4, 2 * (WORKER_BYTES + MNIST), None, 2),
        (4, 2 * (WORKER_BYTES + MNIST) - 1, None, 1),
        (4, 1, None, 1),
        (4, 1, 3, 3),
        (50, 100 * WORKER_BYTES, None, 6),
    ],
    ids=["cores", "memory", "memory with data", "at least one", "as the user says", "as many as runs"],
)
def test_workers_follow_the_limits_of_the_container(monkeypatch, experiment, cores, memory, jobs, workers):
    monkeypatch.setattr(limits, "available_cores", lambda: cores)
    monkeypatch.setattr(limits, "memory_bytes", lambda: memory)
    large = experiment("data.dataset=fashion_mnist")
    assert data_bytes(large) == MNIST
    assert workers_for(jobs, 0, [experiment(), large], runs=6) == workers
