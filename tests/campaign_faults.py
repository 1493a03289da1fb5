"""Every single thing that a training asks of the disk fails once, with every error, or from there on.

python -m tests.campaign_faults
"""

import tempfile
import time
from pathlib import Path

from dnn_cli.runs.store import Store
from dnn_cli.spec.load import load
from tests.conftest import DIGITS
from tests.faults import ERRORS
from tests.training.test_faults import TINY, every_failure

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "digits.yaml"
        config.write_text(DIGITS, encoding="utf-8")
        begun, failed = time.monotonic(), 0
        for error in ERRORS:
            store = Store(Path(folder) / str(error))
            failed += every_failure(
                load(str(config), TINY), store, lambda asked: range(1, len(asked) + 1), errors=[error]
            )
        print(f"{failed} failures in {time.monotonic() - begun:.0f} s: every run readable, every message told")
