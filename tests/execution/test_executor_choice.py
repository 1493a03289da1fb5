import pytest

from dnn_cli.errors import UsageError
from dnn_cli.execution import local_executor
from dnn_cli.execution.executor_choice import (
    MIN_WORKER_BYTES,
    ExecutorOptions,
    compute_data_bytes,
    count_workers,
    format_memory_advice,
    open_executor,
)
from dnn_cli.execution.reporters import Reporter
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
    assert count_workers(ExecutorOptions(jobs=jobs, gpus=0), [experiment(), large], runs=6) == workers


def test_advice_names_the_workers_that_fit_into_memory(monkeypatch, experiment):
    monkeypatch.setattr(resources, "get_usable_memory", lambda: 2 * MIN_WORKER_BYTES + MNIST)
    small, large = [experiment()], [experiment(), experiment("data.dataset=fashion_mnist")]
    assert format_memory_advice(2, small) == format_memory_advice(1, large) == ""
    assert format_memory_advice(4, small) == (
        "advice: 4 workers need up to 6.0 GB of memory, and this process may use 3.1 GB  (-j 2)"
    )
    assert format_memory_advice(2, large).endswith("(-j 1)")


@pytest.fixture
def machine_with_cores(cuda_machine, monkeypatch):
    """A machine with 8 cores and with files of CUDA."""
    monkeypatch.setattr(resources, "count_available_cores", lambda: 8)
    monkeypatch.setattr(resources, "get_usable_memory", lambda: 100 * MIN_WORKER_BYTES)
    cuda_machine.install_wheels()
    return cuda_machine


@pytest.mark.parametrize(
    ("gpus", "jobs", "option", "devices", "workers", "names"),
    [
        (0, None, None, ["auto"], 8, []),
        (0, 3, None, ["auto"], 3, []),
        (1, None, None, ["auto"], 1, ["0"]),
        (4, None, None, ["gpu"], 4, ["0", "1", "2", "3"]),
        (1, 4, None, ["auto"], 4, ["0"]),
        (4, 6, None, ["auto"], 6, ["0", "1", "2", "3"]),
        (4, None, 2, ["auto"], 2, ["0", "1"]),
        (4, 1, 2, ["auto"], 1, ["0", "1"]),
        (1, None, 0, ["auto"], 8, ["-1"]),
        (1, None, None, ["cpu"], 8, []),
        (1, None, None, ["cpu", "auto"], 1, ["0"]),
    ],
    ids=["no GPU", "no GPU and -j 3", "one GPU", "four GPUs", "one GPU and -j 4", "four GPUs and -j 6", "--gpus 2",
         "--gpus 2 and -j 1", "--gpus 0", "device cpu", "one experiment on the CPU"],
)  # fmt: skip
def test_workers_follow_the_gpus(machine_with_cores, experiment, gpus, jobs, option, devices, workers, names):
    machine_with_cores.add_gpus(gpus)
    experiments = [experiment(f"device={device}") for device in devices]
    options = ExecutorOptions(jobs=jobs, gpus=option)
    with open_executor(options, experiments, Reporter(), 10) as executor:
        assert (executor.worker_count, list(executor.gpus)) == (workers, names)
    assert count_workers(options, experiments, 10) == workers


def test_gpus_without_libraries_leave_one_worker_per_core(machine_with_cores, experiment):
    machine_with_cores.add_gpus(1)
    machine_with_cores.write_build(is_cuda_build=False)
    assert count_workers(ExecutorOptions(), [experiment()], 10) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 3, "gpus": 2}, "-j 3 exceeds --gpus 2: each GPU trains one run at a time"),
        ({"executor_name": "rai"}, "unknown value of --on: rai"),
        ({"lanes": "5"}, "unknown value of --lanes: 5"),
        ({"executor_name": "ray", "lanes": "4"}, "--lanes 4 cannot be combined with --on ray"),
    ],
    ids=["more jobs than GPUs", "executor", "lanes", "lanes with Ray"],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        ExecutorOptions(**options)
    assert caught.value.message == message


def test_ray_has_no_lanes():
    assert (ExecutorOptions("ray").usable_lanes, ExecutorOptions("local").usable_lanes) == ("off", "auto")


def test_workers_share_gpus(monkeypatch, tmp_path):
    class FakeProcess:
        pid = None

        def __init__(self, target, arguments, options, server_log):
            environments.append(arguments[1])

        def kill(self):
            """Do nothing."""

    environments = []
    monkeypatch.setattr(local_executor, "WorkerProcess", FakeProcess)
    executor = local_executor.LocalExecutor(5, ["2", "GPU-1"])
    for index in range(5):
        executor.start_worker(index, tmp_path)
    executor.kill_workers()
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in environments] == ["2", "GPU-1", "2", "GPU-1", "2"]
