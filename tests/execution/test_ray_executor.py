"""Sweeps on Ray: the same bits as on this machine, also after a worker has died.

The campaign `ray` kills a node of a cluster.
"""

import json
from importlib.util import find_spec

import pytest

from dnn_cli.config.loading import load_experiment
from dnn_cli.execution.executor_choice import ExecutorOptions, open_executor
from dnn_cli.execution.reporters import Reporter
from dnn_cli.runs.store import Store
from tests.helpers import forked_cli
from tests.helpers.digits import UNVALIDATED_YAML
from tests.helpers.lost_ray_worker import MARKER_VARIABLE, run_and_lose_worker
from tests.helpers.settings import ROOT


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_run_of_lost_worker_is_trained_again(config, trained, tmp_path):
    path, marker = config(UNVALIDATED_YAML), tmp_path / "lost"
    trained(load_experiment(path, ["seed=2"]).experiment)  # A sweep has several runs; Ray trains one of them.
    process = forked_cli.start_command(
        tmp_path, "sweep", path, "seed=1..2", "-j", "1", "--on", "ray", "--json", out="out", err="err",
        target=run_and_lose_worker, PYTHONPATH=str(ROOT), **{MARKER_VARIABLE: str(marker)},
    )  # fmt: skip
    process.join(120)
    errors = (tmp_path / "err").read_text()
    assert process.exitcode == 0, errors
    assert marker.exists()
    assert len(json.loads((tmp_path / "out").read_text())["runs"]) == 2
    assert len(errors.splitlines()) == 3, "Ray prints nothing"
    runs = {run_info.config["seed"]: run_info.run for run_info in Store(tmp_path / "runs").list_runs()}
    assert runs.keys() == {1, 2}
    record = runs[1].read_record()
    _, expected, _ = trained(load_experiment(path, ["seed=1"]).experiment)
    assert (record.status, record.results.weights) == ("completed", expected.results.weights)


def test_unreachable_cluster(config, dnn):
    config()
    done = dnn("sweep", "digits.yaml", "seed=1,2", "--on", "ray", RAY_ADDRESS="127.0.0.1:1")
    assert done.returncode == 2
    assert "the Ray cluster 127.0.0.1:1 cannot be reached: Connection refused" in done.stderr


def test_missing_ray(config, program, tmp_path):
    config()
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/ray.py").write_text("raise ImportError('no ray')\n")
    done = program("sweep", "digits.yaml", "seed=1,2", "--on", "ray", PYTHONPATH=f"{tmp_path / 'fake'}:{ROOT}")
    assert done.returncode == 2
    assert "pip install 'dnn-cli[ray]'" in done.stderr


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize(
    ("cluster_gpus", "jobs", "gpus", "device", "share", "tasks"),
    [
        (0, None, None, "auto", 0, 8),
        (0, 3, None, "auto", 0, 3),
        (2, None, None, "auto", 1, 2),
        (2, 1, None, "auto", 1, 1),
        (2, 4, None, "auto", 1 / 2, 4),
        (2, 3, None, "auto", 1 / 2, 3),
        (2, None, 1, "auto", 1, 1),
        (2, None, 0, "auto", 0, 8),
        (2, None, None, "cpu", 0, 8),
    ],
    ids=["no GPU", "no GPU and -j 3", "two GPUs", "two GPUs and -j 1", "two runs on each GPU", "two runs on one GPU",
         "--gpus 1", "--gpus 0", "device cpu"],
)  # fmt: skip
def test_tasks_follow_the_gpus_of_the_cluster(monkeypatch, experiment, cluster_gpus, jobs, gpus, device, share, tasks):
    from dnn_cli.execution import ray_executor

    resources = {"CPU": 8.0, **({"GPU": float(cluster_gpus)} if cluster_gpus else {})}
    # Ray itself also creates remote objects.
    options = []
    monkeypatch.setattr(ray_executor.RayExecutor, "connect_to_cluster", lambda self, address, gpus: None)
    monkeypatch.setattr(ray_executor.RayExecutor, "start_broker", lambda self: None)
    monkeypatch.setattr(ray_executor.ray, "cluster_resources", lambda: resources)
    monkeypatch.setattr(ray_executor.ray, "remote", lambda **words: options.append(words) or (lambda function: None))
    experiments = [experiment(f"device={device}")]
    with open_executor(ExecutorOptions("ray", jobs, gpus), experiments, Reporter()) as executor:
        assert len(list(executor.iter_idle_networks())) == tasks
    hidden = {"env_vars": {"CUDA_VISIBLE_DEVICES": "-1"}} if gpus == 0 else None
    assert [(words["num_gpus"], words["runtime_env"]) for words in options if "num_gpus" in words] == [(share, hidden)]
