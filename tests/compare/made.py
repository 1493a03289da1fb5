"""Comparisons without trainings: runs that are made with their scores."""

import json

import pytest

from dnn_cli.compare.comparison import compare
from dnn_cli.runs.store import Store


class Trained:
    """Runs in one directory."""

    def __init__(self, make_run, root):
        self.make_run, self.root, self.count = make_run, root, 0

    def add(self, name, scores, *overrides, first=42, **changes):
        """A run a score, or a curve, of the seeds from the first on; the runs."""
        made = []
        for seed, score in enumerate(scores, first):
            self.count += 1
            curve = score if isinstance(score, tuple) else (score - 0.1, score)
            words = (f"name={json.dumps(name, ensure_ascii=False)}", f"seed={seed}", *overrides)
            made.append(self.make_run(*words, digits=f"{self.count:08x}", curve=curve, **changes))
        return made

    def compare(self, **options):
        """All of them beside each other."""
        store = Store(self.root / "runs")
        return compare(store.detailed(store.entries()), **options)


@pytest.fixture
def trained(make_run, tmp_path):
    return Trained(make_run, tmp_path)
