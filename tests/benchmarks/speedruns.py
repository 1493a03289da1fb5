"""Time whole trainings to validation accuracies of 0.88, 0.90, 0.92 and 0.93 on Fashion-MNIST.

A config of `configs/speedruns` reaches its accuracy if the mean over 8 seeds or more is higher with p < 0.01 in a
one-sided t-test. The time is the median of whole processes, with the start of Python and TensorFlow. One process before
them is not counted: it compiles what later processes read from XLA's cache. `--write` writes the figures into the
headers and the table of the configs. Seconds are valid only on an idle machine.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from scipy import stats

from dnn_cli.config.loading import load_experiment
from dnn_cli.host.resources import format_processor
from tests.benchmarks.configs import run_dnn, warn_if_busy, write_figures
from tests.benchmarks.published_scores import MeanScore, compute_mean_score

LEVEL = 0.01
MIN_SEEDS = 8


class Speedrun(NamedTuple):
    """Measured accuracy and time of a config."""

    target: float
    epochs: int
    validation: MeanScore

    p: float
    """p-value of the one-sided t-test; small if the mean accuracy is higher than the target."""

    seconds: float

    @property
    def is_reached(self) -> bool:
        """Whether the p-value is below `LEVEL`. The mean accuracy is then higher than the target."""
        return self.p < LEVEL

    @property
    def p_text(self) -> str:
        """The p-value as text."""
        return f"{self.p:.4f}" if self.p >= 0.0001 else "< 0.0001"


def read_target(config: Path) -> float:
    """Return the accuracy that the name of a config contains: 0.88 for `accuracy_88`."""
    return int(config.stem.rpartition("_")[2]) / 100


def time_training(config: Path, seed: int) -> tuple[float, float]:
    """Train a config in a new process, and return its seconds and the validation accuracy of the saved model."""
    with tempfile.TemporaryDirectory() as runs:
        started = time.perf_counter()
        (run,) = run_dnn(runs, "train", str(config), f"seed={seed}")["runs"]
        seconds = time.perf_counter() - started
        scores = run_dnn(runs, "evaluate", run["id"], "--split", "validation")["scores"]
    return seconds, scores["accuracy"]


def measure_speedrun(config: Path, seeds: int) -> Speedrun:
    """Train a config with several seeds, after a first training that is not counted."""
    time_training(config, seed=0)
    seconds, accuracies = zip(*(time_training(config, seed) for seed in range(1, seeds + 1)), strict=True)
    target = read_target(config)
    p = float(stats.ttest_1samp(accuracies, target, alternative="greater").pvalue)
    epochs = load_experiment(str(config)).experiment.epochs
    return Speedrun(target, epochs, compute_mean_score(accuracies), p, median(seconds))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help="configs to train (default: all speedruns)")
    parser.add_argument(
        "--seeds", type=int, default=MIN_SEEDS, help="number of seeds, from 1 on: 8 or more (default: 8)"
    )
    parser.add_argument("--write", action="store_true", help="write the figures into the configs and their table")


def run(options: argparse.Namespace) -> int:
    """Print one line for each config. The exit code is 1 if a config misses its accuracy."""
    if options.seeds < MIN_SEEDS:
        print(f"an accuracy counts with {MIN_SEEDS} seeds or more: --seeds {options.seeds}", file=sys.stderr)
        return 2
    exit_code = 0
    warn_if_busy()
    for config in [Path(name) for name in options.configs] or sorted(Path("configs/speedruns").glob("*.yaml")):
        speedrun = measure_speedrun(config, options.seeds)
        scores_text = (
            f"validation accuracy {speedrun.validation} after {speedrun.epochs} epochs over {options.seeds} seeds, "
            f"p {speedrun.p_text}"
        )
        if not speedrun.is_reached:
            exit_code = 1
        verdict = "reached" if speedrun.is_reached else "MISSED"
        print(f"{config}  {speedrun.target:.2f} {verdict}: {scores_text}, {speedrun.seconds:.1f} s", flush=True)
        if options.write and speedrun.is_reached:
            cells = [str(speedrun.validation), speedrun.p_text]
            write_figures(config, scores_text, cells, speedrun.seconds, format_processor())
    return exit_code
