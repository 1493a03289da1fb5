"""A failure of a disk operation leaves readable runs, in their old or new state, and a message about them."""

import re
from pathlib import Path

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.store import Store
from tests.helpers.fault_trainings import TINY, train_with_each_failure


def test_disk_failure_leaves_readable_runs(config, tmp_path):
    store = Store(tmp_path / "runs")
    assert train_with_each_failure(load_experiment(config(), TINY), store, select_failures) >= 4


def select_failures(operations):
    """Select one operation for every third file, with another operation for the next file.

    `python -m tests.stress faults` lets all operations fail.
    """
    numbers = {}
    for number, (operation, path) in enumerate(operations, 1):
        # The name of a temporary file has random characters.
        name = re.sub(r"-\w{8}(?=\.\w+$)", "", Path(path).name)
        # Of several files with this name, the last one has an old state.
        numbers.setdefault(name, {})[operation] = number
    choices = [list(by_operation.values()) for by_operation in numbers.values()]
    return sorted(of_file[index % len(of_file)] for index, of_file in enumerate(choices[::3]))
