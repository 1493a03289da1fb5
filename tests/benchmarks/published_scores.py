"""Train configs with several seeds, and print mean scores of Fashion-MNIST with intervals.

`--test` also evaluates the models on the test set. Configs are chosen by validation scores alone, so this option is for
configs that no longer change. The runs stay in the runs directory, and the same command trains missing runs only.
`--write` writes the figures into the headers of the configs.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from dnn_cli.config.loading import load_experiment
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.host.resources import format_processor
from tests.benchmarks.configs import write_header

LEVEL = 0.95


class MeanScore(NamedTuple):
    """Mean of a score over runs with different seeds, and its interval by Student's t distribution."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.half_width:.4f}"


def compute_mean_score(scores: Sequence[float]) -> MeanScore:
    """Return the mean of the scores of several runs, with its interval at `LEVEL`."""
    error = float(stats.sem(scores))
    return MeanScore(float(np.mean(scores)), error * float(stats.t.ppf((1 + LEVEL) / 2, len(scores) - 1)))


def run_dnn(*words: str) -> dict[str, Any]:
    """Run a command and return its JSON. Its progress stays visible."""
    command = [sys.executable, "-m", "dnn_cli", *words, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure_config(config: str, options: argparse.Namespace) -> tuple[str, str]:
    """Train a config with all seeds, and return its scores and its speed as text."""
    directory = ["--runs-dir", options.runs_dir]
    runs = run_dnn("sweep", config, f"seed=1..{options.seeds}", "-j", "1", *directory)["runs"]
    texts = []
    for split in ("validation", "test") if options.test else ("validation",):
        documents = [run_dnn("evaluate", run["id"], "--split", split, *directory) for run in runs]
        scores = [document["scores"]["accuracy"] for document in documents]
        texts.append(f"{split} accuracy {compute_mean_score(scores)}")
    texts[0] += f" after {runs[0]['epochs']} epochs"
    seconds = np.mean([run["seconds"] for run in runs])
    return f"{', '.join(texts)} ({options.seeds} seeds)", f"{seconds:.0f} s on {format_processor()}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="configs to train")
    parser.add_argument("--seeds", type=int, default=8, help="number of seeds, from 1 on (default: 8)")
    parser.add_argument("--runs-dir", default="runs", help="directory of the runs (default: runs)")
    parser.add_argument("--test", action="store_true", help="also evaluate the models on the test set")
    parser.add_argument("--write", action="store_true", help="write the figures into the headers of the configs")


def run(options: argparse.Namespace) -> int:
    """Print one line for each config."""
    for config in options.configs:
        scores, speed = measure_config(config, options)
        parameters = summarize_network(load_experiment(config).experiment).total
        print(f"{config}  {parameters:,} parameters, {scores}, {speed}", flush=True)
        if options.write:
            write_header(Path(config), scores, speed)
    return 0
