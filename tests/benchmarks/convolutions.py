"""Measure an epoch of convolutional networks with other settings of TensorFlow, side by side.

Each setting is a process that trains a network with the engine and with plain `fit`, one epoch each in turn. A line has
the share of the arithmetic peak, which is the rate of a product of two large matrices. The work of an epoch is six
operations for each multiply-add of `dnn summary` and each example: one multiplication and one addition for the
outputs, the gradients of the inputs, and the gradients of the kernels.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import median

import numpy as np

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.network_summary import summarize_network

DEFAULT_CONFIGS = ("configs/small_cnn.yaml", "configs/augmented_cnn.yaml", "configs/textbook/cnn_dropout.yaml")

SETTINGS: dict[str, tuple[dict[str, str], list[str]]] = {
    "default": ({}, []),
    "XLA": ({}, ["jit=true"]),
    "without oneDNN": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, []),
    "one thread in operations": ({"TF_NUM_INTRAOP_THREADS": "1"}, []),
    "one thread for operations": ({"TF_NUM_INTEROP_THREADS": "1"}, []),
    "one thread each": ({"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}, []),
}
"""Environment variables and overrides of each setting. TensorFlow has no convolutions with channels first on a CPU."""

OPERATIONS_PER_MULTIPLY_ADD = 6
MATRIX_SIZE = 2048


def measure_peak(repeats: int) -> float:
    """Return the operations per second of a product of two matrices in float32, the best of several."""
    left = np.random.default_rng(0).normal(size=(MATRIX_SIZE, MATRIX_SIZE)).astype(np.float32)
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        left @ left
        seconds.append(time.perf_counter() - started)
    return 2 * MATRIX_SIZE**3 / min(seconds)


def run_bench(config: str, setting: str, overrides: list[str], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each epoch after the first, by contender, for a config with a setting."""
    variables, changes = SETTINGS[setting]
    command = [sys.executable, "-m", "dnn_cli", "bench", config, *overrides, *changes]
    done = subprocess.run(
        [*command, "--repeats", str(repeats), "--json"],
        capture_output=True, text=True, check=True, env={**os.environ, **variables},
    )  # fmt: skip
    return {name: contender["seconds_per_epoch"] for name, contender in json.loads(done.stdout)["contenders"].items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("configs", nargs="*", default=DEFAULT_CONFIGS, metavar="CONFIG", help="configs to measure")
    parser.add_argument("--repeats", type=int, default=3, help="measured epochs (default: 3)")
    parser.add_argument("--images", type=int, default=6000, help="training images of an epoch (default: 6000)")
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS), metavar="SETTING",
                        help=f"settings to measure: {', '.join(SETTINGS)}")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Print one line for each config and setting."""
    peak = measure_peak(options.repeats)
    print(f"product of matrices of {MATRIX_SIZE}: {peak / 1e9:.0f} billion operations per second")
    for config in options.configs:
        overrides = [f"data.validation_size={60_000 - options.images}"]
        experiment = load_experiment(config, overrides).experiment
        work = OPERATIONS_PER_MULTIPLY_ADD * summarize_network(experiment).multiply_adds * options.images
        for setting in options.settings:
            seconds = run_bench(config, setting, overrides, options.repeats)
            medians = {name: median(values) for name, values in seconds.items()}
            engine = medians.pop("dnn")
            fits = ", ".join(f"{name} {value / engine:.2f} ×" for name, value in medians.items())
            print(f"{config}  {setting}: {engine:.2f} s, {work / engine / peak:.0%} of the peak; {fits}", flush=True)
    return 0
