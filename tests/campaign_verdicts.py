"""How often `dnn compare` is wrong, and how often it finds a difference: by simulation and on real trainings.

    python -m tests.campaign_verdicts simulate [FAMILIES]          false verdicts of drawn scores; 15 min for 1,000
    python -m tests.campaign_verdicts power [FAMILIES]             power before and after; 20 s for 1,000
    python -m tests.campaign_verdicts train [COMPARISONS] [SEEDS]  real trainings; 15 min for 300 of 3 seeds

`train` compares one experiment with itself. Every seed is trained once and used once, so every `better` and `worse`
is false. A second experiment has a hidden layer of another size; its share of verdicts is the power.
"""

import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from dnn_cli.compare.exact_tests import sign_flip_test
from dnn_cli.compare.statistics import ALPHA, lowest_p
from dnn_cli.compare.t_tests import paired_t_test
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.store import Store
from tests.compare.drawn_groups import DRAWS, allowed, count_wrong, has_verdict, make_groups
from tests.conftest import DIGITS

OTHER = ["layers.hidden.units=8"]
EPOCHS = 4
GROUPS = (2, 4, 8)
FEW = (3, 4, 5)
"""Seeds that a t-test is used for, in families of all sizes."""


def simulate(families: int = 1000) -> bool:
    """Print false verdicts for every kind of scores, and return whether all are at most 5%."""
    is_right = True
    for paired in (True, False):
        for name in DRAWS:
            cells = []
            for groups in GROUPS:
                for seeds in FEW:
                    wrong = count_wrong(name, groups, seeds, families, paired=paired)
                    is_right &= wrong <= allowed(families)
                    cells.append(f"{100 * wrong / families:4.1f}")
            print(f"{'paired' if paired else 'two samples':12} {name:11} {' '.join(cells)}", flush=True)
    print(f"% of {families} families with a false verdict; 2, 4 and 8 groups, each with 3, 4 and 5 seeds")
    return is_right


def power(families: int = 1000) -> bool:
    """Print how often a difference is found: by the exact test alone, as before, and by the test that is chosen now."""
    chance = np.random.default_rng(0)
    print("share of differences found: exact test alone / test chosen by the number of seeds")
    print(f"{'':26} {'  '.join(f'{effect:>9} sd' for effect in (2, 4, 8, 20))}")
    for groups in GROUPS:
        comparisons = groups * (groups - 1) // 2
        for seeds in (3, 4, 5, 6, 8, 11):
            cells = []
            for effect in (2, 4, 8, 20):
                scores = chance.normal(0, 1, (families, groups, seeds))
                scores[:, 0] -= effect
                exact, _ = sign_flip_test(scores[:, 1] - scores[:, 0])
                before = np.mean(exact * comparisons <= ALPHA)
                if lowest_p(seeds) * comparisons <= ALPHA:
                    now = before
                else:
                    variance = scores.var(-1, ddof=1).mean(-1)
                    found, _ = paired_t_test(scores[:, 1] - scores[:, 0], 0.5 * variance)  # type: ignore[arg-type]
                    now = np.mean(found * comparisons <= ALPHA)
                cells.append(f"{100 * before:4.0f} / {100 * now:3.0f}")
            print(f"{groups} groups, {seeds:2} seeds of each   {'   '.join(cells)}", flush=True)
    return True


def train(comparisons: int = 300, seeds: int = 3) -> bool:
    """Train, compare, print, and return whether false verdicts are at most 5%."""
    many = comparisons * seeds
    with tempfile.TemporaryDirectory() as place:
        folder, begun = Path(place), time.monotonic()
        (folder / "digits.yaml").write_text(DIGITS)
        sweep(folder, [], f"1..{2 * many}")
        sweep(folder, OTHER, f"1..{many}")
        store = Store(folder / "runs")
        entries = store.detailed(store.entries())
        print(f"{len(entries)} trainings in {time.monotonic() - begun:.0f} s", flush=True)
    plain = {entry.details.seed: score(entry) for entry in entries if units(entry) == 16}
    other = {entry.details.seed: score(entry) for entry in entries if units(entry) == 8}
    examples = int(entries[0].record.data["validation"]) if entries[0].record else 0  # type: ignore[arg-type]
    is_right = True
    for groups in (2, 4):
        families = 2 * many // (groups * seeds)
        scores = np.array([plain[seed] for seed in range(1, families * groups * seeds + 1)])
        for paired in (True, False):
            null = scores.reshape(families, groups, seeds)
            wrong = sum(has_verdict(make_groups(one, paired=paired), examples) for one in null)
            is_right &= wrong <= allowed(families)
            report(f"{groups} equal groups of {seeds} seeds, {'paired' if paired else 'two samples'}", wrong, families)
    pairs = np.array([[plain[seed], other[seed]] for seed in range(1, many + 1)]).reshape(comparisons, seeds, 2)
    found = sum(has_verdict(make_groups(one.T, paired=True), examples) for one in pairs)
    report(f"8 hidden units instead of 16, {seeds} pairs by seed", found, comparisons)
    away = [other[seed] - plain[seed] for seed in range(1, many + 1)]
    print(
        f"the real difference: {100 * fmean(away):.2f} points, {abs(fmean(away)) / stdev(away):.2f} of its deviations"
    )
    return is_right


def report(title: str, count: int, total: int) -> None:
    """Print a count with its share and the 95% interval of Wilson."""
    share, z = count / total, 1.96
    centre = (share + z * z / 2 / total) / (1 + z * z / total)
    reach = z * math.sqrt(share * (1 - share) / total + z * z / 4 / total**2) / (1 + z * z / total)
    print(f"{title}: {count} of {total} called different, {share:.1%} ({centre - reach:.1%} to {centre + reach:.1%})")


def sweep(folder: Path, overrides: list[str], seeds: str) -> None:
    """Train a sweep over seeds, which must succeed."""
    words = ["sweep", "digits.yaml", f"epochs={EPOCHS}", *overrides, f"seed={seeds}", "--json"]
    subprocess.run([sys.executable, "-m", "dnn_cli", *words], cwd=folder, check=True, capture_output=True)


def units(entry: Entry) -> int:
    """Return the units of the hidden layer of a run."""
    return int((entry.experiment or {})["model"]["layers"][1]["units"])


def score(entry: Entry) -> float:
    """Return the score of the saved model."""
    assert entry.record is not None
    assert entry.record.results.model is not None
    return float(entry.record.results.model["val_accuracy"])


MODES = {"simulate": simulate, "power": power, "train": train}


def main(words: Sequence[str]) -> int:
    """Run the modes that are named, or all."""
    names = [word for word in words if word in MODES] or list(MODES)
    numbers = [int(word) for word in words if word not in MODES]
    results = Counter(MODES[name](*numbers) for name in names)
    return 1 if results[False] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
