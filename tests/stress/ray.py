"""Kill a node of a Ray cluster while it trains a run of a sweep.

The sweep completes every run on the other node, with the bits of the same sweep on this machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers import forked_cli
from tests.helpers.digits import QUICK_YAML
from tests.helpers.ray_cluster import RAY_ENVIRONMENT, kill_node, list_descendants, run_cluster
from tests.helpers.settings import ROOT

TIMEOUT = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", type=int, nargs="?", default=6, help="number of runs (default: 6)")


def run(options: argparse.Namespace) -> int:
    """Run the sweep on a cluster and on this machine; a wrong result raises."""
    runs: int = options.runs
    with tempfile.TemporaryDirectory() as temporary, run_cluster() as cluster:
        cluster.start_head()
        killed_node = cluster.add_node()
        directories = [Path(temporary) / name for name in ("cluster", "here")]
        for directory in directories:
            directory.mkdir()
            (directory / "digits.yaml").write_text(QUICK_YAML)
        started = time.monotonic()
        sweep = start_sweep(cluster.address, directories[0], f"seed=1..{runs}")
        try:
            while not is_training(killed_node):
                assert time.monotonic() < started + TIMEOUT and sweep.poll() is None
                time.sleep(0.1)
            kill_node(killed_node)
            out, err = sweep.communicate(timeout=TIMEOUT)
        finally:
            sweep.kill()
        assert sweep.returncode == 0, err
        assert len(json.loads(out)["runs"]) == runs
        assert len(err.splitlines()) == runs + 1, err
        print(f"{runs} runs in {time.monotonic() - started:.0f} s with a killed node")
        done = forked_cli.run_command(directories[1], "sweep", "digits.yaml", f"seed=1..{runs}", "-j", "1")
        assert done.returncode == 0, done.stderr
        weights, expected = map(read_weights, directories)
        assert weights == expected and len(weights) == runs
    print("all runs are bit-identical to those of this machine")
    return 0


def start_sweep(address: str, directory: Path, *words: str) -> subprocess.Popen[str]:
    """Start a sweep on a cluster, as a new process."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("DNN_", "RAY_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "dnn_cli", "sweep", "digits.yaml", *words, "--on", "ray", "--json"],
        cwd=directory, env={**outside, **RAY_ENVIRONMENT, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": address},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def is_training(node: subprocess.Popen[bytes]) -> bool:
    """Return whether a node trains a task."""
    for pid in list_descendants(node.pid):
        try:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::train"):
                return True
        except OSError:
            pass
    return False


def read_weights(directory: Path) -> dict[str, str]:
    """Read the digests of the weights of completed runs, by their seeds."""
    weights_by_seed = {}
    for run_directory in (directory / "runs").glob("[!.]*"):
        seed = (run_directory / "config.yaml").read_text().split("\nseed: ")[1].split()[0]
        record = json.loads((run_directory / "run.json").read_text())
        assert record["status"] == "completed" and seed not in weights_by_seed
        weights_by_seed[seed] = record["results"]["weights"]
    return weights_by_seed
