"""Every single thing that a training asks of the disk fails once, with every error, or from there on.

python -m tests.campaign_faults
"""

import tempfile
import time
from pathlib import Path

from dnn_cli.config.loading import load_experiment
from dnn_cli.runs.store import Store
from tests.conftest import DIGITS_YAML
from tests.helpers.fault_injection import ERRORS
from tests.training.test_disk_failures import TINY, train_with_each_failure

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "digits.yaml"
        config.write_text(DIGITS_YAML, encoding="utf-8")
        started, failed = time.monotonic(), 0
        for error in ERRORS:
            store = Store(Path(directory) / str(error))
            failed += train_with_each_failure(
                load_experiment(str(config), TINY), store, lambda asked: range(1, len(asked) + 1), errors=[error]
            )
        print(f"{failed} failures in {time.monotonic() - started:.0f} s: every run readable, every message printed")
