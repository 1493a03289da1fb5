"""Measure how often the ranking over datasets gives false verdicts and finds differences.

    simulate [RANKINGS] [SETUPS…]   false verdicts on equally good setups, such as 2 and 3
    power [RANKINGS]                share of planted differences that are found

A ranking is wrong if any two setups are called different that are equally good. Setups that are equally good have
other scores on each dataset, because they suit some datasets better than others.
"""

import argparse
from collections.abc import Callable

import numpy as np

from dnn_cli.compare.significance import ALPHA
from dnn_cli.metrics.binomial import compute_confidence_interval
from tests.helpers.random_datasets import DATASET_DRAWS, count_wrong_rankings, rank_means
from tests.helpers.random_groups import compute_allowed_count

DATASET_COUNTS = (5, 8, 20)
SETUP_COUNTS = (2, 3, 5)


def simulate_false_verdicts(rankings: int = 1000, *setup_counts: int) -> bool:
    """Print false verdicts for every kind of scores, and return whether all are at most 5%.

    Numbers of datasets that allow no verdict are left out.
    """
    is_right = True
    for setups in setup_counts or SETUP_COUNTS:
        for datasets in DATASET_COUNTS:
            pairs = setups * (setups - 1) // 2
            if 2 * pairs / 2**datasets > ALPHA:
                print(f"{setups} setups, {datasets:2} datasets   no verdict is possible", flush=True)
                continue
            for name in DATASET_DRAWS:
                wrong = count_wrong_rankings(name, datasets, setups, rankings)
                is_right &= wrong <= compute_allowed_count(rankings)
                low, high = compute_confidence_interval(wrong, rankings)
                share = f"{wrong:3} of {rankings:,}, {wrong / rankings:.1%} ({low:.1%} to {high:.1%})"
                print(f"{setups} setups, {datasets:2} datasets   {name:15} {share}", flush=True)
    return is_right


def simulate_power(rankings: int = 1000) -> bool:
    """Print how often a setup that is worse than the others is called worse than the best, or the best better."""
    chance = np.random.default_rng(1)
    for setups in SETUP_COUNTS:
        for datasets in (5, 6, 8, 12, 20):
            cells = []
            for effect in (0.5, 1, 2, 4):
                worse = 0
                for _ in range(rankings):
                    means = 0.8 + chance.normal(0, 0.01 / np.sqrt(2), (datasets, setups))
                    means[:, 0] -= 0.01 * effect
                    words = {ranked.setup.label: ranked.word for ranked in rank_means(means).setups}
                    worse += words["0"] == "worse"
                cells.append(f"{100 * worse / rankings:4.0f}")
            print(f"{setups} setups, {datasets:2} datasets   {' '.join(cells)}", flush=True)
    print("% found; differences of 0.5, 1, 2 and 4 standard deviations of the difference on one dataset")
    return True


MODES: dict[str, Callable[..., bool]] = {"simulate": simulate_false_verdicts, "power": simulate_power}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument("numbers", type=int, nargs="*", help="RANKINGS and SETUPS (default: 1000 2 3 5)")


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if more than 5% of the verdicts are false."""
    return 0 if MODES[options.mode](*options.numbers) else 1
