"""Measure false verdicts of `dnn settle` at any stopping point, and the number of its pairs.

    simulate [COMPARISONS]       false `better` and `equivalent` on random scores; 1 min for 2,000 comparisons
    power [COMPARISONS]          verdicts and numbers of pairs for real differences; 10 s for 20,000 comparisons
    networks [COMPARISONS] [PAIRS]  real trainings by scikit-learn; 2 min for 100 comparisons of 10 pairs
    train [COMPARISONS] [PAIRS]  real trainings by dnn; 7 min for 100 comparisons of 7 pairs

`networks` and `train` compare one experiment with itself. Every run is used once, so every `better` is false. Its
differences plus a margin are those of experiments that differ by exactly this margin: every `equivalent` is false.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dnn_cli.runs.store import Store
from tests.helpers.digits import QUICK_YAML
from tests.helpers.random_groups import compute_allowed_count
from tests.helpers.random_pairs import NAMES, count_different, count_equivalent, draw_differences, measure_settling
from tests.stress.verdict_error_rate import get_final_score, print_share, train_sweep

MARGIN = 0.005
"""Margin at which equivalence is simulated. Two of 400 and five of 1,000 examples are exactly this difference."""

PAIRS = (12, 30, 200)
"""Largest numbers of pairs."""

FIXED_PAIRS = 12
"""Number of pairs of a comparison of a fixed number, with which numbers of pairs are compared."""


def simulate_false_verdicts(comparisons: int = 2000) -> bool:
    """Print false verdicts for every kind of scores, and return whether all are at most 5%."""
    is_right, allowed = True, compute_allowed_count(comparisons)
    for name in NAMES:
        differences = draw_differences(name, np.random.default_rng(sum(map(ord, name))), comparisons, PAIRS[-1])
        different = [count_different(differences[:, :pairs]) for pairs in PAIRS]
        equivalent = [count_equivalent(MARGIN + differences[:, :pairs], MARGIN) for pairs in PAIRS]
        is_right &= max(different[-1], equivalent[-1]) <= allowed
        cells = " ".join(f"{100 * count / comparisons:5.2f}" for count in (*different, *equivalent))
        print(f"{name:10} {cells}", flush=True)
    print(f"% of {comparisons}: better, then equivalent at a difference of {MARGIN}; up to {PAIRS} pairs")
    # The mean is 0, but the signs are not fair: an experiment with a skewed distribution against a constant one.
    chance = np.random.default_rng(0)
    for sigma in (0.5, 1.0):
        skewed = chance.lognormal(0, sigma, (comparisons, PAIRS[1])) - math.exp(sigma**2 / 2)
        count = count_different(skewed)
        print(f"lognormal differences of mean 0, sigma {sigma}: {100 * count / comparisons:.2f}% in {PAIRS[1]} pairs")
    return is_right


def measure_power(comparisons: int = 20_000) -> bool:
    """Print verdicts and mean numbers of pairs by effect, and return whether two deviations need 30% fewer pairs."""
    for effect in (0.25, 0.5, 0.71, 1.0, 1.41, 2.0, 4.0):
        cells = [measure_settling(effect, comparisons, pairs) for pairs in (FIXED_PAIRS, 30, 100)]
        print(f"{effect:5} " + "  ".join(f"{100 * share:5.1f}% {pairs:6.2f}" for share, pairs in cells), flush=True)
    print(f"effect in standard deviations of a difference; verdicts and mean pairs of {comparisons}, up to 12, 30, 100")
    for margin in (0.5, 1.0, 1.41, 2.0):
        differences = np.random.default_rng(0).normal(0, 1, (comparisons // 10, 100))
        counts = [count_equivalent(differences[:, :pairs], margin) for pairs in (FIXED_PAIRS, 30, 100)]
        print(f"equal, margin {margin:4}: " + " ".join(f"{1000 * count / comparisons:5.1f}%" for count in counts))
    return measure_settling(2.0, comparisons, 30)[1] <= 0.7 * FIXED_PAIRS


def measure_on_trainings(comparisons: int = 100, pairs: int = 7) -> bool:
    """Train one experiment, print false verdicts, and return whether they are at most 5%."""
    runs_needed = 2 * comparisons * pairs
    with tempfile.TemporaryDirectory() as name:
        directory, started = Path(name), time.monotonic()
        text = QUICK_YAML.replace("engine: keras\n", "").replace("batch_size: 479", "batch_size: 32")
        (directory / "digits.yaml").write_text(text, encoding="utf-8")
        train_sweep(directory, ["--lanes", "64"], f"1..{runs_needed}")
        store = Store(directory / "runs")
        runs = store.with_details(store.list_runs())
        print(f"{len(runs)} trainings in {time.monotonic() - started:.0f} s", flush=True)
    by_seed = {run_info.details.seed: get_final_score(run_info) for run_info in runs}
    return _judge_trainings([by_seed[seed] for seed in range(1, runs_needed + 1)], comparisons, pairs)


def measure_on_networks(comparisons: int = 100, pairs: int = 10) -> bool:
    """Train one network of scikit-learn, print false verdicts, and return whether they are at most 5%."""
    import warnings

    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    inputs, targets = load_digits(return_X_y=True)
    split = train_test_split(inputs / 16, targets, test_size=0.2, random_state=0)
    scores = []
    for seed in range(2 * comparisons * pairs):
        network = MLPClassifier((16,), batch_size=32, max_iter=3, random_state=seed)
        scores.append(float(network.fit(split[0], split[2]).score(split[1], split[3])))
    return _judge_trainings(scores, comparisons, pairs)


def _judge_trainings(run_scores: Sequence[float], comparisons: int, pairs: int) -> bool:
    """Print the verdicts on scores of one experiment, and return whether at most 5% are false."""
    scores = np.array(run_scores).reshape(2, comparisons, pairs)
    differences = scores[0] - scores[1]
    different = count_different(differences)
    print_share(f"equal experiments, up to {pairs} pairs", different, comparisons)
    # With a margin of two deviations, equal experiments are found equivalent with few pairs.
    margin = round(2 * float(differences.std()), 4)
    equivalent = count_equivalent(differences + margin, margin)
    print_share(f"true difference {margin}, up to {pairs} pairs", equivalent, comparisons, "called equivalent")
    expected = count_equivalent(differences, margin)
    print_share(f"equal experiments, margin {margin}, up to {pairs} pairs", expected, comparisons, "called equivalent")
    return max(different, equivalent) <= compute_allowed_count(comparisons)


MODES = {
    "simulate": simulate_false_verdicts,
    "power": measure_power,
    "networks": measure_on_networks,
    "train": measure_on_trainings,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument("numbers", type=int, nargs="*", help="COMPARISONS, and PAIRS of trainings")


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if more than 5% of the verdicts are false, or too many pairs are needed."""
    return 0 if MODES[options.mode](*options.numbers) else 1
