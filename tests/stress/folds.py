"""Measure how often cross-validated groups that are equally good get a verdict.

    simulate [DATASETS]   two seeds, and two halves of redundant features, with small models; 33 min for 1,000 data sets
    train [DATASETS]      the same with trainings by dnn; 50 min for 100 data sets

Two seeds of one network differ by chance alone. Two networks that see different, equally useful halves of the features
also react differently to the data set, so that their differences agree across folds. A paired t-test without correction
fails there: the last number of a line is its share of false verdicts.
"""

import argparse
import math
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from numpy.random import Generator

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.compare.group import Group
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.store import Store
from tests.helpers.fold_groups import (
    EXAMPLES,
    FEATURES,
    Scores,
    draw_two_halves,
    has_fold_verdict,
    has_uncorrected_verdict,
    iter_folds,
    make_fold_groups,
    score_halves,
)
from tests.helpers.random_groups import compute_allowed_count

SCHEMES = ((3, 1), (5, 1), (10, 1), (5, 2), (5, 10), (10, 3))
"""Numbers of folds and repetitions."""

TRAINED_EXAMPLES, TRAINED_FOLDS = 150, 5

CONFIG = """\
data: {{dataset: csv, path: {path}, task: classification}}
model:
  layers:
    - {{type: Reshape, target_shape: [4, {features}, 1]}}
    - {{type: MaxPooling2D, pool_size: 1, strides: [{stride}, 1]}}
    - Flatten
    - {{type: Dense, units: 8, activation: relu}}
    - {{type: Dense, units: 2, activation: softmax}}
optimizer: {{type: adam, learning_rate: 0.02}}
epochs: 15
jit: false
seed: {seed}
name: {name}
"""


def simulate_false_verdicts(datasets: int = 1000) -> bool:
    """Print false verdicts for each kind of models and each scheme, and return whether all are at most 5%."""
    is_right = True
    for name, score_folds in (("two halves, linear", score_halves), ("two seeds, perceptron", score_seeds)):
        for folds, repetitions in SCHEMES:
            # Perceptrons take a hundred times longer, so the largest schemes have fewer data sets.
            count = datasets if name.endswith("linear") else min(datasets, datasets * 5 // (folds * repetitions))
            chance = np.random.default_rng(100 * folds + repetitions)
            pairs = [score_folds(chance, folds, repetitions) for _ in range(count)]
            wrong = sum(has_fold_verdict(make_fold_groups(s, folds, EXAMPLES), EXAMPLES // folds) for s in pairs)
            uncorrected = sum(has_uncorrected_verdict(scores) for scores in pairs)
            is_right &= wrong <= compute_allowed_count(count)
            print_share(f"{name:21} {repetitions:2} × {folds:2} folds", wrong, count, uncorrected)
    return is_right


def score_seeds(chance: Generator, folds: int, repetitions: int) -> Scores:
    """Return the accuracies of one perceptron with two seeds, of shape (2, repetitions · folds)."""
    from sklearn.neural_network import MLPClassifier

    inputs, _, classes = draw_two_halves(chance, EXAMPLES, FEATURES)
    parts = iter_folds(chance, folds, repetitions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([
            [
                MLPClassifier(8, learning_rate_init=0.02, max_iter=15, random_state=seed)
                .fit(inputs[train], classes[train])
                .score(inputs[validation], classes[validation])
                for train, validation in parts
            ]
            for seed in chance.integers(0, 2**31, 2).tolist()
        ])  # fmt: skip


def measure_on_trainings(datasets: int = 200) -> bool:
    """Train, compare, print, and return whether false verdicts are at most 5%."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        for number in range(datasets):
            write_dataset(directory, number)
        configs = sorted(path.name for path in directory.glob("*.yaml"))
        words = ["train", *configs, "--folds", str(TRAINED_FOLDS), "-j", "2"]
        subprocess.run([sys.executable, "-m", "dnn_cli", *words], cwd=directory, check=True, capture_output=True)
        store = Store(directory / "runs")
        runs = store.with_details(store.list_runs())
        print(f"{len(runs)} trainings in {time.monotonic() - started:.0f} s", flush=True)
        is_right = True
        for title, names in (("two seeds", ("first", "again")), ("two halves", ("first", "second"))):
            wrong = uncorrected = 0
            for number in range(datasets):
                groups = [select_group(runs, f"{name}-{number}") for name in names]
                wrong += has_fold_verdict(groups, TRAINED_EXAMPLES // TRAINED_FOLDS)
                scores = np.array([list(group.fold_means.values()) for group in groups])
                uncorrected += has_uncorrected_verdict(scores)
            is_right &= wrong <= compute_allowed_count(datasets)
            print_share(f"{title}, dnn, 1 × {TRAINED_FOLDS} folds", wrong, datasets, uncorrected)
    return is_right


def write_dataset(directory: Path, number: int) -> None:
    """Write one data set with its three configs: the first half with two seeds, and the second half.

    Each input has four parts of equal size: zeros, zeros, the first half and the second half. Pooling with a stride of
    2 selects the first and the third part, and a stride of 3 selects the first and the fourth.
    """
    first, second, classes = draw_two_halves(np.random.default_rng(number), TRAINED_EXAMPLES, FEATURES)
    zeros = np.zeros((TRAINED_EXAMPLES, 2 * FEATURES))
    names = [f"x{at}" for at in range(4 * FEATURES)]
    inputs = np.hstack([zeros, first, second])
    rows = [",".join([*(f"{x:.5g}" for x in row), str(y)]) for row, y in zip(inputs, classes, strict=True)]
    (directory / f"{number}.csv").write_text("\n".join([",".join([*names, "y"]), *rows]) + "\n")
    for name, stride, seed in (("first", 2, 1), ("again", 2, 2), ("second", 3, 3)):
        text = CONFIG.format(path=f"{number}.csv", features=FEATURES, stride=stride, seed=seed, name=f"{name}-{number}")
        (directory / f"{name}-{number}.yaml").write_text(text)


def select_group(runs: list[RunInfo], name: str) -> Group:
    """Return the group of the folds with a name."""
    (group,) = compare_runs([run_info for run_info in runs if run_info.name == name], "val_accuracy").groups
    return group


def print_share(title: str, count: int, total: int, uncorrected: int) -> None:
    """Print a count with its share and the 95% interval of Wilson, and the share of the test without correction."""
    share, z = count / total, 1.96
    centre = (share + z * z / 2 / total) / (1 + z * z / total)
    reach = z * math.sqrt(share * (1 - share) / total + z * z / 4 / total**2) / (1 + z * z / total)
    print(
        f"{title}: {count} of {total} called different, {share:.1%} ({max(centre - reach, 0):.1%} to "
        f"{centre + reach:.1%}); without correction {uncorrected / total:.1%}",
        flush=True,
    )


MODES = {"simulate": simulate_false_verdicts, "train": measure_on_trainings}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument("datasets", type=int, nargs="?", help="number of data sets")


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if more than 5% of the verdicts are false."""
    return 0 if MODES[options.mode](*([] if options.datasets is None else [options.datasets])) else 1
