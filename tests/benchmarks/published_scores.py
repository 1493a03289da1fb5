"""Train configs with several seeds, and print mean scores of Fashion-MNIST with intervals.

The scores of each seed are rows of `published_scores.csv`, so the same command trains missing seeds only. `--test` also
evaluates each model once on the test set. Configs are chosen by validation scores alone, so this option is for
configs that no longer change. `--write` writes the figures into the headers and the table of the configs. Seconds are
valid only on an idle machine.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from scipy import stats

from dnn_cli.config.digests import compute_outcome_digest
from dnn_cli.config.loading import load_experiment
from dnn_cli.config.network_summary import summarize_network
from dnn_cli.host.resources import format_processor
from tests.benchmarks.configs import SCORES_FILE, run_dnn, warn_if_busy, write_figures

LEVEL = 0.95


@dataclass(frozen=True)
class SeedScores:
    """Accuracies of a config with one seed: a row of the file of scores."""

    config: str

    digest: str
    """Digest of the experiment, so that scores of another version of the config are not mixed with these."""

    seed: int
    epochs: int
    validation: float

    test: float | None
    """Accuracy on the test set; `None` if the model has not been evaluated on it."""

    seconds: int
    processor: str


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


def read_scores() -> list[SeedScores]:
    """Return all rows of the file of scores."""
    with SCORES_FILE.open(encoding="utf-8", newline="") as file:
        return [
            SeedScores(
                row["config"],
                row["digest"],
                int(row["seed"]),
                int(row["epochs"]),
                float(row["validation"]),
                float(row["test"]) if row["test"] else None,
                int(row["seconds"]),
                row["processor"],
            )
            for row in csv.DictReader(file)
        ]


def append_scores(scores: SeedScores) -> None:
    """Append a row to the file of scores."""
    with SCORES_FILE.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, [field.name for field in fields(SeedScores)], lineterminator="\n").writerow(asdict(scores))


def measure_seed(config: str, digest: str, seed: int, options: argparse.Namespace) -> SeedScores:
    """Train a config with a seed, and evaluate the saved model."""
    (run,) = run_dnn(options.runs_dir, "train", config, f"seed={seed}")["runs"]
    splits = ("validation", "test") if options.test else ("validation",)
    accuracies = {
        split: round(run_dnn(options.runs_dir, "evaluate", run["id"], "--split", split)["scores"]["accuracy"], 4)
        for split in splits
    }
    return SeedScores(
        config,
        digest,
        seed,
        run["epochs"],
        accuracies["validation"],
        accuracies.get("test"),
        round(run["seconds"]),
        format_processor(),
    )


def measure_config(config: str, options: argparse.Namespace) -> list[SeedScores]:
    """Return the scores of all seeds of a config. Seeds without a row in the file of scores are trained first."""
    digest = compute_outcome_digest(load_experiment(config, ["seed=0"]).experiment)[:8]
    rows = {
        row.seed: row for row in read_scores() if row.digest == digest and (row.test is not None or not options.test)
    }
    for seed in range(1, options.seeds + 1):
        if seed not in rows:
            rows[seed] = measure_seed(config, digest, seed, options)
            append_scores(rows[seed])
            print(f"{config}  seed {seed}: {rows[seed]}", flush=True)
    return [rows[seed] for seed in range(1, options.seeds + 1)]


def compute_time(rows: Sequence[SeedScores]) -> tuple[float, str]:
    """Return the median seconds of the trainings on the processor with most of them, and the processor."""
    ((processor, _),) = Counter(row.processor for row in rows).most_common(1)
    return median(row.seconds for row in rows if row.processor == processor), processor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="configs to train")
    parser.add_argument("--seeds", type=int, default=8, help="number of seeds, from 1 on (default: 8)")
    parser.add_argument("--runs-dir", default="runs", help="directory of the runs (default: runs)")
    parser.add_argument("--test", action="store_true", help="also evaluate the models on the test set")
    parser.add_argument("--write", action="store_true", help="write the figures into the configs; needs --test")


def run(options: argparse.Namespace) -> int:
    """Print one line for each config."""
    if options.write and not options.test:
        print("--write needs --test, because the headers have both scores", file=sys.stderr)
        return 2
    warn_if_busy()
    for config in options.configs:
        rows = measure_config(config, options)
        scores = [str(compute_mean_score([row.validation for row in rows]))]
        scores_text = f"validation accuracy {scores[0]} after {rows[0].epochs} epochs"
        if options.test:
            scores.append(str(compute_mean_score([row.test for row in rows if row.test is not None])))
            scores_text += f", test accuracy {scores[1]}"
        scores_text += f" over {options.seeds} seeds"
        seconds, processor = compute_time(rows)
        parameters = summarize_network(load_experiment(config).experiment).total
        print(f"{config}  {parameters:,} parameters, {scores_text}, {seconds:.0f} s on {processor}", flush=True)
        if options.write:
            write_figures(Path(config), scores_text, scores, seconds, processor)
    return 0
