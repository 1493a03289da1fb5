"""Let every disk operation of a training fail once, with every error.

Every second failure lasts until the end of the training. Every run must stay readable, and every error
message must be printed.
"""

import argparse
import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.store import Store
from tests.helpers.digits import DIGITS_YAML
from tests.helpers.fault_injection import ERRORS
from tests.helpers.fault_trainings import TINY, train_with_each_failure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--step", type=int, default=1, help="let only every STEP-th operation fail (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Train once for every failure; a wrong result raises."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "digits.yaml"
        config.write_text(DIGITS_YAML, encoding="utf-8")
        started, failed = time.monotonic(), 0
        for error in ERRORS:
            store = Store(Path(directory) / str(error))
            failed += train_with_each_failure(
                load_experiment(str(config), TINY),
                store,
                lambda operations: range(1, len(operations) + 1, options.step),
                errors=[error],
            )
        print(f"{failed} failures in {time.monotonic() - started:.0f} s: every run readable, every message printed")
    return 0
