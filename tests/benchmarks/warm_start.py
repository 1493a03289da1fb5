"""Measure `dnn train` with and without the warm server in turn, and compare the bits."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_ALONE = {"TF_NO_WARM_SERVER": "1"}
"""A variable that the server does not have, so that a command starts without the server."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="commands of each kind (default: 5)")
    parser.add_argument("--config", default="configs/relu_adam.yaml", help="the config (default: relu_adam)")


def run(options: argparse.Namespace) -> int:
    """Train in turn with and without the server, and print medians. Exit with 1 if bits differ."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "XDG_CACHE_HOME": directory}
        command = [sys.executable, "-m", "dnn_cli"]
        training = [*command, "-v", "train", options.config, "--runs-dir", f"{directory}/runs"]
        subprocess.run([*command, "warm"], env=environment, check=True)
        try:
            # The first command compiles the programs of the network.
            subprocess.run(training, env=environment, check=True, capture_output=True)
            for _ in range(options.rounds):
                for is_forked, words in seconds.items():
                    started = time.perf_counter()
                    process = subprocess.run(
                        training,
                        env={**environment, **({} if is_forked else _ALONE)},
                        check=True,
                        capture_output=True,
                        text=True,
                    )
                    words.append(time.perf_counter() - started)
                    assert ("forked from the warm server" in process.stderr) == is_forked, process.stderr
        finally:
            subprocess.run([*command, "warm", "--stop"], env=environment)
        outputs = {_read_predictions(path) for path in Path(directory).glob("runs/*/predictions.npz")}
    forked, alone = seconds[True], seconds[False]
    ratio = statistics.median(with_server / without for with_server, without in zip(forked, alone, strict=True))
    print(f"with the server {statistics.median(forked):.2f} s, without {statistics.median(alone):.2f} s: {ratio:.2f} ×")
    print("all predictions are equal" if len(outputs) == 1 else "predictions differ")
    return int(len(outputs) != 1)


def _read_predictions(path: Path) -> bytes:
    """Read the bytes of all arrays of a file."""
    with np.load(path) as arrays:
        return b"".join(arrays[name].tobytes() for name in sorted(arrays))
