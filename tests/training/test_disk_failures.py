"""A failure of any disk operation leaves readable runs, in their old or new state, and a message about them."""

from itertools import pairwise

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.store import Store
from tests.helpers.fault_trainings import TINY, train_with_each_failure

FAILURE_STEP = 5
"""The test lets every fifth selected operation fail; `python -m tests.stress faults` lets all operations fail."""


def test_disk_failure_leaves_readable_runs(config, tmp_path):
    train_with_each_failure(
        load_experiment(config(), TINY), Store(tmp_path / "runs"), lambda asked: select_failures(asked)[::FAILURE_STEP]
    )


def select_failures(asked):
    """Select the operations to fail: of many writes to one file, only the first and the last."""
    rows = list(enumerate(asked, 1))
    edges = {number for (number, call), (_, other) in pairwise(rows) if call != other or call[0] != "write"}
    starts = {number for (_, call), (number, other) in pairwise(rows) if call != other or other[0] != "write"}
    return sorted(edges | starts | {1, len(rows)})
