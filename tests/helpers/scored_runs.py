"""Runs with given scores, made without training, and their comparison."""

import json

import pytest

from dnn_cli.compare.comparison import compare_runs
from dnn_cli.runs.store import Store


class ScoredRuns:
    """Runs with given scores in one directory."""

    def __init__(self, make_run, root):
        self.make_run, self.root, self.count = make_run, root, 0

    def add(self, name, scores, *overrides, first=42, **changes):
        """Make one run for each score or curve, with consecutive seeds, and return the runs."""
        runs = []
        for seed, score in enumerate(scores, first):
            self.count += 1
            curve = score if isinstance(score, tuple) else (score - 0.1, score)
            words = (f"name={json.dumps(name, ensure_ascii=False)}", f"seed={seed}", *overrides)
            runs.append(self.make_run(*words, digits=f"{self.count:08x}", curve=curve, **changes))
        return runs

    def compare(self, **options):
        """Compare all runs."""
        store = Store(self.root / "runs")
        return compare_runs(store.with_details(store.list_runs()), **options)


@pytest.fixture
def scored_runs(make_run, tmp_path):
    return ScoredRuns(make_run, tmp_path)
