"""Compare sweeps with two workers and with one worker, several rounds in turn.

A sweep trains four optimizers with three seeds (`optimizers`), one optimizer with many seeds (`seeds`), or a small
network on a small dataset (`digits`). Lanes are off, because lanes replace workers for small networks.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.sweep import time_command
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.settings import ROOT

_RELU_ADAM = str(ROOT / "configs" / "relu_adam.yaml")

SWEEPS = {
    "optimizers": [_RELU_ADAM, "optimizer=sgd,rmsprop,adagrad,adam", "seed=1..3", "epochs=5"],
    "seeds": [_RELU_ADAM, "seed=1..24", "epochs=5"],
    "digits": ["digits.yaml", "seed=1..40", "epochs=20"],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sweep", choices=SWEEPS, help="sweep to measure")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")


def run(options: argparse.Namespace) -> int:
    """Run the sweep with two workers and with one worker in turn, and print the medians and their ratio."""
    seconds: dict[int, list[float]] = {2: [], 1: []}
    for _ in range(options.rounds):
        for jobs, times in seconds.items():
            with tempfile.TemporaryDirectory() as temporary:
                (Path(temporary) / "digits.yaml").write_text(DIGITS_YAML)
                words = ["sweep", *SWEEPS[options.sweep], "-j", str(jobs), "--lanes", "off"]
                times.append(time_command([sys.executable, "-m", "dnn_cli", *words], Path(temporary)))
                print(f"-j {jobs}: {times[-1]:.1f} s", flush=True)
    medians = {jobs: statistics.median(times) for jobs, times in seconds.items()}
    print(f"medians: -j 1 {medians[1]:.1f} s, -j 2 {medians[2]:.1f} s, {medians[1] / medians[2]:.2f} ×")
    return 0
