"""Sweeps on a Ray cluster of two nodes: the same bits as here, whatever becomes of a node."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import forked_cli
from tests.helpers.digits import QUICK_YAML
from tests.helpers.ray_cluster import RAY_ENVIRONMENT, kill_node, list_descendants, run_cluster
from tests.helpers.settings import ROOT


@pytest.fixture(scope="module")
def cluster():
    with run_cluster() as cluster:
        cluster.start_head()
        cluster.second = cluster.add_node()
        yield cluster


def start_sweep(cluster, directory, *words):
    """A sweep on the cluster, as a program of its own."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DNN_", "COV_", "RAY_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", "sweep", "digits.yaml", *words, "--on", "ray", "--json"],
        cwd=directory, env={**outside, **RAY_ENVIRONMENT, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": cluster.address},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def is_training(process):
    """Whether a node trains something."""
    for pid in list_descendants(process.pid):
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::train"):
                return True
        except OSError:
            pass
    return False


def read_weights(directory):
    """By their seeds, what was trained, each once and to its end."""
    weights_by_seed = {}
    for run_directory in (directory / "runs").glob("[!.]*"):
        seed = (run_directory / "config.yaml").read_text().split("\nseed: ")[1].split()[0]
        record = json.loads((run_directory / "run.json").read_text())
        assert record["status"] == "completed" and seed not in weights_by_seed
        weights_by_seed[seed] = record["results"]["weights"]
    return weights_by_seed


def test_killed_node_loses_no_run(config, cluster, tmp_path):
    config(QUICK_YAML)
    process = start_sweep(cluster, tmp_path, "seed=1..2")
    try:
        deadline = time.monotonic() + 60
        while not is_training(cluster.second):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        kill_node(cluster.second)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert len(json.loads(out)["runs"]) == 2  # and nothing else is on the screen
    assert len(err.splitlines()) == 3, err
    (tmp_path / "here").mkdir()
    config(QUICK_YAML, name="here/digits.yaml")
    done = forked_cli.run_command(tmp_path / "here", "sweep", "digits.yaml", "seed=1,2", "-j", "1")
    assert done.returncode == 0, done.stderr
    weights = read_weights(tmp_path)
    assert weights.keys() == {"1", "2"}
    assert weights == read_weights(tmp_path / "here")


def test_unreachable_cluster(config, program):
    config()
    done = program("sweep", "digits.yaml", "seed=1,2", "--on", "ray", RAY_ADDRESS="127.0.0.1:1")
    assert done.returncode == 2
    assert "the Ray cluster 127.0.0.1:1 cannot be reached: Connection refused" in done.stderr


def test_missing_ray(config, program, tmp_path):
    config()
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/ray.py").write_text("raise ImportError('no ray')\n")
    done = program("sweep", "digits.yaml", "seed=1,2", "--on", "ray", PYTHONPATH=f"{tmp_path / 'fake'}:{ROOT}")
    assert done.returncode == 2
    assert "pip install 'dnn-cli[ray]'" in done.stderr
