"""How often `dnn compare` is wrong, on real trainings: one experiment in two groups of seeds, hundreds of times.

    python -m tests.campaign_verdicts [COMPARISONS] [SEEDS]

The second experiment differs in a key that changes nothing (an early stopping that never stops), so that every
`better` and `worse` between the two is false. The third has a hidden layer of other size: what is found of that real
difference, by pairs of seeds, is the power. Every seed is trained once and used once.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from dnn_cli.compare.comparison import compare
from dnn_cli.compare.statistics import ALPHA
from dnn_cli.compare.verdicts import Verdict
from dnn_cli.runs.entry import Entry
from dnn_cli.runs.store import Store
from tests.conftest import DIGITS

SAME = ["early_stopping={monitor: val_loss, patience: 1000}"]
OTHER = ["layers.hidden.units=8"]
EPOCHS = 4


def main(comparisons: int, seeds: int) -> None:
    """Train, compare, and count."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "digits.yaml").write_text(DIGITS)
        many, begun = comparisons * seeds, time.monotonic()
        train(folder, [], f"1..{many}")
        train(folder, SAME, f"{many + 1}..{2 * many}")
        train(folder, OTHER, f"1..{many}")
        store = Store(folder / "runs")
        entries = store.detailed(store.entries())
        print(f"{len(entries)} trainings in {time.monotonic() - begun:.0f} s", flush=True)
    plain = by_seed(entry for entry in entries if not changed(entry))
    same = by_seed(entry for entry in entries if changed(entry) == "same")
    other = by_seed(entry for entry in entries if changed(entry) == "other")
    null, real = [], []
    for begin in range(1, many + 1, seeds):
        window = range(begin, begin + seeds)
        null.append(verdict([plain[seed] for seed in window] + [same[seed + many] for seed in window]))
        real.append(verdict([plain[seed] for seed in window] + [other[seed] for seed in window]))
    report(f"the same experiment, two samples of {seeds} seeds", null)
    report(f"8 hidden units instead of 16, {seeds} pairs by seed", real)
    found = [score(other[seed]) - score(plain[seed]) for seed in range(1, many + 1)]
    print(f"the real difference: {100 * fmean(found):.2f} pp, {abs(fmean(found)) / stdev(found):.2f} of its deviations")
    wrong = sum(one.word in ("better", "worse") for one in null)
    assert wrong <= ALPHA * comparisons + 2 * (ALPHA * (1 - ALPHA) * comparisons) ** 0.5, "more than chance explains"


def train(folder: Path, overrides: list[str], seeds: str) -> None:
    """A sweep over seeds, which must succeed."""
    words = ["sweep", "digits.yaml", f"epochs={EPOCHS}", *overrides, f"seed={seeds}", "--json"]
    subprocess.run([sys.executable, "-m", "dnn_cli", *words], cwd=folder, check=True, capture_output=True)


def changed(entry: Entry) -> str:
    """Which of the three experiments a run is of."""
    experiment = entry.experiment or {}
    if experiment.get("early_stopping"):
        return "same"
    return "" if experiment["model"]["layers"][1]["units"] == 16 else "other"


def by_seed(entries) -> dict[int, Entry]:
    return {entry.details.seed: entry for entry in entries}


def score(entry: Entry) -> float:
    assert entry.record is not None and entry.record.results.model is not None
    return entry.record.results.model["val_accuracy"]


def verdict(entries: Sequence[Entry]) -> Verdict:
    """What is said of two groups."""
    (found,) = compare(entries).family.verdicts
    return found


def report(title: str, verdicts: Sequence[Verdict]) -> None:
    """How often which word was said, and whether intervals hold 0."""
    words = Counter(found.word for found in verdicts)
    hold = [low <= 0 <= high for found in verdicts if found.difference and (found.difference.interval is not None)
            for low, high in [found.difference.interval]]  # fmt: skip
    told = ", ".join(f"{word} {count / len(verdicts):.1%}" for word, count in words.most_common())
    print(f"{title}: {told}; {sum(hold)} of {len(hold)} intervals hold 0")


if __name__ == "__main__":
    main(*(int(word) for word in (*sys.argv[1:], *("300", "8")[len(sys.argv) - 1 :])))
