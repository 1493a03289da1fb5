"""Measure how often the 95% intervals of `dnn evaluate` contain the true score.

Each simulated evaluation draws 10, 30 or 300 examples. The true score is that on 400,000 examples. The accuracy of the
classifiers, and the share of the variance that the regressions explain, is 0.5, 0.9 or 0.99.

A cell is the coverage in percent. In parentheses is the share of evaluations with an interval, if it is below 99.5%.
"""

import argparse
import tempfile
from pathlib import Path

from tests.helpers.interval_cases import PARTS, RATES, measure_coverage

COUNTS = (10, 30, 300)
DATASETS = ("wine", "breast_cancer", "diabetes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("evaluations", nargs="?", type=int, default=1000, help="simulated evaluations of each cell")
    parser.add_argument("--dataset", choices=DATASETS, action="append", help="only this dataset; repeat for more")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part of the scores; repeat for more")


def run(options: argparse.Namespace) -> int:
    """Print a table for each dataset, and return 0."""
    with tempfile.TemporaryDirectory() as directory:
        for dataset in options.dataset or DATASETS:
            print(f"{dataset}, {options.evaluations} evaluations")
            print(f"{'':28}" + "".join(f"{f'{rate}':^36}" for rate in RATES))
            print(f"{'':28}" + "".join(f"{f'n={count}':^12}" for _ in RATES for count in COUNTS))
            cells: dict[str, list[str]] = {}
            for rate in RATES:
                for count in COUNTS:
                    path = Path(directory, f"{dataset}.yaml")
                    parts = options.part or tuple(PARTS)
                    coverages = measure_coverage(dataset, count, rate, options.evaluations, path, parts)
                    for name, coverage in coverages.items():
                        share = coverage.intervals / coverage.evaluations
                        text = f"{100 * coverage.covered / coverage.intervals:.1f}" if coverage.intervals else "–"
                        cells.setdefault(name, []).append(text + ("" if share >= 0.995 else f" ({100 * share:.0f})"))
            for name, texts in cells.items():
                print(f"{name:28}" + "".join(f"{text:^12}" for text in texts), flush=True)
            print()
    return 0
