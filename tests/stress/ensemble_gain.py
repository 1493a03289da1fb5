"""Measure how often the 95% interval of the gain of `dnn ensemble` contains the true gain.

Five members have errors with a common part and a part of their own. Each simulated ensemble is scored on 10, 30 or 300
examples; the true gain is that on 100,000 examples. The accuracy of a member is 0.5, 0.9 or 0.99. In a regression, a
member explains 0.9 of the variance, which has no influence on its errors.

A cell is the coverage in percent. In parentheses is the share of ensembles with an interval, if it is below 99.5%.
"""

import argparse
import tempfile
from pathlib import Path

from tests.helpers.ensemble_cases import RATES, load_case, measure_gain_coverage

COUNTS = (10, 30, 300)
METRICS = {False: "accuracy, auc", True: "mae, root_mean_squared_error"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ensembles", nargs="?", type=int, default=1000, help="simulated ensembles of each cell")
    parser.add_argument("--quick", action="store_true", help="only scores that are means over examples")


def run(options: argparse.Namespace) -> int:
    """Print a table for a classification and for a regression, and return 0."""
    with tempfile.TemporaryDirectory() as directory:
        for is_regression, metrics in METRICS.items():
            metrics = metrics.partition(",")[0] if options.quick else metrics
            experiment = load_case(Path(directory), is_regression=is_regression, metrics=metrics)
            rates = RATES[1:2] if is_regression else RATES
            print(f"{'regression' if is_regression else 'two classes'}, {options.ensembles} ensembles")
            print(f"{'':24}" + "".join(f"{f'{rate}':^36}" for rate in rates))
            print(f"{'':24}" + "".join(f"{f'n={count}':^12}" for _ in rates for count in COUNTS))
            cells: dict[str, list[str]] = {}
            for rate in rates:
                for count in COUNTS:
                    for name, part in measure_gain_coverage(experiment, rate, count, options.ensembles).items():
                        share = part.intervals / part.ensembles
                        text = f"{100 * part.covered / part.intervals:.1f}" if part.intervals else "–"
                        cells.setdefault(name, []).append(text + ("" if share >= 0.995 else f" ({100 * share:.0f})"))
            for name, texts in cells.items():
                print(f"{name:24}" + "".join(f"{text:^12}" for text in texts), flush=True)
    return 0
