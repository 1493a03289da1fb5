"""Measure how the time of an epoch grows with examples, width and batch size.

Each step is compared with plain `fit` on `tf.data`. Images are random. Every figure is the median of several epochs
after the first, in turn with epochs of plain `fit`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import Examples, Split
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.training_job import TrainingJob, prepare_job

SERIES: dict[str, list[tuple[int, list[str]]]] = {
    "examples": [(count, []) for count in (1_000, 10_000, 100_000, 1_000_000)],
    "width": [(20_000, [f"layers.hidden.units={units}"]) for units in (10, 100, 1_000, 4_096)],
    "batch": [(20_000, [f"batch_size={size}"]) for size in (8, 32, 256, 4_096)],
}


def build_job(count: int, overrides: list[str]) -> TrainingJob:
    """Prepare a training of relu_adam on random images."""
    experiment = load_experiment("configs/relu_adam.yaml", overrides).experiment
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count).astype(np.uint8)
    return prepare_job(experiment, Examples(images, labels), Split(np.arange(count), np.arange(1)))


def iter_table_rows(name: str) -> Iterator[str]:
    """Measure the steps of a series and yield one line of the table for each."""
    for count, overrides in SERIES[name]:
        training_job = build_job(count, overrides)
        plain = replace(training_job.plan, engine="keras", jit=False, steps=1)
        pair = Contender(training_job, training_job.plan), Contender(training_job, plain)
        epoch_seconds = [
            [contender.run_epoch(number) for contender in pair] for number in range(2 if count > 100_000 else 4)
        ]
        ours, theirs = (median(seconds) for seconds in zip(*epoch_seconds[1:], strict=True))
        row_title = f"{count:,} examples" if name == "examples" else overrides[0].rpartition(".")[2]
        yield f"| {row_title} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.1f} × | {training_job.plan.steps} |"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("series", nargs="?", choices=SERIES, help="what grows (default: all, in turn)")


def run(options: argparse.Namespace) -> int:
    """Measure the series and print a table."""
    print("| | dnn, s | plain fit, s | | batches a call |\n|---|---|---|---|---|")
    for series in [options.series] if options.series else SERIES:
        for line in iter_table_rows(series):
            print(line, flush=True)
    return 0
