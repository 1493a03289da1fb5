"""Measure how often the ranking over datasets gives false verdicts and finds differences.

    simulate [RANKINGS]   false verdicts on random scores of equally good setups; 8 min for 1,000 rankings
    power [RANKINGS]      share of real differences that are found; 1 min for 1,000 rankings

A ranking is wrong if any two setups are called different that are equally good. Setups that are equally good have
other scores on each dataset, because they suit some datasets better than others.
"""

import argparse

import numpy as np

from tests.helpers.random_datasets import DATASET_DRAWS, count_wrong_rankings, rank_means
from tests.helpers.random_groups import compute_allowed_count

DATASET_COUNTS = (5, 8, 20)
METHOD_COUNTS = (2, 3, 5)


def simulate_false_verdicts(rankings: int = 1000) -> bool:
    """Print false verdicts for every kind of scores, and return whether all are at most 5%."""
    is_right = True
    for name in DATASET_DRAWS:
        cells = []
        for setups in METHOD_COUNTS:
            for datasets in DATASET_COUNTS:
                wrong = count_wrong_rankings(name, datasets, setups, rankings)
                is_right &= wrong <= compute_allowed_count(rankings)
                cells.append(f"{100 * wrong / rankings:4.1f}")
        print(f"{name:15} {' '.join(cells)}", flush=True)
    print(f"% of {rankings} rankings with a false verdict; 2, 3 and 5 setups, each with 5, 8 and 20 datasets")
    return is_right


def simulate_power(rankings: int = 1000) -> bool:
    """Print how often a setup that is worse than the others is called worse than the best, or the best better."""
    chance = np.random.default_rng(1)
    for setups in METHOD_COUNTS:
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


MODES = {"simulate": simulate_false_verdicts, "power": simulate_power}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument("rankings", type=int, nargs="?", default=1000, help="number of rankings (default: 1000)")


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if more than 5% of the verdicts are false."""
    return 0 if MODES[options.mode](options.rankings) else 1
