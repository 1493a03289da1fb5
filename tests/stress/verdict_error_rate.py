"""Measure how often `dnn compare` reaches false verdicts and finds real differences.

    simulate [FAMILIES]          false verdicts on random scores; 15 min for 1,000 families
    power [FAMILIES]             power of the exact test alone and of the chosen test; 20 s for 1,000 families
    baseline [FAMILIES]          false verdicts against the fixed score of a baseline; 30 s for 1,000 families
    train [COMPARISONS] [SEEDS]  real trainings; 15 min for 300 comparisons of 3 seeds

`train` compares one experiment with itself. Every seed is trained once and used once, so every `better` and `worse`
is false. A second experiment has a hidden layer of another size; its share of verdicts is the power.
"""

import argparse
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from dnn_cli.compare.exact_tests import run_sign_flip_test
from dnn_cli.compare.group_tests import ScorePair, measure_differences
from dnn_cli.compare.score_resolution import compute_resolution
from dnn_cli.compare.significance import ALPHA, compute_min_p_value
from dnn_cli.compare.t_tests import run_paired_t_test
from dnn_cli.runs.run_info import RunInfo
from dnn_cli.runs.store import Store
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.random_groups import (
    DRAWS,
    EXAMPLES,
    compute_allowed_count,
    count_wrong_families,
    has_verdict,
    make_groups,
)

OTHER_OVERRIDES = ["layers.hidden.units=8"]
EPOCHS = 4
GROUPS = (2, 4, 8)
SEED_COUNTS = (3, 4, 5)
"""Numbers of seeds for which a t-test is used in families of every size."""


def simulate_false_verdicts(families: int = 1000) -> bool:
    """Print false verdicts for every kind of scores, and return whether all are at most 5%."""
    is_right = True
    for paired in (True, False):
        for name in DRAWS:
            cells = []
            for groups in GROUPS:
                for seeds in SEED_COUNTS:
                    wrong = count_wrong_families(name, groups, seeds, families, paired=paired)
                    is_right &= wrong <= compute_allowed_count(families)
                    cells.append(f"{100 * wrong / families:4.1f}")
            print(f"{'paired' if paired else 'two samples':12} {name:11} {' '.join(cells)}", flush=True)
    print(f"% of {families} families with a false verdict; 2, 4 and 8 groups, each with 3, 4 and 5 seeds")
    return is_right


def simulate_fixed_scores(families: int = 1000) -> bool:
    """Print false verdicts on seeds whose mean is a fixed score, and return whether normal scores have at most 5%."""
    is_right = True
    for name, draw in DRAWS.items():
        # A shift by seed is common to networks, which are not compared here.
        if name == "correlated":
            continue
        chance = np.random.default_rng(sum(map(ord, name)))
        fixed = float(draw(chance, (1, 1_000_000)).mean())
        cells = []
        for seeds in (3, 4, 5, 8, 20):
            scores = draw(chance, (families, seeds))
            pairs = [
                ScorePair(dict(enumerate(row)), dict.fromkeys(range(seeds), fixed), is_fixed=True)
                for row in scores.tolist()
            ]
            resolution = compute_resolution([float(scores.max())], [EXAMPLES if name == "rounded" else 0])
            differences = measure_differences(pairs, 1, resolution)
            wrong = sum(difference.p_value is not None and difference.p_value <= ALPHA for difference in differences)
            is_right &= name != "normal" or wrong <= compute_allowed_count(families)
            cells.append(f"{100 * wrong / families:4.1f}")
        print(f"{name:11} {' '.join(cells)}", flush=True)
    print(f"% of {families} comparisons with a false verdict; 3, 4, 5, 8 and 20 seeds")
    return is_right


def simulate_power(families: int = 1000) -> bool:
    """Print how often a difference is found by the exact test alone, and by the test that dnn chooses."""
    rng = np.random.default_rng(0)
    print("share of differences found: exact test alone / test chosen by the number of seeds")
    print(f"{'':26} {'  '.join(f'{effect:>9} sd' for effect in (2, 4, 8, 20))}")
    for groups in GROUPS:
        comparisons = groups * (groups - 1) // 2
        for seeds in (3, 4, 5, 6, 8, 11):
            cells = []
            for effect in (2, 4, 8, 20):
                scores = rng.normal(0, 1, (families, groups, seeds))
                scores[:, 0] -= effect
                exact, _ = run_sign_flip_test(scores[:, 1] - scores[:, 0])
                before = np.mean(exact * comparisons <= ALPHA)
                if compute_min_p_value(seeds) * comparisons <= ALPHA:
                    now = before
                else:
                    variance = scores.var(-1, ddof=1).mean(-1)
                    p_values, _ = run_paired_t_test(scores[:, 1] - scores[:, 0], 0.5 * variance)  # type: ignore[arg-type]
                    now = np.mean(p_values * comparisons <= ALPHA)
                cells.append(f"{100 * before:4.0f} / {100 * now:3.0f}")
            print(f"{groups} groups, {seeds:2} seeds of each   {'   '.join(cells)}", flush=True)
    return True


def measure_on_trainings(comparisons: int = 300, seeds: int = 3) -> bool:
    """Train, compare, print, and return whether false verdicts are at most 5%."""
    seed_count = comparisons * seeds
    with tempfile.TemporaryDirectory() as temporary:
        directory, started = Path(temporary), time.monotonic()
        (directory / "digits.yaml").write_text(DIGITS_YAML)
        train_sweep(directory, [], f"1..{2 * seed_count}")
        train_sweep(directory, OTHER_OVERRIDES, f"1..{seed_count}")
        store = Store(directory / "runs")
        runs = store.with_details(store.list_runs())
        print(f"{len(runs)} trainings in {time.monotonic() - started:.0f} s", flush=True)
    plain = {run_info.details.seed: get_final_score(run_info) for run_info in runs if get_hidden_units(run_info) == 16}
    other = {run_info.details.seed: get_final_score(run_info) for run_info in runs if get_hidden_units(run_info) == 8}
    examples = int(runs[0].record.data["validation"]) if runs[0].record else 0  # type: ignore[arg-type]
    is_right = True
    for groups in (2, 4):
        families = 2 * seed_count // (groups * seeds)
        scores = np.array([plain[seed] for seed in range(1, families * groups * seeds + 1)])
        for paired in (True, False):
            null = scores.reshape(families, groups, seeds)
            wrong = sum(has_verdict(make_groups(group_scores, paired=paired), examples) for group_scores in null)
            is_right &= wrong <= compute_allowed_count(families)
            print_share(
                f"{groups} equal groups of {seeds} seeds, {'paired' if paired else 'two samples'}", wrong, families
            )
    pairs = np.array([[plain[seed], other[seed]] for seed in range(1, seed_count + 1)]).reshape(comparisons, seeds, 2)
    difference_count = sum(has_verdict(make_groups(group_scores.T, paired=True), examples) for group_scores in pairs)
    print_share(f"8 hidden units instead of 16, {seeds} pairs by seed", difference_count, comparisons)
    away = [other[seed] - plain[seed] for seed in range(1, seed_count + 1)]
    print(
        f"the real difference: {100 * fmean(away):.2f} points, {abs(fmean(away)) / stdev(away):.2f} of its deviations"
    )
    return is_right


def print_share(title: str, count: int, total: int, verdict: str = "called different") -> None:
    """Print a count with its share and the 95% interval of Wilson."""
    share, z = count / total, 1.96
    centre = (share + z * z / 2 / total) / (1 + z * z / total)
    reach = z * math.sqrt(share * (1 - share) / total + z * z / 4 / total**2) / (1 + z * z / total)
    print(f"{title}: {count} of {total} {verdict}, {share:.1%} ({centre - reach:.1%} to {centre + reach:.1%})")


def train_sweep(directory: Path, overrides: list[str], seeds: str) -> None:
    """Train a sweep over seeds, which must succeed."""
    words = ["sweep", "digits.yaml", f"epochs={EPOCHS}", *overrides, f"seed={seeds}", "--json"]
    subprocess.run([sys.executable, "-m", "dnn_cli", *words], cwd=directory, check=True, capture_output=True)


def get_hidden_units(run_info: RunInfo) -> int:
    """Return the units of the hidden layer of a run."""
    return int((run_info.config or {})["model"]["layers"][1]["units"])


def get_final_score(run_info: RunInfo) -> float:
    """Return the score of the saved model."""
    assert run_info.record is not None
    assert run_info.record.results.model is not None
    return float(run_info.record.results.model["val_accuracy"])


MODES = {
    "simulate": simulate_false_verdicts,
    "baseline": simulate_fixed_scores,
    "power": simulate_power,
    "train": measure_on_trainings,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("mode", choices=MODES, help="what to measure")
    parser.add_argument("numbers", type=int, nargs="*", help="FAMILIES, or COMPARISONS and SEEDS")


def run(options: argparse.Namespace) -> int:
    """Run one mode and return 1 if more than 5% of the verdicts are false."""
    return 0 if MODES[options.mode](*options.numbers) else 1
