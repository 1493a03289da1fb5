"""How the time of an epoch grows with examples, width and batch size, beside plain `fit` on `tf.data`.

    python tests/benchmark_growth.py [examples|width|batch…]

Images are random. Every figure is the median of some epochs after the first, taken in turn with plain fit's.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import numpy as np

from dnn_cli.data.examples import Examples, Split
from dnn_cli.spec.load import load
from dnn_cli.training.bench import Contender
from dnn_cli.training.job import Job, prepare

SERIES: dict[str, list[tuple[int, list[str]]]] = {
    "examples": [(count, []) for count in (1_000, 10_000, 100_000, 1_000_000)],
    "width": [(20_000, [f"layers.hidden.units={units}"]) for units in (10, 100, 1_000, 4_096)],
    "batch": [(20_000, [f"batch_size={size}"]) for size in (8, 32, 256, 4_096)],
}


def job(count: int, overrides: list[str]) -> Job:
    """relu_adam on random images."""
    experiment = load("configs/relu_adam.yaml", overrides).experiment
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (count, 28, 28), np.uint8), random.integers(0, 10, count).astype(np.uint8)
    return prepare(experiment, Examples(images, labels), Split(np.arange(count), np.arange(1)))


def lines(name: str) -> Iterator[str]:
    """A line of the table for every step of a series."""
    for count, overrides in SERIES[name]:
        work = job(count, overrides)
        plain = replace(work.plan, engine="keras", jit=False, steps=1)
        pair = Contender(work, work.plan), Contender(work, plain)
        taken = [[contender.run_epoch(number) for contender in pair] for number in range(2 if count > 100_000 else 4)]
        ours, theirs = (median(seconds) for seconds in zip(*taken[1:], strict=True))
        what = f"{count:,} examples" if name == "examples" else overrides[0].rpartition(".")[2]
        yield f"| {what} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.1f} × | {work.plan.steps} |"


if __name__ == "__main__":
    print("| | dnn, s | plain fit, s | | batches a call |\n|---|---|---|---|---|")
    for series in sys.argv[1:] or SERIES:
        for line in lines(series):
            print(line, flush=True)
